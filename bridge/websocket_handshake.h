// The opening handshake of RFC 6455, section 4.2: a request on a WebSocket's path becomes a 101 or
// a refusal.
//
// Thread safety: stateless.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "bridge/http.h"

namespace spanwire::bridge {

struct Handshake {
  Response response;        // 101, or 400 or 426
  std::string subprotocol;  // the one chosen: `supported`, if the client offered it, or empty

  bool accepted() const { return response.status == 101; }
};

// Extensions are not negotiated, whatever is offered.
Handshake AnswerHandshake(const Request& request, absl::string_view supported);

}  // namespace spanwire::bridge
