// The listener: addresses, limits, and what happens when descriptors run out.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/base/limits.h"
#include "tests/support/echo_server.h"
#include "tests/support/wire_client.h"

namespace spanwire::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class BridgeListener : public ::testing::Test {
 protected:
  BridgeListener() {
    std::string pattern = absl::StrCat(::testing::TempDir(), "/wireXXXXXX");
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/bridge.sock";
  }
  ~BridgeListener() override {
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  EchoServer::Options OnPath() const {
    EchoServer::Options options;
    options.address = {true, path_, 0};
    return options;
  }
  static bool Answers(const base::Address& address) {
    WireClient client(address);
    return client.connected() && absl::StartsWith(client.Upgrade(), "HTTP/1.1 101 ");
  }

  std::string folder_;
  std::string path_;
};

TEST_F(BridgeListener, TellsThePortThatItGot) {
  EchoServer server({});
  ASSERT_TRUE(server.Start().ok());
  EXPECT_NE(server.address().port, 0);
  EXPECT_TRUE(Answers(server.address()));
}

// The server's end is one of this process' descriptors.
TEST_F(BridgeListener, TheKernelGivesUpAPeerThatVanished) {
  EchoServer server({});
  ASSERT_TRUE(server.Start().ok());
  WireClient client(server.address());
  ASSERT_THAT(client.Upgrade(), StartsWith("HTTP/1.1 101 "));
  int sockets = 0;
  for (int fd = 0; fd < 1'024; ++fd) {
    unsigned timeout = 0;
    socklen_t size = sizeof(timeout);
    if (::getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &size) != 0) continue;
    if (timeout == absl::ToInt64Milliseconds(limits::kPongDeadline)) ++sockets;
  }
  EXPECT_EQ(sockets, 1);
}

TEST_F(BridgeListener, AnAddressInUseIsAnErrorThatNamesIt) {
  EchoServer first({});
  ASSERT_TRUE(first.Start().ok());
  EchoServer::Options options;
  options.address = first.address();
  EchoServer second(options);
  const absl::Status status = second.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(first.address().ToString()));
  EXPECT_TRUE(Answers(first.address()));
}

TEST_F(BridgeListener, AHostThatDoesNotResolveIsAnError) {
  EchoServer::Options options;
  options.address = {false, "no such host", 0};
  EXPECT_EQ(EchoServer(options).Start().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(BridgeListener, ALiveUnixSocketIsNotTakenOver) {
  EchoServer first(OnPath());
  ASSERT_TRUE(first.Start().ok());
  EXPECT_EQ(EchoServer(OnPath()).Start().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Answers(first.address()));
}

TEST_F(BridgeListener, AStaleUnixSocketIsReplacedAndRemovedAtTheEnd) {
  {
    // Left behind by a process that was killed.
    const base::FileDescriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path_.c_str(), sizeof(name.sun_path) - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  }
  {
    EchoServer server(OnPath());
    ASSERT_TRUE(server.Start().ok());
    EXPECT_TRUE(Answers(server.address()));
  }
  struct stat status;
  EXPECT_NE(::lstat(path_.c_str(), &status), 0);
}

TEST_F(BridgeListener, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(EchoServer(OnPath()).Start().code(), absl::StatusCode::kUnavailable);
  std::string content;
  std::ifstream(path_) >> content;
  EXPECT_EQ(content, "precious");
}

TEST_F(BridgeListener, AfterStopNobodyIsAcceptedAndConnectionsStay) {
  EchoServer server({});
  ASSERT_TRUE(server.Start().ok());
  WireClient client(server.address());
  ASSERT_THAT(client.Upgrade(), StartsWith("HTTP/1.1 101 "));
  std::atomic<bool> stopped{false};
  server.loop().Post([&] {
    server.listener().Stop();
    stopped = true;
  });
  ASSERT_TRUE(Eventually([&] { return stopped.load(); }));
  EXPECT_FALSE(WireClient(server.address()).connected());
  client.Send(ClientFrame(1, "still here"));
  EXPECT_EQ(client.ReadFrame().payload, "still here");
}

TEST_F(BridgeListener, OverTheLimitClientsAreTold503AndRoomIsUsedAgain) {
  EchoServer::Options options;
  options.connections = 3;
  EchoServer server(options);
  ASSERT_TRUE(server.Start().ok());
  std::vector<std::unique_ptr<WireClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<WireClient>(server.address()));
    ASSERT_THAT(clients.back()->Upgrade(), StartsWith("HTTP/1.1 101 "));
  }
  WireClient over(server.address());
  EXPECT_THAT(over.ReadAll(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(server.listener().refused(), 1u);
  EXPECT_EQ(server.listener().accepted(), 3u);
  clients.pop_back();
  ASSERT_TRUE(Eventually([&] { return server.connections().connections() == 2; }));
  EXPECT_TRUE(Answers(server.address()));
}

absl::Duration CpuTime() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

// In a child, since the limit is the process's. Returns what went wrong.
const char* RunOutOfDescriptors() {
  EchoServer server({});
  if (!server.Start().ok()) return "start";
  std::vector<std::unique_ptr<WireClient>> clients;
  clients.push_back(std::make_unique<WireClient>(server.address()));
  if (!absl::StartsWith(clients[0]->Upgrade(), "HTTP/1.1 101 ")) return "first connection";

  // Sockets that will connect, made while there are descriptors; then every other one is used up.
  std::vector<base::FileDescriptor> hoard;
  rlimit limit;
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 64;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) hoard.emplace_back(fd);

  // One free descriptor for the client itself: the server has none.
  for (int i = 0; i < 5; ++i) {
    hoard.pop_back();
    WireClient refused(server.address());
    if (!refused.connected()) return "connect";
    if (!absl::StartsWith(refused.ReadAll(), "HTTP/1.1 503 ")) return "no 503";
    refused.Close();
    hoard.emplace_back(::dup(0));
  }
  if (server.listener().refused() != 5) return "refused";

  const absl::Duration before = CpuTime();
  absl::SleepFor(absl::Milliseconds(300));
  if (CpuTime() - before > absl::Milliseconds(100)) return "it spins";

  clients[0]->Send(ClientFrame(1, "still here"));
  if (clients[0]->ReadFrame().payload != "still here") return "the first connection suffered";
  hoard.clear();
  WireClient next(server.address());
  if (!absl::StartsWith(next.Upgrade(), "HTTP/1.1 101 ")) return "no recovery";
  return nullptr;
}

TEST_F(BridgeListener, RunningOutOfDescriptorsIsSurvived) {
  const pid_t child = ::fork();
  if (child == 0) {
    const char* failure = RunOutOfDescriptors();
    if (failure != nullptr) std::fprintf(stderr, "out of descriptors: %s\n", failure);
    std::_Exit(failure == nullptr ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace spanwire::test
