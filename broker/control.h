// The control channel: what other brokers let this one know (spanwire/v1/control.proto). Keeps the
// channel subscribed and hands on what is said there. Hints only, so a broker works without them;
// but one that was never subscribed was set up wrongly, and says so.
//
// Owner: Broker. Thread: the redis loop's.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/metrics.h"
#include "core/base/executor.h"
#include "core/channel/name.h"
#include "core/redis/pubsub.h"

namespace spanwire::broker {

class Control final : public redis::PubSubListener {
 public:
  using OnFence = absl::AnyInvocable<void(absl::string_view producer, uint64_t newer)>;

  // `on_verdict` is called when the verdict changes. All outlive this object.
  Control(base::Executor* executor, redis::PubSub* pubsub, const channel::Names* names,
          BrokerMetrics* metrics, OnFence on_fence, absl::AnyInvocable<void()> on_verdict);

  // Subscribes; a refusal is tried again every limits::kProbeInterval.
  void Start();

  // OK: the channel was subscribed once. PERMISSION_DENIED: Redis refuses. UNAVAILABLE: not yet.
  const absl::Status& verdict() const { return verdict_; }

  void OnPubSubUp() override {}
  void OnPubSubDown(const absl::Status& why) override;
  void OnSubscribed(absl::string_view channel) override;
  void OnSubscribeFailed(absl::string_view channel, const absl::Status& why) override;
  void OnMessage(absl::string_view channel, std::string payload) override;

 private:
  void Subscribe();
  void Judge(absl::Status verdict);

  base::Executor* const executor_;
  redis::PubSub* const pubsub_;
  const std::string channel_;
  const std::string prefix_;
  BrokerMetrics* const metrics_;
  OnFence on_fence_;
  absl::AnyInvocable<void()> on_verdict_;
  absl::Status verdict_ = absl::UnavailableError("the control channel is not subscribed yet");
  base::Executor::Timer retry_;
};

}  // namespace spanwire::broker
