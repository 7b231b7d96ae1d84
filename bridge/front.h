// What the bridge serves on its port: the console, and sessions on /v1/ws.
//
// Owner: the bridge's server, one per connection loop. Thread: that loop.
#pragma once

#include <memory>
#include <random>
#include <string>

#include "bridge/hub.h"
#include "bridge/site.h"
#include "core/channel/name.h"

namespace spanwire::bridge {

class Front final : public Site {
 public:
  // Both outlive it.
  Front(Hub* hub, const channel::Names* names);

  Response OnRequest(const Request& request) override;
  bool TakesWebSocket(absl::string_view path) const override;
  std::unique_ptr<TransportListener> OnWebSocket(const Request& request,
                                                 absl::string_view subprotocol,
                                                 Transport* transport) override;

 private:
  Hub* const hub_;
  const channel::Names* const names_;
  std::mt19937_64 random_;
};

}  // namespace spanwire::bridge
