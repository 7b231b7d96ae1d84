// What an operator looks at first on a broker.
//
// Owner: main. Thread safety: all of them from any thread.
#pragma once

#include <array>
#include <cstddef>

#include "absl/status/status.h"
#include "core/base/metrics.h"

namespace spanwire::broker {

struct BrokerMetrics {
  explicit BrokerMetrics(base::Metrics* metrics);

  // A stream, or a unary call, that ended with this code.
  base::Counter& StreamEnds(absl::StatusCode code) {
    return *stream_ends[static_cast<size_t>(code)];
  }
  base::Counter& Calls(absl::StatusCode code) { return *calls[static_cast<size_t>(code)]; }

  base::Counter& connections;
  base::Counter& refused_connections;
  base::Gauge& streams;
  base::Counter& events;
  base::Counter& event_bytes;
  base::Counter& nacks;
  base::Counter& fenced;
  base::Gauge& control_up;
  base::Counter& control_refused;
  base::Histogram& ack_seconds;
  base::Counter& appended;
  base::Counter& transient;
  base::Counter& duplicates;
  base::Counter& unpublished;
  base::Counter& append_calls;
  base::Counter& append_refusals;
  base::Counter& epochs;
  base::Counter& replicated;
  base::Counter& unreplicated;
  base::Counter& appended_again;
  base::Gauge& queue_bytes;
  base::Gauge& redis_up;
  base::Counter& redis_losses;

  static constexpr size_t kCodes = 17;
  std::array<base::Counter*, kCodes> stream_ends;
  std::array<base::Counter*, kCodes> calls;
};

}  // namespace spanwire::broker
