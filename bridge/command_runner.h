// Carries out the commands that are answered later, and need no subscription: history and publish.
// A session uses it, and HTTP for those who have no socket.
//
// Owner: the server, one per connection loop. Thread: that loop.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "bridge/command.h"
#include "bridge/hub.h"
#include "bridge/site.h"
#include "bridge/upstream.h"
#include "core/channel/name.h"
#include "spanwire/v1/publisher.pb.h"

namespace spanwire::bridge {

class CommandRunner {
 public:
  // The answer's frame; later, once, unless the Call is destroyed before, which it may do.
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;

  // All outlive it and its calls. `upstream` may be null: nothing can be published.
  CommandRunner(Hub* hub, const channel::Names* names, Upstream* upstream)
      : hub_(hub), names_(names), upstream_(upstream) {}

  // `command`: of these two kinds. An error: `done` is not called.
  absl::StatusOr<std::unique_ptr<Call>> Run(const Command& command, Done done);
  // The same for the body of a POST.
  absl::StatusOr<std::unique_ptr<Call>> Publish(absl::string_view body,
                                                absl::string_view idempotency_key, Done done);

 private:
  absl::StatusOr<std::unique_ptr<Call>> RunPublish(const Command& command, Done done);

  Hub* const hub_;
  const channel::Names* const names_;
  Upstream* const upstream_;
};

}  // namespace spanwire::bridge
