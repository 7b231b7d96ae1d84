#include "bridge/http_gate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

// Takes ":port" off the end, if there is one. False: what follows the colon is no port.
bool StripPort(absl::string_view* host) {
  const size_t bracket = host->rfind(']');
  const size_t colon = host->rfind(':');
  if (colon == absl::string_view::npos || (bracket != absl::string_view::npos && colon < bracket))
    return true;
  const absl::string_view digits = host->substr(colon + 1);
  uint32_t port = 0;
  if (digits.size() > 5 || !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(digits, &port) || port > 65535) {
    return false;
  }
  *host = host->substr(0, colon);
  return true;
}

}  // namespace

HttpGate::HttpGate(std::vector<std::string> hosts, std::vector<std::string> origins)
    : hosts_(std::move(hosts)), origins_(std::move(origins)) {}

absl::optional<Response> HttpGate::Refuse(const Request& request) const {
  const absl::string_view host = request.Header("Host");
  if (!IsOurHost(host)) {
    return ErrorResponse(421, "the Host header names another server; see allowed_hosts");
  }
  if (request.HasHeader("Origin") && !IsOurOrigin(request.Header("Origin"), host)) {
    return ErrorResponse(403, "this Origin may not use the bridge; see allowed_origins");
  }
  return absl::nullopt;
}

HttpFields HttpGate::CrossOrigin(const Request& request) {
  if (!request.HasHeader("Origin")) return {};
  // It is one of ours: nothing that the client could have made up.
  return {{"Access-Control-Allow-Origin", std::string(request.Header("Origin"))},
          {"Vary", "Origin"}};
}

Response HttpGate::Preflight() {
  Response response;
  response.status = 204;
  response.headers = {
      {"Allow", "GET, HEAD, POST, OPTIONS"},
      {"Access-Control-Allow-Methods", "GET, POST"},
      {"Access-Control-Allow-Headers",
       "content-type, authorization, last-event-id, idempotency-key"},
      {"Access-Control-Max-Age", absl::StrCat(absl::ToInt64Seconds(limits::kPreflightAge))}};
  return response;
}

bool HttpGate::IsOurHost(absl::string_view host) const {
  if (!StripPort(&host)) return false;
  for (const absl::string_view own : {"localhost", "127.0.0.1", "[::1]"}) {
    if (absl::EqualsIgnoreCase(host, own)) return true;
  }
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [host](const std::string& own) { return absl::EqualsIgnoreCase(host, own); });
}

// The bridge itself serves plain HTTP only; a page behind a proxy with TLS is another origin, to be
// configured.
bool HttpGate::IsOurOrigin(absl::string_view origin, absl::string_view host) const {
  if (std::find(origins_.begin(), origins_.end(), origin) != origins_.end()) return true;
  return absl::ConsumePrefix(&origin, "http://") && absl::EqualsIgnoreCase(origin, host);
}

}  // namespace spanwire::bridge
