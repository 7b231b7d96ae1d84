// Keeps a message that comes in floods from flooding the log: after so many in a window of time it
// is only counted.
//
// Owner: the log, under its lock. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/log.h"

namespace spanwire::base {

class RepeatLimiter {
 public:
  struct Suppressed {
    std::string message;
    LogLevel level;
    uint64_t count;
  };

  // Whether this entry is to be written. A message's window begins with its first entry and lasts
  // limits::kLogRepeatWindow; limits::kLogRepeats entries of it are written. Of more than
  // limits::kLogMessages messages at a time, the later ones are not limited. `now` never goes
  // backwards.
  bool Admit(absl::string_view message, LogLevel level, absl::Duration now);

  // What was suppressed in the windows that have ended, each said once. Cheap when none has.
  std::vector<Suppressed> Expire(absl::Duration now);

 private:
  struct Window {
    absl::Duration end;
    LogLevel level;
    uint64_t count;
  };

  absl::flat_hash_map<std::string, Window> windows_;
  absl::Duration next_end_ = absl::InfiniteDuration();
};

}  // namespace spanwire::base
