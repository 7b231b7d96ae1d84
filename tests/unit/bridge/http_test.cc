#include "bridge/http.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

struct Outcome {
  RequestParser::State state = RequestParser::State::kMore;
  Request request;
  int status = 0;      // of an error
  std::string unread;  // behind the head
};

Outcome Parse(absl::string_view text, size_t piece) {
  RequestParser parser;
  Outcome outcome;
  while (!text.empty() && outcome.state == RequestParser::State::kMore) {
    absl::string_view bytes = text.substr(0, piece);
    const size_t given = bytes.size();
    outcome.state = parser.Consume(&bytes);
    text.remove_prefix(given - bytes.size());
  }
  outcome.unread = std::string(text);
  if (outcome.state == RequestParser::State::kReady) outcome.request = parser.Take();
  if (outcome.state == RequestParser::State::kBad) outcome.status = parser.error().status;
  return outcome;
}

// The status of the error, 0 for a request that is fine, -1 for one that never ends; the same
// however it is cut.
int StatusOf(absl::string_view text) {
  const Outcome whole = Parse(text, text.size());
  const Outcome bytes = Parse(text, 1);
  EXPECT_EQ(whole.state, bytes.state);
  EXPECT_EQ(whole.status, bytes.status);
  return whole.state == RequestParser::State::kMore ? -1 : whole.status;
}

std::string Get(absl::string_view target, absl::string_view headers = "") {
  return absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: localhost\r\n", headers, "\r\n");
}

TEST(HttpRequest, HasMethodPathQueryAndHeaders) {
  const Outcome outcome =
      Parse(Get("/v1/ws?channel=a", "X-One: 1 \r\nx-list: a\r\nX-List: b\r\n") + "rest", 7);
  ASSERT_EQ(outcome.state, RequestParser::State::kReady);
  const Request& request = outcome.request;
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/v1/ws");
  EXPECT_EQ(request.query, (HttpFields{{"channel", "a"}}));
  EXPECT_EQ(request.Header("x-one"), "1");
  EXPECT_EQ(request.Header("HOST"), "localhost");
  EXPECT_EQ(request.Header("absent"), "");
  EXPECT_TRUE(request.HasToken("X-List", "B"));
  EXPECT_FALSE(request.HasToken("X-List", "c"));
  EXPECT_TRUE(request.keep_alive);
}

TEST(HttpRequest, LeavesWhatFollowsTheHead) {
  EXPECT_EQ(Parse(Get("/") + "more", 10'000).unread, "more");
}

TEST(HttpRequest, ParametersAreDecodedOrderedAndRepeatable) {
  const std::vector<std::pair<std::string, HttpFields>> table = {
      {"/?channel=a&channel=b&x=1", {{"channel", "a"}, {"channel", "b"}, {"x", "1"}}},
      {"/?channel=webgui%3Asession%3asess_1", {{"channel", "webgui:session:sess_1"}}},
      {"/?a=1+2", {{"a", "1+2"}}},
      {"/?a=1%2B2%26b%3D3", {{"a", "1+2&b=3"}}},
      {"/?a==b=", {{"a", "=b="}}},
      {"/?a", {{"a", ""}}},
      {"/?&&a=&", {{"a", ""}}},
      {"/?a=?b", {{"a", "?b"}}},
      {"/?%61=%C3%A4", {{"a", "ä"}}},
      {"/?", {}},
      {"/", {}},
  };
  for (const auto& [target, query] : table) {
    const Outcome outcome = Parse(Get(target), 1'000);
    ASSERT_EQ(outcome.state, RequestParser::State::kReady) << target;
    EXPECT_EQ(outcome.request.query, query) << target;
  }
  EXPECT_EQ(Parse(Get("/a%20b%2fc"), 99).request.path, "/a b/c");
}

TEST(HttpRequest, WhatOfAQueryCannotBeDecodedStaysAsWritten) {
  for (const char* value : {"100%", "%1", "%g1", "%00", "a%20b%zz"}) {
    const Outcome outcome = Parse(Get(absl::StrCat("/?channel=", value, "&", value, "=a%20b")), 99);
    ASSERT_EQ(outcome.state, RequestParser::State::kReady) << value;
    EXPECT_EQ(outcome.request.query, (std::vector<std::pair<std::string, std::string>>{
                                         {"channel", value}, {value, "a b"}}));
  }
}

TEST(HttpRequest, ABadTargetIs400) {
  for (const char* target : {"/%", "/%4", "/%zz", "/%00", "*", "http://localhost/", "index.html",
                             "/a#b", "/\x80", "/?a=\xC3\xA4"}) {
    EXPECT_EQ(StatusOf(Get(target)), 400) << target;
  }
}

TEST(HttpRequest, ShapesThatTwoPartiesCouldReadDifferentlyAre400) {
  const std::pair<const char*, std::string> table[] = {
      {"no host", "GET / HTTP/1.1\r\n\r\n"},
      {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
      {"two hosts", Get("/", "Host: localhost\r\n")},
      {"two hosts, other case", Get("/", "hOST: evil\r\n")},
      {"two origins", Get("/", "Origin: null\r\nOrigin: http://localhost\r\n")},
      {"two keys", Get("/", "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: a\r\n")},
      {"two versions", Get("/", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n")},
      {"chunked", Get("/", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n"},
      {"identity", Get("/", "Transfer-Encoding: identity\r\n")},
      {"empty transfer-encoding", Get("/", "Transfer-Encoding:\r\n")},
      {"body", Get("/", "Content-Length: 5\r\n") + "hello"},
      {"huge body", Get("/", "Content-Length: 99999999999999999999\r\n")},
      {"negative body", Get("/", "Content-Length: -1\r\n")},
      {"two lengths", Get("/", "Content-Length: 0\r\nContent-Length: 0\r\n")},
      {"list of lengths", Get("/", "Content-Length: 0, 0\r\n")},
      {"both", Get("/", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n")},
      {"space before colon", Get("/", "X : 1\r\n")},
      {"folded", Get("/", "X: 1\r\n 2\r\n")},
      {"folded by tab", Get("/", "X: 1\r\n\t2\r\n")},
      {"first header folded", "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n"},
      {"no colon", Get("/", "nonsense\r\n")},
      {"no name", Get("/", ": 1\r\n")},
      {"bad name", Get("/", "X(y): 1\r\n")},
      {"bare LF", "GET / HTTP/1.1\nHost: localhost\n\n"},
      {"LF in header", Get("/", "X: a\nY: b\r\n")},
      {"bare CR", Get("/", "X: a\rb\r\n")},
      {"NUL", Get("/", std::string("X: a\0b\r\n", 8))},
      {"escape", Get("/", "X: a\x1B[2J\r\n")},
      {"empty line first", "\r\n" + Get("/")},
      {"no version", "GET /\r\nHost: localhost\r\n\r\n"},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"not HTTP", "GET / FTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"bad method", "G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00", 7)},
  };
  for (const auto& [name, text] : table) EXPECT_EQ(StatusOf(text), 400) << name;
}

TEST(HttpRequest, OtherVersionsAre505) {
  for (const char* version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/1.1 ", "HTTP/11"}) {
    EXPECT_EQ(StatusOf(absl::StrCat("GET / ", version, "\r\nHost: localhost\r\n\r\n")), 505)
        << version;
  }
}

TEST(HttpRequest, MayAnnounceAnEmptyBody) {
  EXPECT_EQ(StatusOf(Get("/", "Content-Length: 0\r\n")), 0);
}

TEST(HttpRequest, TheTargetHasABound) {
  EXPECT_EQ(StatusOf(Get(std::string(limits::kTargetBytes, '/'))), 0);
  EXPECT_EQ(StatusOf(Get(std::string(limits::kTargetBytes + 1, '/'))), 414);
  EXPECT_EQ(StatusOf("GET /" + std::string(limits::kTargetBytes + 100, 'a')), 414)
      << "before its end";
}

TEST(HttpRequest, TheHeadHasABoundWhateverItsShape) {
  const size_t frame = Get("/", "X: \r\n").size();
  EXPECT_EQ(
      StatusOf(Get("/", absl::StrCat("X: ", std::string(limits::kHeadBytes - frame, 'a'), "\r\n"))),
      0);
  EXPECT_EQ(StatusOf(Get("/", absl::StrCat("X: ", std::string(limits::kHeadBytes - frame + 1, 'a'),
                                           "\r\n"))),
            431);
  EXPECT_EQ(StatusOf(absl::StrCat("GET / HTTP/1.1\r\nX: ", std::string(limits::kHeadBytes, 'a'))),
            431);
}

TEST(HttpRequest, TheHeaderLinesHaveABound) {
  std::string lines;
  for (size_t i = 0; i + 1 < limits::kHeadLines; ++i) absl::StrAppend(&lines, "X", i, ": 1\r\n");
  EXPECT_EQ(StatusOf(Get("/", lines)), 0);
  EXPECT_EQ(StatusOf(Get("/", lines + "Y: 1\r\n")), 431);
}

TEST(HttpRequest, ALongHeadOfManyLinesIsStillRead) {
  std::string lines;
  for (size_t i = 0; i + 1 < limits::kHeadLines; ++i)
    absl::StrAppend(&lines, "X", i, ": ", std::string(140, 'a'), "\r\n");
  ASSERT_LT(Get("/", lines).size(), limits::kHeadBytes);
  EXPECT_EQ(StatusOf(Get("/", lines)), 0);
}

TEST(HttpRequest, TheConnectionIsKeptAsAsked) {
  EXPECT_FALSE(Parse(Get("/", "Connection: close\r\n"), 999).request.keep_alive);
  EXPECT_FALSE(Parse(Get("/", "Connection: x, Close\r\n"), 999).request.keep_alive);
  const Outcome old =
      Parse("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n", 999);
  ASSERT_EQ(old.state, RequestParser::State::kReady);
  EXPECT_TRUE(old.request.http_1_0);
  EXPECT_FALSE(old.request.keep_alive);
}

TEST(HttpRequest, OneParserReadsOneAfterTheOther) {
  RequestParser parser;
  const std::string two = Get("/a?x=1") + Get("/b");
  absl::string_view bytes = two;
  ASSERT_EQ(parser.Consume(&bytes), RequestParser::State::kReady);
  EXPECT_EQ(parser.Take().path, "/a");
  EXPECT_TRUE(parser.idle());
  ASSERT_EQ(parser.Consume(&bytes), RequestParser::State::kReady);
  const Request second = parser.Take();
  EXPECT_EQ(second.path, "/b");
  EXPECT_TRUE(second.query.empty());
}

TEST(HttpRequest, SaysHowLongTheBodyOfAPostIs) {
  const auto post = [](absl::string_view headers) {
    return absl::StrCat("POST / HTTP/1.1\r\nHost: localhost\r\n", headers, "\r\n");
  };
  const Outcome outcome = Parse(post("Content-Length: 5\r\n") + "hello", 10'000);
  ASSERT_EQ(outcome.state, RequestParser::State::kReady);
  EXPECT_EQ(outcome.request.body_bytes, 5u);
  EXPECT_EQ(outcome.unread, "hello");
  EXPECT_EQ(StatusOf(post("Content-Length: 0\r\n")), 0);
  EXPECT_EQ(StatusOf(post(absl::StrCat("Content-Length: ", limits::kBodyBytes, "\r\n"))), 0);
  EXPECT_EQ(StatusOf(post(absl::StrCat("Content-Length: ", limits::kBodyBytes + 1, "\r\n"))), 413);
  EXPECT_EQ(StatusOf(post("Content-Length: 99999999999999999999\r\n")), 400);
  EXPECT_EQ(StatusOf(post("Content-Length: -1\r\n")), 400);
  EXPECT_EQ(StatusOf(post("Content-Length: 5, 5\r\n")), 400);
  EXPECT_EQ(StatusOf(post("")), 411);
  EXPECT_EQ(StatusOf(post("Transfer-Encoding: chunked\r\n")), 411);
  EXPECT_EQ(StatusOf(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")), 411);
}

std::string Serialize(const Response& response, bool keep_alive, bool head_only, absl::Time now) {
  SocketQueue queue;
  PushResponse(response, keep_alive, head_only, now, &queue);
  std::vector<iovec> buffers(queue.size());
  std::string bytes;
  queue.Gather(buffers.data(), buffers.size());
  for (const iovec& buffer : buffers)
    bytes.append(static_cast<const char*>(buffer.iov_base), buffer.iov_len);
  return bytes;
}

TEST(HttpResponse, SharesTheFramesOfItsBody) {
  const FramePtr one = Frame::Make("{1}");
  Response response{200, "application/json", "[", {}};
  response.frames = {one, Frame::Make("{22}"), one};
  response.tail = "]";
  const std::string bytes = Serialize(response, true, false, absl::UnixEpoch());
  EXPECT_TRUE(absl::StrContains(bytes, "Content-Length: 14\r\n")) << bytes;
  EXPECT_TRUE(absl::EndsWith(bytes, "\r\n\r\n[{1},{22},{1}]")) << bytes;
}

TEST(HttpResponse, AnErrorIsAFrameWhoseStatusAndCodeBelongTogether) {
  const Response gone = ErrorResponse(404, "nothing");
  EXPECT_EQ(gone.body, R"({"type":"$error","code":"not_found","message":"nothing","retry":false})"
                       "\n");
  EXPECT_EQ(gone.content_type, "application/json");
  const std::pair<absl::Status, int> table[] = {
      {absl::InvalidArgumentError(""), 400},   {absl::FailedPreconditionError(""), 400},
      {absl::OutOfRangeError(""), 400},        {absl::UnauthenticatedError(""), 401},
      {absl::PermissionDeniedError(""), 403},  {absl::NotFoundError(""), 404},
      {absl::AlreadyExistsError(""), 409},     {absl::AbortedError(""), 409},
      {absl::ResourceExhaustedError(""), 429}, {absl::CancelledError(""), 499},
      {absl::UnimplementedError(""), 501},     {absl::UnavailableError(""), 503},
      {absl::DeadlineExceededError(""), 504},  {absl::DataLossError(""), 500},
      {absl::InternalError(""), 500}};
  for (const auto& [why, status] : table) EXPECT_EQ(ErrorResponse(why).status, status) << why;
}

TEST(HttpResponse, CarriesTheSecurityHeadersAndItsLength) {
  const Response response{
      200, "text/html; charset=utf-8", "<p>", {{"Content-Security-Policy", "default-src 'self'"}}};
  EXPECT_EQ(Serialize(response, true, false, absl::FromUnixSeconds(784'111'777)),
            "HTTP/1.1 200 OK\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Referrer-Policy: no-referrer\r\n"
            "Content-Security-Policy: default-src 'self'\r\n"
            "Content-Type: text/html; charset=utf-8\r\n"
            "Content-Length: 3\r\n"
            "Connection: keep-alive\r\n"
            "\r\n"
            "<p>");
}

TEST(HttpResponse, AHeadHasTheLengthButNoBody) {
  const std::string bytes =
      Serialize(ErrorResponse(404, "nothing"), false, true, absl::UnixEpoch());
  EXPECT_TRUE(absl::StrContains(bytes, "Content-Length: 71\r\n"));
  EXPECT_TRUE(absl::StrContains(bytes, "Connection: close\r\n"));
  EXPECT_TRUE(absl::EndsWith(bytes, "\r\n\r\n"));
}

TEST(HttpResponse, WithoutContentHasNoLength) {
  const std::string bytes = Serialize(Response{204, "", "", {}}, true, false, absl::UnixEpoch());
  EXPECT_FALSE(absl::StrContains(bytes, "\r\nContent-"));
}

}  // namespace
}  // namespace spanwire::bridge
