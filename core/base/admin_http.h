// The admin listener's HTTP: a request's head read and a response written, as pure functions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace spanwire::base {

struct HttpHead {
  std::string method;
  std::string path;  // the target up to its query
  std::string host;  // empty when there is none, as HTTP/1.0 allows
};

// `head` is everything up to and with the empty line. Errors (INVALID_ARGUMENT) say on one line
// what is malformed.
absl::StatusOr<HttpHead> ParseHttpHead(absl::string_view head);

// Whether a Host header means this machine by its own name or number, with or without a port. Any
// other name may have been pointed here by its owner (DNS rebinding).
bool IsLocalHost(absl::string_view host);

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// The bytes of the response, which ends its connection. `head_only`: as to HEAD, without the body.
std::string FormatHttpResponse(const HttpResponse& response, bool head_only);

}  // namespace spanwire::base
