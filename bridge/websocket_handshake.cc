#include "bridge/websocket_handshake.h"

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "bridge/websocket.h"

namespace spanwire::bridge {
namespace {

Handshake Refuse(int status, absl::string_view message) {
  Handshake handshake{ErrorResponse(status, message), ""};
  if (status == 426) {
    handshake.response.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
  }
  return handshake;
}

// Base64 of 16 bytes.
bool IsKey(absl::string_view key) {
  std::string raw;
  return key.size() == 24 && key.find_first_of(" \t") == absl::string_view::npos &&
         absl::Base64Unescape(key, &raw) && raw.size() == 16;
}

// Clients name what they like best first.
std::string Choose(absl::string_view offered, absl::Span<const std::string> supported) {
  for (absl::string_view name : absl::StrSplit(offered, ',')) {
    name = absl::StripAsciiWhitespace(name);
    if (absl::c_linear_search(supported, name)) return std::string(name);
  }
  return "";
}

}  // namespace

Handshake AnswerHandshake(const Request& request, absl::Span<const std::string> supported) {
  if (!request.HasToken("Upgrade", "websocket")) {
    return Refuse(426, "this address speaks WebSocket");
  }
  if (request.method != "GET" || request.http_1_0 || !request.HasToken("Connection", "upgrade")) {
    return Refuse(400, "a WebSocket begins with GET, HTTP/1.1 and Connection: Upgrade");
  }
  if (request.Header("Sec-WebSocket-Version") != "13") {
    return Refuse(426, "WebSocket version 13 is spoken here");
  }
  const absl::string_view key = request.Header("Sec-WebSocket-Key");
  if (!IsKey(key)) {
    return Refuse(400, "Sec-WebSocket-Key is 16 bytes in base64");
  }
  Handshake handshake;
  handshake.response.status = 101;
  handshake.response.headers = {{"Upgrade", "websocket"},
                                {"Connection", "Upgrade"},
                                {"Sec-WebSocket-Accept", WebSocketAccept(key)}};
  handshake.subprotocol = Choose(request.Header("Sec-WebSocket-Protocol"), supported);
  if (!handshake.subprotocol.empty()) {
    handshake.response.headers.emplace_back("Sec-WebSocket-Protocol", handshake.subprotocol);
  }
  return handshake;
}

}  // namespace spanwire::bridge
