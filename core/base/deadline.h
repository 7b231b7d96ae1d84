// The moment until which somebody else must have answered. A loop that stood still finds its timers
// due before it has read what arrived meanwhile; then the deadline lets it read first.
//
// Owner: who waits. Thread: the executor's.
#pragma once

#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "core/base/executor.h"

namespace spanwire::base {

class Deadline {
 public:
  // `executor` outlives the deadline.
  explicit Deadline(Executor* executor) : executor_(executor) {}

  // `on_passed` runs once after `delay`, or a little later, unless it is set again or cleared.
  void Set(absl::Duration delay, Task on_passed) {
    const absl::Duration due = executor_->Uptime() + delay;
    timer_ = executor_->After(delay, [this, due, on_passed = std::move(on_passed)]() mutable {
      if (executor_->Uptime() <= due + kLate) return on_passed();
      timer_ = executor_->After(kLate, std::move(on_passed));
    });
  }
  void Clear() { timer_.reset(); }

 private:
  static constexpr absl::Duration kLate = absl::Milliseconds(100);

  Executor* const executor_;
  Executor::Timer timer_;
};

}  // namespace spanwire::base
