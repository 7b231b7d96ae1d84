// The HTTP side of connections over real sockets, with the echo server in this process.
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/echo_server.h"
#include "tests/support/wire_client.h"

namespace spanwire::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BridgeHttp : public ::testing::Test {
 protected:
  void Start(EchoServer::Options options = {}) {
    server_ = std::make_unique<EchoServer>(std::move(options));
    ASSERT_TRUE(server_->Start().ok());
  }
  // What comes back for `bytes` until the server closes.
  std::string Exchange(absl::string_view bytes) {
    WireClient client(server_->address());
    client.Send(bytes);
    return client.ReadAll();
  }

  std::unique_ptr<EchoServer> server_;
};

std::string Last(absl::string_view target, absl::string_view headers = "") {
  return WireClient::Get(target, absl::StrCat("Connection: close\r\n", headers));
}

TEST_F(BridgeHttp, AnswersAndCloses) {
  Start();
  const std::string answer = Exchange(Last("/index"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nReferrer-Policy: no-referrer\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\necho\n"));
  EXPECT_THAT(Exchange(Last("/nowhere")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange("GET /index HTTP/1.0\r\nHost: localhost\r\n\r\n"),
              EndsWith("Connection: close\r\n\r\necho\n"));
}

TEST_F(BridgeHttp, AnswersAClientThatHasShutItsHalf) {
  Start();
  WireClient client(server_->address());
  client.Send(WireClient::Get("/index"));
  client.ShutdownWrite();
  EXPECT_THAT(client.ReadAll(), EndsWith("echo\n"));
}

TEST_F(BridgeHttp, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  Start();
  const std::string answer = Exchange(WireClient::Get("/index") + WireClient::Get("/nowhere") +
                                      WireClient::Get("/large") + Last("/index"));
  const size_t first = answer.find("echo\n");
  const size_t second = answer.find("404 Not Found");
  const size_t third = answer.find("Content-Length: 1048576");
  ASSERT_NE(third, std::string::npos);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_THAT(answer, EndsWith("echo\n"));
}

TEST_F(BridgeHttp, AHeadHasNoBody) {
  Start();
  const std::string answer =
      Exchange("HEAD /index HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(BridgeHttp, OtherMethodsAre405WithWhatIsAllowed) {
  Start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"}) {
    const std::string answer =
        Exchange(absl::StrCat(method, " /index HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD\r\n")) << method;
  }
}

TEST_F(BridgeHttp, ForeignHostsAndOriginsHaveNoEffectOnAnyPath) {
  EchoServer::Options options;
  options.origins = {"https://app.example.com"};
  Start(options);
  for (const char* target : {"/index", "/nowhere", "/echo", "/echo?flood=1"}) {
    EXPECT_THAT(Exchange(absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: evil.example\r\n\r\n")),
                StartsWith("HTTP/1.1 421 "))
        << target;
    EXPECT_THAT(Exchange(WireClient::Get(target, "Origin: http://evil.example\r\n")),
                StartsWith("HTTP/1.1 403 "))
        << target;
    WireClient client(server_->address());
    EXPECT_THAT(client.Upgrade(target, "Origin: null\r\n"), StartsWith("HTTP/1.1 403 ")) << target;
  }
  EXPECT_EQ(server_->site().opened, 0);
  WireClient client(server_->address());
  EXPECT_THAT(client.Upgrade("/echo", "Origin: https://app.example.com\r\n"),
              StartsWith("HTTP/1.1 101 "));
}

TEST_F(BridgeHttp, HandshakesThatFailAreAnswered) {
  Start();
  EXPECT_THAT(Exchange(WireClient::Get("/echo")), StartsWith("HTTP/1.1 426 "));
  const std::string old = Exchange(
      WireClient::Get("/echo",
                      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  EXPECT_THAT(old, StartsWith("HTTP/1.1 426 "));
  EXPECT_THAT(old, HasSubstr("\r\nSec-WebSocket-Version: 13\r\n"));
  WireClient other(server_->address());
  EXPECT_THAT(other.Upgrade("/index"), StartsWith("HTTP/1.1 200 "))
      << "an upgrade elsewhere is a plain request";
}

TEST_F(BridgeHttp, ChoosesTheSubprotocol) {
  Start();
  WireClient with(server_->address());
  EXPECT_THAT(with.Upgrade("/echo", "Sec-WebSocket-Protocol: bearer.x, spanwire.v1\r\n"),
              HasSubstr("\r\nSec-WebSocket-Protocol: spanwire.v1\r\n"));
  WireClient without(server_->address());
  EXPECT_THAT(without.Upgrade("/echo", "Sec-WebSocket-Protocol: other\r\n"),
              ::testing::Not(HasSubstr("Sec-WebSocket-Protocol")));
}

TEST_F(BridgeHttp, BadHeadsAreRefusedWhileTheyAreStillBeingSent) {
  Start();
  EXPECT_THAT(Exchange("GET / HTTP/1.1\nHost"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("GET /" + std::string(100'000, 'a')), StartsWith("HTTP/1.1 414 "));
  EXPECT_THAT(Exchange("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a')),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(
      Exchange(WireClient::Get("/", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n"),
      StartsWith("HTTP/1.1 400 "));
}

TEST_F(BridgeHttp, SlowHeadsAndIdleConnectionsEnd) {
  EchoServer::Options options;
  options.connection.sweep_interval = absl::Milliseconds(20);
  options.connection.head_deadline = absl::Milliseconds(300);
  options.connection.keep_alive_idle = absl::Milliseconds(300);
  Start(options);
  EXPECT_EQ(Exchange(""), "") << "nothing was asked";
  EXPECT_THAT(Exchange("GET / HTTP"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(Exchange(WireClient::Get("/index")), EndsWith("echo\n"));
  // A byte now and then does not buy time.
  WireClient slow(server_->address());
  const std::string head = WireClient::Get("/" + std::string(2'000, 'a'));
  size_t sent = 0;
  while (sent < head.size() && slow.Send(absl::string_view(head).substr(sent, 1))) {
    ++sent;
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_LT(sent, head.size());
}

TEST_F(BridgeHttp, AClientThatDoesNotReadItsAnswerIsCutOff) {
  EchoServer::Options options;
  options.connection.sweep_interval = absl::Milliseconds(20);
  options.connection.stalled_deadline = absl::Milliseconds(300);
  options.connection.send_buffer_bytes = 16'384;
  Start(options);
  WireClient client(server_->address(), 16'384);
  client.Send(WireClient::Get("/large"));
  ASSERT_TRUE(Eventually([&] { return server_->connections().counters().requests == 1; }));
  EXPECT_TRUE(Eventually([&] { return server_->connections().connections() == 0; }));
}

}  // namespace
}  // namespace spanwire::test
