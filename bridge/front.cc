#include "bridge/front.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/console.h"
#include "bridge/session.h"
#include "core/base/random.h"

namespace spanwire::bridge {

Front::Front(Hub* hub, const channel::Names* names)
    : hub_(hub), names_(names), random_(base::FreshSeed()) {}

Response Front::OnRequest(const Request& request) {
  const Asset* const asset = FindAsset(request.path);
  if (asset == nullptr) return ErrorResponse(404, "There is nothing here.");
  Response response;
  response.headers = {{"Cache-Control", "no-cache"},
                      {"ETag", std::string(asset->etag)},
                      {"Content-Security-Policy", std::string(console_csp())}};
  if (request.Header("If-None-Match") == asset->etag) {
    response.status = 304;
    return response;
  }
  response.content_type = std::string(asset->content_type);
  response.body = std::string(asset->content);
  return response;
}

bool Front::TakesWebSocket(absl::string_view path) const { return path == "/v1/ws"; }

std::unique_ptr<TransportListener> Front::OnWebSocket(const Request& request,
                                                      absl::string_view subprotocol,
                                                      Transport* transport) {
  Session::Options options;
  options.connection = absl::StrCat(absl::Hex(random_(), absl::kZeroPad16));
  options.pings = subprotocol == "spanwire.v1";
  for (const auto& [name, value] : request.query) {
    if (name == "channel") options.channels.push_back(value);
  }
  return std::make_unique<Session>(hub_, names_, transport, options);
}

}  // namespace spanwire::bridge
