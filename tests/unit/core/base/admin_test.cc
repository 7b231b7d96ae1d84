#include "core/base/admin.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "tests/support/log_capture.h"

namespace spanwire::base {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A blocking client socket.
class Client {
 public:
  explicit Client(const Address& address) {
    if (address.unix_socket) {
      sockaddr_un to = {};
      to.sun_family = AF_UNIX;
      address.host_or_path.copy(to.sun_path, sizeof(to.sun_path) - 1);
      Connect(AF_UNIX, reinterpret_cast<sockaddr*>(&to), sizeof(to));
    } else {
      sockaddr_in to = {};
      to.sin_family = AF_INET;
      to.sin_port = htons(address.port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      Connect(AF_INET, reinterpret_cast<sockaddr*>(&to), sizeof(to));
    }
  }
  ~Client() { ::close(fd_); }

  void Send(absl::string_view text) { ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Everything until the server closes.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = ::recv(fd_, buffer, sizeof(buffer), 0)) > 0;) all.append(buffer, n);
    return all;
  }

 private:
  void Connect(int family, const sockaddr* to, socklen_t size) {
    fd_ = ::socket(family, SOCK_STREAM, 0);
    ASSERT_EQ(::connect(fd_, to, size), 0) << strerror(errno);
  }
  int fd_ = -1;
};

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() { metrics_.AddCounter("spanwire_test_total", "Test.").Increment(); }
  ~AdminTest() override {
    loop_.Stop();
    loop_.Join();
  }
  void Start(const std::string& listen) {
    const absl::Status started = admin_.Start(listen);
    ASSERT_TRUE(started.ok()) << started;
    loop_.Start();
  }
  std::string Ask(absl::string_view request) {
    Client client(admin_.address());
    client.Send(request);
    return client.ReadAll();
  }
  std::string Get(absl::string_view path, absl::string_view host = "localhost") {
    return Ask(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", host, "\r\n\r\n"));
  }
  static std::string SocketPath(const char* name) {
    return absl::StrCat(::testing::TempDir(), "/spanwire_admin_", ::getpid(), "_", name);
  }

  test::LogCapture log_;
  Loop loop_{"admin"};
  Metrics metrics_;
  Readiness readiness_{&loop_, {"redis"}};
  AdminServer admin_{&loop_, &metrics_, &readiness_};
};

TEST_F(AdminTest, ReportsThePortThatTheSystemChose) {
  Start("127.0.0.1:0");
  EXPECT_NE(admin_.address().port, 0);
  EXPECT_EQ(log_.Count("msg=\"admin listening\" address=" + admin_.address().ToString()), 1);
}

TEST_F(AdminTest, ServesMetricsLivenessAndReadiness) {
  Start("127.0.0.1:0");
  EXPECT_THAT(Get("/metrics"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"),
                    HasSubstr("spanwire_test_total 1")));
  EXPECT_THAT(Get("/livez"), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nalive\n")));
  EXPECT_THAT(Get("/readyz"),
              AllOf(StartsWith("HTTP/1.1 503 "), EndsWith("\r\n\r\nredis: starting\n")));
  readiness_.Set("redis", true);
  EXPECT_THAT(Get("/readyz?verbose"),
              AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nready\n")));
}

TEST_F(AdminTest, AnswersHeadWithoutABody) {
  Start("127.0.0.1:0");
  EXPECT_THAT(
      Ask("HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"),
      AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Length: 6\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(AdminTest, SaysWhatIsWrong) {
  Start("127.0.0.1:0");
  EXPECT_THAT(Get("/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get("/metricsx"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD")));
  EXPECT_THAT(Ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(AdminTest, AForeignHostIsMisdirected) {
  Start("127.0.0.1:0");
  EXPECT_THAT(Get("/metrics", "evil.example"),
              AllOf(StartsWith("HTTP/1.1 421 "), ::testing::Not(HasSubstr("spanwire_test_total"))));
  EXPECT_THAT(Get("/livez", absl::StrCat("127.0.0.1:", admin_.address().port)),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminTest, TakesAHeadInPieces) {
  Start("127.0.0.1:0");
  Client client(admin_.address());
  for (const char c : absl::string_view("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
    client.Send(absl::string_view(&c, 1));
  }
  EXPECT_THAT(client.ReadAll(), EndsWith("alive\n"));
}

TEST_F(AdminTest, BoundsTheHead) {
  Start("127.0.0.1:0");
  const std::string request = "GET /livez HTTP/1.1\r\nHost: localhost\r\nx: ";
  const size_t room = limits::kHeadBytes - request.size() - 4;
  EXPECT_THAT(Ask(absl::StrCat(request, std::string(room, 'x'), "\r\n\r\n")),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask(absl::StrCat(request, std::string(room + 1, 'x'), "\r\n\r\n")),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Ask(absl::StrCat(request, std::string(room + 100'000, 'x'))),
              StartsWith("HTTP/1.1 431 "));
}

TEST_F(AdminTest, BoundsItsConnectionsAndServesAgainWhenOneIsGone) {
  Start("127.0.0.1:0");
  std::vector<std::unique_ptr<Client>> idle;
  for (size_t i = 0; i < limits::kAdminConnections; ++i) {
    idle.push_back(std::make_unique<Client>(admin_.address()));
  }
  EXPECT_EQ(Get("/livez"), "");
  idle.pop_back();
  // The server notices in its own time.
  std::string response;
  while (response.empty()) response = Get("/livez");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminTest, ListensOnAUnixSocketWithoutLookingAtTheHost) {
  const std::string path = SocketPath("listen");
  Start("unix:" + path);
  EXPECT_THAT(Get("/livez", "whatever.example"), EndsWith("alive\n"));
  std::promise<void> stopped;
  loop_.Post([&] {
    admin_.Stop();
    stopped.set_value();
  });
  stopped.get_future().wait();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST_F(AdminTest, ReplacesASocketThatNobodyAnswersOn) {
  const std::string path = SocketPath("stale");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);
  Start("unix:" + path);
  EXPECT_THAT(Get("/livez"), EndsWith("alive\n"));
}

TEST_F(AdminTest, NeverTakesALivingSocketOrAFile) {
  const std::string path = SocketPath("living");
  Start("unix:" + path);
  AdminServer second(&loop_, &metrics_, &readiness_);
  const absl::Status taken = second.Start("unix:" + path);
  EXPECT_EQ(taken.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(taken.message()), AllOf(HasSubstr(path), HasSubstr("in use")));
  EXPECT_THAT(Get("/livez"), EndsWith("alive\n"));

  const std::string file = SocketPath("file");
  ::close(::creat(file.c_str(), 0600));
  EXPECT_FALSE(second.Start("unix:" + file).ok());
  EXPECT_EQ(::access(file.c_str(), F_OK), 0);
  ::unlink(file.c_str());
}

TEST_F(AdminTest, SaysThatAPortIsTaken) {
  Start("127.0.0.1:0");
  AdminServer second(&loop_, &metrics_, &readiness_);
  const absl::Status taken = second.Start(admin_.address().ToString());
  EXPECT_EQ(taken.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(taken.message()),
              HasSubstr("cannot listen on " + admin_.address().ToString()));
}

TEST_F(AdminTest, OffListensNowhereAndForeignAddressesAreRefused) {
  AdminServer other(&loop_, &metrics_, &readiness_);
  EXPECT_EQ(other.Start("0.0.0.0:0").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(other.Start("nonsense").code(), absl::StatusCode::kInvalidArgument);
  Start("off");
  EXPECT_EQ(log_.Count("admin listening"), 0);
}

TEST_F(AdminTest, StopClosesWhatIsOpen) {
  Start("localhost:0");
  Client idle(admin_.address());
  Get("/livez");  // after this the first one is accepted too
  loop_.Post([&] { admin_.Stop(); });
  EXPECT_EQ(idle.ReadAll(), "");
}

}  // namespace
}  // namespace spanwire::base
