// What the bridge serves on its port, path by path (docs/protocol.md, "Endpoints").
//
// Owner: the bridge's server, one per connection loop. Thread: that loop.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bridge/command.h"
#include "bridge/command_runner.h"
#include "bridge/hub.h"
#include "bridge/session.h"
#include "bridge/site.h"
#include "core/channel/name.h"

namespace spanwire::bridge {

class Front final : public Site {
 public:
  // All outlive it. `upstream` may be null: nothing can be published.
  Front(Hub* hub, const channel::Names* names, Upstream* upstream);

  Service ServiceOf(absl::string_view path) const override;
  Response OnPage(const Request& request) override;
  Open OnWebSocket(const Request& request, absl::string_view subprotocol) override;
  absl::StatusOr<Open> OnStream(const Request& request) override;
  std::unique_ptr<Call> OnCall(const Request& request, Answer answer) override;

 private:
  Open OpenSession(Session::Options options);

  std::unique_ptr<Call> OnCommand(absl::string_view body, Answer answer);
  std::unique_ptr<Call> OnPublish(const Request& request, Answer answer);

  Hub* const hub_;
  const channel::Names* const names_;
  CommandRunner runner_;
  std::mt19937_64 random_;
};

}  // namespace spanwire::bridge
