// One direction of a connection: what is sent arrives in order, each thing after a delay of its
// own; it can stall, and be cut, which loses what is under way.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <utility>

#include "absl/time/time.h"
#include "core/base/executor.h"

namespace spanwire::sim {

using Random = std::mt19937_64;

inline bool Chance(Random& random, double p) {
  return std::uniform_real_distribution<double>(0, 1)(random) < p;
}
inline int64_t Between(Random& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

class Wire {
 public:
  Wire(base::Executor* executor, Random* random, absl::Duration most)
      : executor_(executor), random_(random), most_(most) {}

  void Send(base::Task arrival) {
    const absl::Duration delay =
        absl::Microseconds(Between(*random_, 20, absl::ToInt64Microseconds(most_)));
    last_ = std::max(last_, executor_->Uptime() + delay);
    queue_.push_back({last_, std::move(arrival)});
    if (queue_.size() == 1) Arm();
  }
  void set_delay(absl::Duration most) { most_ = most; }
  void Stall(bool stalled) {
    stalled_ = stalled;
    timer_.reset();
    if (!stalled && !queue_.empty()) Arm();
  }
  // What is under way is lost.
  void Cut() {
    queue_.clear();
    timer_.reset();
    stalled_ = false;
  }
  size_t under_way() const { return queue_.size(); }

 private:
  struct Item {
    absl::Duration at;
    base::Task arrival;
  };

  void Arm() {
    if (stalled_) return;
    timer_ = executor_->After(queue_.front().at - executor_->Uptime(), [this] {
      base::Task arrival = std::move(queue_.front().arrival);
      queue_.pop_front();
      if (!queue_.empty()) Arm();
      arrival();  // may destroy this
    });
  }

  base::Executor* const executor_;
  Random* const random_;
  absl::Duration most_;
  absl::Duration last_;
  std::deque<Item> queue_;
  base::Executor::Timer timer_;
  bool stalled_ = false;
};

}  // namespace spanwire::sim
