#include "core/redis/probe.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/random.h"

namespace spanwire::redis {
namespace {

constexpr size_t kUnheardTokens = 4;

std::string RandomRun() {
  return absl::StrCat(absl::Hex(base::FreshSeed(), absl::kZeroPad16), ":");
}

absl::Status Refusal(absl::string_view what, const Reply& reply) {
  const std::string text = absl::StrCat("redis refuses the probe's ", what, ": ", reply.text);
  return reply.error_code() == "NOPERM" ? absl::PermissionDeniedError(text)
                                        : absl::FailedPreconditionError(text);
}

std::string Ttl() { return absl::StrCat(absl::ToInt64Milliseconds(limits::kProbeTtl)); }

}  // namespace

Probe::Probe(base::Executor* executor, Commands* commands, PubSub* pubsub, std::string name,
             ProbeListener* listener)
    : executor_(executor),
      commands_(commands),
      pubsub_(pubsub),
      name_(std::move(name)),
      listener_(listener),
      run_(RandomRun()),
      verdict_(absl::UnavailableError("the probe was not heard yet")),
      subscription_(absl::UnavailableError("the probe's channel is not subscribed yet")),
      alive_(std::make_shared<char>()) {}

Probe::~Probe() = default;

void Probe::Start() {
  if (std::exchange(running_, true)) return;
  pubsub_->Subscribe(name_);
  Round();
}

void Probe::Stop() {
  if (!std::exchange(running_, false)) return;
  next_.reset();
  Forget();
  pubsub_->Unsubscribe(name_);
}

void Probe::OnUp() {
  if (running_) Round();
}

void Probe::OnPubSubDown(const absl::Status& why) {
  subscription_ = absl::UnavailableError(why.message());
  Forget();
  Judge();
}

void Probe::OnSubscribed(absl::string_view channel) {
  if (channel != name_ || !running_) return;
  subscription_ = absl::OkStatus();
  // What was published before this need not have been heard.
  heard_ = false;
  heard_at_ = executor_->Uptime();
  Forget();
  Round();
}

void Probe::OnSubscribeFailed(absl::string_view channel, const absl::Status& why) {
  if (channel != name_) return;
  subscription_ = why;
  Judge();
}

void Probe::OnMessage(absl::string_view channel, absl::string_view payload) {
  uint64_t number = 0;
  if (channel != name_ || !absl::ConsumePrefix(&payload, run_) ||
      !absl::SimpleAtoi(payload, &number)) {
    return;
  }
  while (!unheard_.empty() && unheard_.front().number <= number) unheard_.pop_front();
  heard_ = true;
  heard_at_ = executor_->Uptime();
  WatchDeadline();
  Judge();
}

void Probe::Round() {
  next_ = executor_->After(limits::kProbeInterval, [this] { Round(); });
  GiveDeafUp();
  // An operator may have widened the ACL, which cuts no connection.
  if (absl::IsPermissionDenied(subscription_)) pubsub_->Subscribe(name_);
  Publish();
  if (claimed_) {
    CountUp();
  } else {
    Claim();
  }
}

void Probe::Publish() {
  const uint64_t number = ++published_;
  // A few are enough to know since when nothing is heard.
  if (subscription_.ok() && unheard_.size() < kUnheardTokens) {
    unheard_.push_back({number, executor_->Uptime()});
    if (unheard_.size() == 1) WatchDeadline();
  }
  const std::string token = absl::StrCat(run_, number);
  commands_->Call({"PUBLISH", name_, token}, [this, number, alive = std::weak_ptr<char>(alive_)](
                                                 const absl::StatusOr<Reply>& reply) {
    if (alive.expired() || !running_) return;
    publishing_ = !reply.ok()         ? reply.status()
                  : reply->is_error() ? Refusal("PUBLISH", *reply)
                                      : absl::OkStatus();
    if (publishing_.ok()) answered_ = number;
    Judge();
  });
}

// Takes the name for this run, whatever the key holds.
void Probe::Claim() {
  const uint64_t number = ++counter_;
  const std::string value = absl::StrCat(number);
  commands_->Call(
      {"SET", name_, value, "PX", Ttl()},
      [this, number, alive = std::weak_ptr<char>(alive_)](const absl::StatusOr<Reply>& reply) {
        if (alive.expired() || !running_ || !Counted(reply)) return;
        claimed_ = true;
        reached_ = number;
      });
}

void Probe::CountUp() {
  const uint64_t number = ++counter_;
  const std::string value = absl::StrCat(number);
  commands_->Call(
      {"SET", name_, value, "XX", "GET", "PX", Ttl()},
      [this, number, alive = std::weak_ptr<char>(alive_)](const absl::StatusOr<Reply>& reply) {
        // Not claimed: an earlier answer has told the loss already.
        if (alive.expired() || !running_ || !claimed_ || !Counted(reply)) return;
        OnFound(number, *reply);
      });
}

// `found`: what the key held before `number` was written.
void Probe::OnFound(uint64_t number, const Reply& found) {
  uint64_t value = 0;
  const bool gone = found.is_nil();
  const bool went_back = !gone && (!absl::SimpleAtoi(found.text, &value) || value < reached_);
  reached_ = number;
  if (!gone && !went_back) return;
  base::LogWarning("redis lost its data set",
                   {{"probe", name_}, {"key", gone ? "is gone" : "went back"}});
  if (gone) {
    claimed_ = false;
    Claim();
  }
  // The pub/sub connection may still be with the Redis that was; nothing is lost if it is not.
  pubsub_->Reset(absl::UnavailableError("redis holds another data set"));
  listener_->OnDataSetLost();
}

// Whether the key was written. An answer that it was not is kept for the verdict.
bool Probe::Counted(const absl::StatusOr<Reply>& reply) {
  // A lost connection is told by PUBLISH as well; whether the key was written is then unknown.
  if (!reply.ok()) return false;
  if (reply->error_code() == "READONLY") {
    commands_->Reset(absl::UnavailableError(absl::StrCat("redis is a replica now: ", reply->text)));
    return false;
  }
  // Out of memory, readers can still be served.
  counting_ =
      reply->is_error() && reply->error_code() != "OOM" ? Refusal("SET", *reply) : absl::OkStatus();
  Judge();
  return !reply->is_error();
}

void Probe::Forget() {
  unheard_.clear();
  WatchDeadline();
}

void Probe::WatchDeadline() {
  late_ = false;
  deadline_.Clear();
  if (unheard_.empty()) return;
  const absl::Duration due = unheard_.front().published + limits::kProbeDeadline;
  deadline_.Set(due - executor_->Uptime(), [this] { OnDeadline(); });
}

void Probe::OnDeadline() {
  late_ = true;
  Judge();
}

// Not a connection that is merely behind: that one hears older tokens.
void Probe::GiveDeafUp() {
  if (unheard_.empty() || answered_ < unheard_.front().number) return;
  const absl::Duration since = std::max(unheard_.front().published, heard_at_);
  if (executor_->Uptime() - since < limits::kProbeDeaf) return;
  Forget();
  pubsub_->Reset(absl::UnavailableError(absl::StrCat("what is published was not heard for ",
                                                     absl::FormatDuration(limits::kProbeDeaf),
                                                     ": this is another redis, or a deaf one")));
}

void Probe::Judge() {
  absl::Status verdict = Verdict();
  if (!running_ || verdict == verdict_) return;
  verdict_ = std::move(verdict);
  listener_->OnProbe(verdict_);
}

absl::Status Probe::Verdict() const {
  if (!subscription_.ok()) return subscription_;
  if (!publishing_.ok()) return publishing_;
  if (!counting_.ok()) return counting_;
  if (late_) {
    return absl::UnavailableError(absl::StrCat("what is published is not heard within ",
                                               absl::FormatDuration(limits::kProbeDeadline)));
  }
  // Between two tokens, or between a reconnect and the first one, what was last known stands.
  return heard_ ? absl::OkStatus() : verdict_;
}

}  // namespace spanwire::redis
