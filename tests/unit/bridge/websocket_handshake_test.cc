#include "bridge/websocket_handshake.h"

#include <string>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace spanwire::bridge {
namespace {

Request Good() {
  Request request;
  request.method = "GET";
  request.path = "/v1/ws";
  request.headers = {{"Host", "localhost"},
                     {"Upgrade", "websocket"},
                     {"Connection", "Upgrade"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return request;
}

// The good request with one header changed, or without it.
Request With(absl::string_view name, absl::optional<absl::string_view> value) {
  Request request = Good();
  HttpFields headers;
  for (auto& header : request.headers) {
    if (header.first != name) headers.push_back(header);
  }
  if (value.has_value()) headers.emplace_back(std::string(name), std::string(*value));
  request.headers = headers;
  return request;
}

std::string HeaderOf(const Response& response, absl::string_view name) {
  for (const auto& header : response.headers) {
    if (header.first == name) return header.second;
  }
  return "absent";
}

TEST(WebSocketHandshake, AnswersTheSampleOfTheRfc) {
  const Handshake handshake = AnswerHandshake(Good(), {"spanwire.v1"});
  EXPECT_TRUE(handshake.accepted());
  EXPECT_EQ(HeaderOf(handshake.response, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(HeaderOf(handshake.response, "Upgrade"), "websocket");
  EXPECT_EQ(HeaderOf(handshake.response, "Connection"), "Upgrade");
  EXPECT_EQ(HeaderOf(handshake.response, "Sec-WebSocket-Protocol"), "absent");
  EXPECT_EQ(HeaderOf(handshake.response, "Sec-WebSocket-Extensions"), "absent");
}

TEST(WebSocketHandshake, TokensMayStandInListsAndInAnyCase) {
  EXPECT_TRUE(AnswerHandshake(With("Upgrade", "WebSocket"), {}).accepted());
  EXPECT_TRUE(AnswerHandshake(With("Upgrade", "h2c, websocket"), {}).accepted());
  EXPECT_TRUE(AnswerHandshake(With("Connection", "keep-alive, upgrade"), {}).accepted());
}

TEST(WebSocketHandshake, ChoosesItsSubprotocolOrNone) {
  const std::string kOurs[] = {"spanwire.v1", "cloudevents.json"};
  const auto chosen = [&](absl::string_view offered) {
    const Handshake handshake = AnswerHandshake(With("Sec-WebSocket-Protocol", offered), kOurs);
    EXPECT_TRUE(handshake.accepted());
    EXPECT_EQ(HeaderOf(handshake.response, "Sec-WebSocket-Protocol"),
              handshake.subprotocol.empty() ? "absent" : handshake.subprotocol);
    return handshake.subprotocol;
  };
  EXPECT_EQ(chosen("spanwire.v1"), "spanwire.v1");
  EXPECT_EQ(chosen("bearer.abc, spanwire.v1"), "spanwire.v1");
  EXPECT_EQ(chosen("spanwire.v2,cloudevents.json ,spanwire.v1"), "cloudevents.json");
  EXPECT_EQ(chosen("spanwire.v2"), "");
  EXPECT_EQ(chosen("Spanwire.v1"), "");
  EXPECT_EQ(chosen("xspanwire.v1"), "");
  EXPECT_EQ(chosen(""), "");
}

TEST(WebSocketHandshake, IgnoresOfferedExtensions) {
  EXPECT_TRUE(
      AnswerHandshake(With("Sec-WebSocket-Extensions", "permessage-deflate"), {}).accepted());
}

TEST(WebSocketHandshake, AnotherVersionIs426WithOurs) {
  for (const char* version : {"", "12", "14", "8", "0", "13, 8", "013", "13 13", "x"}) {
    const Handshake handshake = AnswerHandshake(With("Sec-WebSocket-Version", version), {});
    EXPECT_EQ(handshake.response.status, 426) << version;
    EXPECT_EQ(HeaderOf(handshake.response, "Sec-WebSocket-Version"), "13");
  }
  EXPECT_EQ(AnswerHandshake(With("Sec-WebSocket-Version", absl::nullopt), {}).response.status, 426);
}

TEST(WebSocketHandshake, APlainRequestIs426) {
  const Handshake handshake = AnswerHandshake(With("Upgrade", absl::nullopt), {});
  EXPECT_EQ(handshake.response.status, 426);
  EXPECT_EQ(HeaderOf(handshake.response, "Upgrade"), "websocket");
  EXPECT_EQ(AnswerHandshake(With("Upgrade", "websockets"), {}).response.status, 426);
}

TEST(WebSocketHandshake, ABadKeyIs400) {
  for (const char* key :
       {"", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZTE=",
        "dGhlIHNhbXBsZSBub25jZTEyMw==", "dGhlIHNhbXBsZSBub2 5jZQ=", "!GhlIHNhbXBsZSBub25jZQ=="}) {
    EXPECT_EQ(AnswerHandshake(With("Sec-WebSocket-Key", key), {}).response.status, 400) << key;
  }
  EXPECT_EQ(AnswerHandshake(With("Sec-WebSocket-Key", absl::nullopt), {}).response.status, 400);
}

TEST(WebSocketHandshake, NeedsGetAndHttp11AndConnectionUpgrade) {
  Request head = Good();
  head.method = "HEAD";
  EXPECT_EQ(AnswerHandshake(head, {}).response.status, 400);
  Request old = Good();
  old.http_1_0 = true;
  EXPECT_EQ(AnswerHandshake(old, {}).response.status, 400);
  EXPECT_EQ(AnswerHandshake(With("Connection", "keep-alive"), {}).response.status, 400);
  EXPECT_EQ(AnswerHandshake(With("Connection", absl::nullopt), {}).response.status, 400);
}

}  // namespace
}  // namespace spanwire::bridge
