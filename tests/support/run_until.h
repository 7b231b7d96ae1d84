// Runs a Loop on the test's own thread until a condition holds: no second thread, and nothing waits
// for time alone.
#pragma once

#include <chrono>

#include "absl/functional/function_ref.h"
#include "core/base/loop.h"

namespace spanwire::test {

// False: the condition did not come to hold within `deadline`, which is generous for a loaded
// machine.
inline bool RunUntil(base::Loop& loop, absl::FunctionRef<bool()> condition,
                     std::chrono::seconds deadline = std::chrono::seconds(60)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    loop.io().run_one_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace spanwire::test
