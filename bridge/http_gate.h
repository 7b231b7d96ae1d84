// Who may talk to the bridge from a browser: the checks of Host and Origin, made before any request
// has an effect.
//
// A Host that is not ours means that somebody else's name was resolved to this machine (DNS
// rebinding); a foreign Origin means that somebody else's page asks, with the user's browser.
//
// Thread safety: immutable.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "bridge/http.h"

namespace spanwire::bridge {

class HttpGate {
 public:
  // `hosts`: names besides localhost, 127.0.0.1 and [::1], without port, compared in any case.
  // `origins`: besides the page's own, exactly as browsers send them ("https://app.example.com").
  HttpGate(std::vector<std::string> hosts, std::vector<std::string> origins);

  // Nothing: the request may go on. Else 421 (Host) or 403 (Origin).
  absl::optional<Response> Refuse(const Request& request) const;
  // What tells a browser that a page of another origin may read the answer; for requests that were
  // not refused.
  static HttpFields CrossOrigin(const Request& request);
  // The answer to OPTIONS: what such a page may send.
  static Response Preflight();

 private:
  bool IsOurHost(absl::string_view host) const;
  bool IsOurOrigin(absl::string_view origin, absl::string_view host) const;

  const std::vector<std::string> hosts_;
  const std::vector<std::string> origins_;
};

}  // namespace spanwire::bridge
