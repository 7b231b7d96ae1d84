#include "broker/control.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "spanwire/v1/control.pb.h"

namespace spanwire::broker {

Control::Control(base::Executor* executor, redis::PubSub* pubsub, const channel::Names* names,
                 BrokerMetrics* metrics, OnFence on_fence, absl::AnyInvocable<void()> on_verdict)
    : executor_(executor),
      pubsub_(pubsub),
      channel_(names->Control()),
      prefix_(names->prefix()),
      metrics_(metrics),
      on_fence_(std::move(on_fence)),
      on_verdict_(std::move(on_verdict)) {}

void Control::Start() { Subscribe(); }

void Control::Subscribe() {
  retry_.reset();
  pubsub_->Subscribe(channel_);
}

// The subscriber comes back by itself, and what is missed meanwhile costs time only.
void Control::OnPubSubDown(const absl::Status&) { metrics_->control_up.Set(0); }

void Control::OnSubscribed(absl::string_view) {
  metrics_->control_up.Set(1);
  Judge(absl::OkStatus());
}

// An operator may widen the ACL, which cuts no connection.
void Control::OnSubscribeFailed(absl::string_view, const absl::Status& why) {
  metrics_->control_up.Set(0);
  retry_ = executor_->After(limits::kProbeInterval, [this] { Subscribe(); });
  if (verdict_.ok()) return;
  Judge(absl::Status(why.code(), absl::StrCat(why.message(), " (its ACL needs +subscribe and the ",
                                              "channels &", prefix_, ":*)")));
}

void Control::Judge(absl::Status verdict) {
  if (verdict == verdict_) return;
  verdict_ = std::move(verdict);
  on_verdict_();
}

void Control::OnMessage(absl::string_view, std::string payload) {
  v1::Control control;
  if (!control.ParseFromString(payload)) {
    metrics_->control_refused.Increment();
    base::LogWarning("control message does not parse", {{"bytes", payload.size()}});
    return;
  }
  if (control.has_fence()) {
    on_fence_(control.fence().producer_id(), control.fence().producer_epoch());
  }
}

}  // namespace spanwire::broker
