// How long to wait before the next attempt: exponential with full jitter, so that a thousand
// clients that lost the same server at the same moment do not come back at the same moment.
//
// Owner: the machine that retries; its thread only.
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "core/base/limits.h"

namespace spanwire::base {

class Backoff {
 public:
  // Uniform in [0, 1).
  using Random = absl::AnyInvocable<double()>;

  explicit Backoff(absl::Duration first = limits::kReconnectFirst,
                   absl::Duration last = limits::kReconnectLast);
  // With a random source of the caller's, for tests and the simulator.
  Backoff(absl::Duration first, absl::Duration last, Random random);

  // The wait before the next attempt: uniform in [0, min(last, first · 2^n)), n = Next calls since
  // Reset.
  absl::Duration Next();
  // After a success.
  void Reset() { attempts_ = 0; }
  int attempts() const { return attempts_; }

 private:
  const absl::Duration first_;
  const absl::Duration last_;
  Random random_;
  int attempts_ = 0;
};

}  // namespace spanwire::base
