// The HTTP side of connections over real sockets, with the echo server in this process.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "tests/support/echo_server.h"
#include "tests/support/wire_client.h"

namespace spanwire::test {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
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
  const auto ask = [this](absl::string_view method, absl::string_view target) {
    return Exchange(absl::StrCat(method, " ", target,
                                 " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                 "Content-Length: 0\r\n\r\n"));
  };
  for (const char* method : {"POST", "PUT", "DELETE", "TRACE", "PATCH", "BREW"}) {
    const std::string answer = ask(method, "/index");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD, OPTIONS\r\n")) << method;
  }
  for (const char* target : {"/events", "/lines", "/call"}) {
    EXPECT_THAT(ask("POST", target), HasSubstr("\r\nAllow: GET, OPTIONS\r\n"));
    EXPECT_THAT(ask("HEAD", target), HasSubstr("\r\nAllow: GET, OPTIONS\r\n"));
  }
  EXPECT_THAT(ask("GET", "/post"), HasSubstr("\r\nAllow: POST, OPTIONS\r\n"));
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

TEST_F(BridgeHttp, PagesOfOtherOriginsMayReadAndSendWhatIsAllowed) {
  EchoServer::Options options;
  options.origins = {"https://app.example.com"};
  Start(options);
  const char kAllowed[] =
      "\r\nAccess-Control-Allow-Origin: https://app.example.com\r\nVary: Origin\r\n";
  for (const char* target : {"/index", "/nowhere", "/events?close=3001", "/events?bad=1"}) {
    EXPECT_THAT(Exchange(Last(target, "Origin: https://app.example.com\r\n")), HasSubstr(kAllowed))
        << target;
    EXPECT_THAT(Exchange(Last(target)), Not(HasSubstr("Access-Control"))) << target;
  }
  const std::string preflight = Exchange(
      "OPTIONS /post HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
      "Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\n\r\n");
  EXPECT_THAT(preflight, StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(preflight, HasSubstr(kAllowed));
  EXPECT_THAT(preflight, HasSubstr("\r\nAccess-Control-Allow-Methods: GET, POST\r\n"));
  EXPECT_THAT(preflight, HasSubstr("\r\nAccess-Control-Allow-Headers: content-type, "));
  EXPECT_THAT(Exchange("OPTIONS /post HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 403 "), Not(HasSubstr("Access-Control"))));
}

std::string Post(absl::string_view body, absl::string_view headers = "") {
  return absl::StrCat(
      "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n", headers,
      "Content-Length: ", body.size(), "\r\n\r\n", body);
}

TEST_F(BridgeHttp, ReadsBodiesOnAConnectionThatGoesOn) {
  Start();
  const std::string large(300'000, 'x');
  const std::string answer = Exchange(Post("one") + Post("") + WireClient::Get("/index") +
                                      Post(large) + Post("two", "Connection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\noneHTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 0\r\n"));
  EXPECT_THAT(answer, HasSubstr(absl::StrCat("\r\n\r\n", large, "HTTP/1.1 200 OK\r\n")));
  EXPECT_THAT(answer, EndsWith("\r\n\r\ntwo"));

  WireClient slow(server_->address());
  const std::string post = Post("byte by byte", "Connection: close\r\n");
  for (size_t i = 0; i < post.size(); ++i) slow.Send(absl::string_view(post).substr(i, 1));
  EXPECT_THAT(slow.ReadAll(), EndsWith("\r\n\r\nbyte by byte"));

  WireClient half(server_->address());
  half.Send(Post("half"));
  half.ShutdownWrite();
  EXPECT_THAT(half.ReadAll(), EndsWith("\r\n\r\nhalf"));
}

TEST_F(BridgeHttp, WhoEndsWithinARequestIsTold) {
  Start();
  for (const std::string& part :
       {std::string("GET / HTTP/1.1\r\nHo"), Post("body").substr(0, Post("body").size() - 1)}) {
    WireClient client(server_->address());
    client.Send(part);
    client.ShutdownWrite();
    EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 400 ")) << part;
  }
  WireClient silent(server_->address());
  silent.ShutdownWrite();
  EXPECT_EQ(silent.ReadAll(), "");
}

TEST_F(BridgeHttp, AsksForTheBodyOfOneWhoWaitsToBeAsked) {
  Start();
  WireClient client(server_->address());
  client.Send(
      "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\n"
      "Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(
      client.ReadUntil([](absl::string_view text) { return absl::EndsWith(text, "\r\n\r\n"); }),
      "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("{}");
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\n{}"));
}

TEST_F(BridgeHttp, WhatIsWrongWithABodyIsSaidBeforeItIsRead) {
  EchoServer::Options options;
  options.connection.sweep_interval = absl::Milliseconds(20);
  options.connection.body_deadline = absl::Milliseconds(300);
  Start(options);
  const auto post = [this](absl::string_view headers) {
    return Exchange(absl::StrCat("POST /post HTTP/1.1\r\nHost: localhost\r\n", headers, "\r\n"));
  };
  EXPECT_THAT(post("Content-Type: text/plain\r\nContent-Length: 5\r\n"),
              StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(post("Content-Length: 5\r\n"), StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(post("Content-Type: application/json\r\n"), StartsWith("HTTP/1.1 411 "));
  EXPECT_THAT(post("Content-Type: application/json\r\nContent-Length: 1048577\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(post("Origin: http://evil.example\r\nContent-Length: 5\r\n"),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(post("Content-Type: application/json\r\nContent-Length: 5\r\n"),
              StartsWith("HTTP/1.1 408 "))
      << "it never came";
}

TEST_F(BridgeHttp, BodiesThatAreReadAtOnceAreBounded) {
  Start();
  const std::string head = absl::StrCat(
      "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: ",
      limits::kBodyBytes, "\r\n\r\n");
  std::vector<std::unique_ptr<WireClient>> clients;
  for (size_t i = 0; i < limits::kBodiesBytes / limits::kBodyBytes; ++i) {
    clients.push_back(std::make_unique<WireClient>(server_->address()));
    clients.back()->Send(head);
  }
  EXPECT_TRUE(Eventually([&] { return absl::StartsWith(Exchange(head), "HTTP/1.1 503 "); }));
  clients[0].reset();
  EXPECT_TRUE(Eventually([&] {
    return absl::EndsWith(Exchange(Post("x", "Connection: close\r\n")), "x");
  })) << "room is given back";
}

TEST_F(BridgeHttp, AnAnswerMayComeLater) {
  Start();
  WireClient client(server_->address());
  client.Send(WireClient::Get("/call") + Last("/index"));
  ASSERT_TRUE(Eventually([&] { return server_->site().calls == 1; }));
  server_->loop().Post([&] {
    server_->site().AnswerCall(bridge::Response{200, "text/plain", "late", {}});
  });
  const std::string answers = client.ReadAll();
  EXPECT_THAT(answers, HasSubstr("\r\n\r\nlateHTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answers, EndsWith("echo\n")) << "what was asked ahead waits its turn";
  EXPECT_TRUE(Eventually([&] { return server_->site().calls == 0; }));
}

TEST_F(BridgeHttp, ACallEndsWithItsClient) {
  Start();
  WireClient client(server_->address());
  client.Send(WireClient::Get("/call"));
  ASSERT_TRUE(Eventually([&] { return server_->site().calls == 1; }));
  client.Close();
  EXPECT_TRUE(Eventually([&] { return server_->site().calls == 0; }));
}

TEST_F(BridgeHttp, StreamsFramesAsEvents) {
  Start();
  const std::string answer = Exchange(WireClient::Get("/events?flood=2&bytes=3&close=3001"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/event-stream\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nCache-Control: no-store\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Accel-Buffering: no\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n\r\nretry: "));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(answer, EndsWith("retry: 1500\nevent: $drain\n"
                               "data: {\"type\":\"$drain\",\"after_ms\":1500}\n\n"));
}

TEST_F(BridgeHttp, StreamsFramesAsLines) {
  Start();
  WireClient client(server_->address());
  client.Send(WireClient::Get("/lines?flood=2&bytes=3"));
  const std::string answer =
      client.ReadUntil([](absl::string_view text) { return absl::EndsWith(text, "xxx\nxxx\n"); });
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/x-ndjson\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nxxx\nxxx\n"));
  EXPECT_EQ(server_->connections().counters().streams_open, 1u);
  client.Send("whatever");
  client.Close();
  EXPECT_TRUE(Eventually([&] { return server_->site().closed == 1; }));
  EXPECT_EQ(server_->connections().counters().streams_open, 0u);
}

TEST_F(BridgeHttp, WhatIsWrongWithAStreamIsSaidInsteadOfIt) {
  Start();
  const std::string answer = Exchange(Last("/events?bad=1"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, EndsWith("\"message\":\"it is bad\",\"retry\":false}\n"));
  EXPECT_EQ(server_->site().opened, 0);
}

TEST_F(BridgeHttp, AQuietStreamShowsThatItLives) {
  EchoServer::Options options;
  options.connection.sweep_interval = absl::Milliseconds(20);
  options.connection.heartbeat_interval = absl::Milliseconds(60);
  Start(options);
  WireClient events(server_->address());
  events.Send(WireClient::Get("/events"));
  EXPECT_THAT(
      events.ReadUntil([](absl::string_view text) { return absl::EndsWith(text, ":\n\n:\n\n"); }),
      HasSubstr("\n:\n\n:\n\n"));
  WireClient lines(server_->address());
  lines.Send(WireClient::Get("/lines"));
  EXPECT_THAT(lines.ReadUntil([](absl::string_view text) { return absl::EndsWith(text, "}\n"); }),
              EndsWith("\r\n\r\n{\"type\":\"$ping\"}\n"));
}

TEST_F(BridgeHttp, AStreamThatIsNotReadIsFedAgainOnceItIsAndCutOffIfItNeverIs) {
  EchoServer::Options options;
  options.connection.sweep_interval = absl::Milliseconds(20);
  options.connection.stalled_deadline = absl::Seconds(1);
  options.connection.send_buffer_bytes = 16'384;
  Start(options);
  {
    WireClient client(server_->address(), 16'384);
    client.Send(WireClient::Get("/lines?flood=300&bytes=9999"));
    ASSERT_TRUE(Eventually([&] { return server_->site().flooded > 100; }));
    EXPECT_LT(server_->site().flooded, 300) << "it heeds the mark";
    size_t bytes = 0;
    client.ReadUntil([&](absl::string_view text) {
      const size_t head = text.find("\r\n\r\n");
      if (head != absl::string_view::npos) bytes = text.size() - head - 4;
      return bytes >= 3'000'000;
    });
    EXPECT_EQ(bytes, 3'000'000u);
    EXPECT_GT(server_->site().drained, 0);
  }
  WireClient client(server_->address(), 16'384);
  client.Send(WireClient::Get("/lines?flood=300&bytes=9999"));
  EXPECT_TRUE(Eventually([&] { return server_->site().closed == 2; }));
  EXPECT_TRUE(Eventually([&] { return server_->connections().connections() == 0; }));
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
              Not(HasSubstr("Sec-WebSocket-Protocol")));
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
