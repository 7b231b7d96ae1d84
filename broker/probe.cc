#include "broker/probe.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/redis_error.h"
#include "core/base/limits.h"
#include "core/channel/script.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::broker {
Probe::Probe(base::Executor* executor, redis::Commands* redis, const channel::Names* names,
             std::string instance, std::string verb, absl::AnyInvocable<void()> on_verdict)
    : executor_(executor),
      redis_(redis),
      names_(names),
      instance_(std::move(instance)),
      verb_(std::move(verb)),
      on_verdict_(std::move(on_verdict)) {}

void Probe::OnUp() {
  ++connection_;
  logged_ = false;
  asked_ = false;
  Tick();
}

void Probe::OnDown() {
  next_.reset();
  deadline_.Clear();
  verdict_ = absl::UnavailableError("redis is lost");
  on_verdict_();
}

void Probe::Tick() {
  next_ = executor_->After(limits::kProbeInterval, [this] { Tick(); });
  if (!asked_) Ask();
}

void Probe::OnDeadline() {
  verdict_ = absl::UnavailableError(absl::StrCat("redis has not answered the probe for ",
                                                 absl::FormatDuration(limits::kProbeDeadline)));
  on_verdict_();
}

void Probe::Ask() {
  asked_ = true;
  deadline_.Set(limits::kProbeDeadline, [this] { OnDeadline(); });
  v1::Event event;
  event.mutable_custom()->set_type("probe");
  const std::string body = event.SerializeAsString();
  const std::string channel = names_->Probe(instance_);
  const std::string keys[] = {names_->LogKey(channel), names_->TailKey(channel),
                              names_->ProducerKey(channel, instance_)};
  const std::string ttl = absl::StrCat(absl::ToInt64Milliseconds(limits::kProbeTtl));
  const std::string sequence = absl::StrCat(logged_ ? "-" : "", ++sequence_);
  // The salt only has to keep epochs of one channel apart, and nobody else writes to this one.
  const absl::string_view args[] = {
      channel, verb_,    "1", logged_ ? "keep" : "open", "1", ttl, ttl, "0", "1", ttl,
      "1",     sequence, body};
  channel::PublishScript().Call(
      redis_, {keys[0], keys[1], keys[2]}, args,
      [this, connection = connection_,
       alive = std::weak_ptr<char>(alive_)](const absl::StatusOr<redis::Reply>& reply) {
        if (alive.expired() || connection != connection_) return;
        asked_ = false;
        deadline_.Clear();
        verdict_ = Judge(reply);
        logged_ = verdict_.ok();
        on_verdict_();
      });
}

absl::Status Probe::Judge(const absl::StatusOr<redis::Reply>& reply) const {
  if (absl::Status error = RedisError(reply, redis_); !error.ok()) return error;
  if (reply->elements.size() != 4)
    return absl::UnavailableError("redis answered publish.lua with something else");
  if (reply->elements[2].integer > 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("redis does not let this user publish: its ACL needs the channels &",
                     names_->prefix(), ":*"));
  }
  return absl::OkStatus();
}

}  // namespace spanwire::broker
