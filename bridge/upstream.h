// The way to a broker, for events that come by HTTP or WebSocket. An interface, so that nothing
// else of the bridge sees gRPC.
//
// Owner: the bridge's server. Thread safety: Publish from any thread.
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "spanwire/v1/publisher.pb.h"

namespace spanwire::bridge {

class Upstream {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<v1::PublishResponse>)>;

  // Ends what is under way; no `done` is called once it has returned.
  virtual ~Upstream() = default;

  // `done` is called once, on any thread, perhaps from within. Errors are the broker's;
  // RESOURCE_EXHAUSTED: too much is under way.
  virtual void Publish(const v1::PublishRequest& request, Done done) = 0;
};

}  // namespace spanwire::bridge
