// An Executor whose time stands still until the test moves it. Timers run in the order of their
// times (those of one moment in the order in which they were asked for); posted tasks run before
// the next timer. Single-threaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "core/base/executor.h"

namespace spanwire::test {

class FakeExecutor final : public base::Executor {
 public:
  explicit FakeExecutor(
      absl::Time start = absl::FromUnixSeconds(1'704'110'400))  // 2024-01-01T12:00:00Z
      : now_(start) {}

  absl::Time Now() const override { return now_; }
  absl::Duration Uptime() const override { return uptime_; }

  [[nodiscard]] Timer After(absl::Duration delay, base::Task task) override {
    const Key key{uptime_ + std::max(delay, absl::ZeroDuration()), next_++};
    timers_->emplace(key, std::move(task));
    return std::make_unique<Handle>(timers_, key);
  }

  void Post(base::Task task) override { posted_.push_back(std::move(task)); }

  // Runs what is posted, and what that posts, until nothing is left. Returns how many ran.
  int RunPosted() {
    int ran = 0;
    for (; !posted_.empty(); ++ran) {
      base::Task task = std::move(posted_.front());
      posted_.pop_front();
      task();
    }
    return ran;
  }

  // Moves both clocks on by `by`, running on the way all that falls due, each at its own moment.
  void Advance(absl::Duration by) {
    const absl::Duration end = uptime_ + by;
    RunPosted();
    while (!timers_->empty() && timers_->begin()->first.first <= end) {
      MoveTo(timers_->begin()->first.first);
      base::Task task = std::move(timers_->begin()->second);
      timers_->erase(timers_->begin());
      task();
      RunPosted();
    }
    MoveTo(end);
  }

  // Advances to the next timer, at most by `most`. Whether there was one.
  bool AdvanceToNext(absl::Duration most = absl::InfiniteDuration()) {
    RunPosted();
    if (timers_->empty() || timers_->begin()->first.first - uptime_ > most) return false;
    Advance(timers_->begin()->first.first - uptime_);
    return true;
  }

  // The wall clock is set, as by an operator or by NTP; Uptime and the timers do not notice.
  void JumpWallClock(absl::Duration by) { now_ += by; }

  // Timers that were asked for, have not run and are not cancelled.
  size_t timers() const { return timers_->size(); }
  size_t posted() const { return posted_.size(); }

 private:
  using Key = std::pair<absl::Duration, uint64_t>;
  using Timers = std::map<Key, base::Task>;

  class Handle final : public Pending {
   public:
    Handle(std::weak_ptr<Timers> timers, Key key) : timers_(std::move(timers)), key_(key) {}
    ~Handle() override {
      if (auto timers = timers_.lock()) timers->erase(key_);
    }

   private:
    const std::weak_ptr<Timers> timers_;
    const Key key_;
  };

  void MoveTo(absl::Duration uptime) {
    if (uptime <= uptime_) return;
    now_ += uptime - uptime_;
    uptime_ = uptime;
  }

  absl::Time now_;
  absl::Duration uptime_ = absl::Seconds(1'000);
  uint64_t next_ = 0;
  std::deque<base::Task> posted_;
  const std::shared_ptr<Timers> timers_ = std::make_shared<Timers>();
};

}  // namespace spanwire::test
