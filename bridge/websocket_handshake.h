// The opening handshake of RFC 6455, section 4.2: a request on a WebSocket's path becomes a 101 or
// a refusal.
//
// Thread safety: stateless.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "bridge/http.h"

namespace spanwire::bridge {

struct Handshake {
  Response response;        // 101, or 400 or 426
  std::string subprotocol;  // the one chosen: the first of the client's that is ours, or none

  bool accepted() const { return response.status == 101; }
};

// Extensions are not negotiated, whatever is offered.
Handshake AnswerHandshake(const Request& request, absl::Span<const std::string> supported);

}  // namespace spanwire::bridge
