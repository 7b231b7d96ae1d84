// Numbers of one kept-up connection, for metrics and readiness.
//
// Written by the connection's loop. Thread safety: read from any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace spanwire::redis {

struct ConnectionStats {
  std::atomic<bool> up = false;
  std::atomic<uint64_t> connects = 0;      // connections that came up
  std::atomic<uint64_t> failures = 0;      // attempts that did not
  std::atomic<uint64_t> losses = 0;        // connections that were up and are no more
  std::atomic<uint64_t> unsent_bytes = 0;  // queued for, or in, the present write
  std::atomic<uint64_t> unanswered = 0;    // commands sent or queued, without an answer so far
  std::atomic<uint64_t> refused = 0;       // calls refused by a bound (RESOURCE_EXHAUSTED)
};

}  // namespace spanwire::redis
