// Runs a loop on the test's own thread until something is so.
#pragma once

#include <chrono>
#include <functional>

#include "core/base/loop.h"

namespace spanwire::test {

// Whether `condition` came true. The deadline is generous: it only ends a test that would hang.
inline bool RunUntil(base::Loop& loop, const std::function<bool()>& condition,
                     std::chrono::seconds deadline = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    loop.io().restart();
    loop.io().run_one_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace spanwire::test
