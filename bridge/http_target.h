// A request's target: its path and its query parameters.
//
// Thread safety: stateless.
#pragma once

#include "absl/strings/string_view.h"
#include "bridge/http.h"

namespace spanwire::bridge {

// Fills request->path and request->query from an origin-form target ("/v1/ws?channel=a&channel=b").
// False: not such a target, or in the path a percent sign without two hexadecimal digits, or one
// that stands for a NUL. A name or value of the query with such a sign stays as it is written: a
// browser cannot read a 400 for its WebSocket, but it can read what is said about the value.
bool ParseTarget(absl::string_view target, Request* request);

}  // namespace spanwire::bridge
