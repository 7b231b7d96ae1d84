#include "core/redis/redis_clock.h"

#include "absl/strings/numbers.h"
#include "core/base/limits.h"

namespace spanwire::redis {
namespace {

// TIME answers [seconds, microseconds].
absl::optional<absl::Time> ParseTime(const Reply& reply) {
  int64_t seconds = 0;
  int64_t micros = 0;
  if (reply.elements.size() != 2 || !absl::SimpleAtoi(reply.elements[0].text, &seconds) ||
      !absl::SimpleAtoi(reply.elements[1].text, &micros)) {
    return absl::nullopt;
  }
  return absl::FromUnixSeconds(seconds) + absl::Microseconds(micros);
}

}  // namespace

RedisClock::RedisClock(base::Executor* executor, Commands* commands)
    : executor_(executor), commands_(commands), alive_(std::make_shared<char>()) {}

RedisClock::~RedisClock() = default;

absl::Time RedisClock::Now() const {
  return origin_ ? *origin_ + executor_->Uptime() : executor_->Now();
}

absl::optional<absl::Duration> RedisClock::offset() const {
  if (!origin_) return absl::nullopt;
  return Now() - executor_->Now();
}

void RedisClock::OnUp() { Ask(); }

// What was learnt stays good for a while: the next connection is probably to the same server.
void RedisClock::OnDown(const absl::Status&) { next_.reset(); }

void RedisClock::Ask() {
  const absl::Duration asked = executor_->Uptime();
  commands_->Call({"TIME"}, [this, asked, alive = std::weak_ptr<char>(alive_)](
                                const absl::StatusOr<Reply>& reply) {
    if (alive.expired() || !reply.ok()) return;
    const absl::optional<absl::Time> told = ParseTime(*reply);
    if (told) origin_ = *told - (asked + executor_->Uptime()) / 2;
    next_ = executor_->After(limits::kClockInterval, [this] { Ask(); });
  });
}

}  // namespace spanwire::redis
