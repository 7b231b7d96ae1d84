#include "core/base/repeat_limiter.h"

#include <algorithm>

#include "core/base/limits.h"

namespace spanwire::base {

bool RepeatLimiter::Admit(absl::string_view message, LogLevel level, absl::Duration now) {
  auto it = windows_.find(message);
  if (it == windows_.end()) {
    if (windows_.size() >= limits::kLogMessages) return true;
    it = windows_.emplace(std::string(message), Window{now + limits::kLogRepeatWindow, level, 0})
             .first;
    next_end_ = std::min(next_end_, it->second.end);
  }
  it->second.level = level;
  return ++it->second.count <= limits::kLogRepeats;
}

std::vector<RepeatLimiter::Suppressed> RepeatLimiter::Expire(absl::Duration now) {
  std::vector<Suppressed> ended;
  if (now < next_end_) return ended;
  next_end_ = absl::InfiniteDuration();
  for (auto it = windows_.begin(); it != windows_.end();) {
    const auto current = it++;
    const Window& window = current->second;
    if (now < window.end) {
      next_end_ = std::min(next_end_, window.end);
      continue;
    }
    if (window.count > limits::kLogRepeats) {
      ended.push_back({current->first, window.level, window.count - limits::kLogRepeats});
    }
    windows_.erase(current);
  }
  return ended;
}

}  // namespace spanwire::base
