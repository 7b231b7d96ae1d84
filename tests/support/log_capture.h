// The daemon's log as the test sees it: while one lives, lines go into it instead of standard
// error.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "core/base/log.h"

namespace spanwire::test {

class LogCapture {
 public:
  LogCapture() {
    base::SetLogOutput([this](absl::string_view line) {
      std::lock_guard<std::mutex> lock(mutex_);
      lines_.emplace_back(line);
    });
  }
  ~LogCapture() { base::SetLogOutput(nullptr); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  std::vector<std::string> lines() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return lines_;
  }

  // Lines that hold `text`.
  int Count(absl::string_view text) const {
    int count = 0;
    for (const std::string& line : lines()) count += absl::StrContains(line, text) ? 1 : 0;
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace spanwire::test
