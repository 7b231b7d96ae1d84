// The client's bounds and waits. Those of events and batches are the contract's
// (proto/spanwire/v1/publisher.proto): the broker tells its own in Opened, and the smaller one
// holds.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace spanwire::client {

inline constexpr size_t kEventBytes = 262'144;    // of one encoded event
inline constexpr size_t kBatchEvents = 1'024;     // of one batch
inline constexpr size_t kBatchBytes = 1'048'576;  // of one encoded PublishStreamRequest
inline constexpr int kNesting =
    96;  // of messages in an event; a parser allows 100, and the batch is two of them

inline constexpr size_t kQueueEvents =
    65'536;  // published and not acknowledged, unless the caller says otherwise
inline constexpr size_t kQueueBytes = 32 << 20;  // likewise

inline constexpr absl::Duration kBackoffFirst =
    absl::Milliseconds(100);  // full jitter: 0 to this, doubled each time …
inline constexpr absl::Duration kBackoffLast = absl::Seconds(10);  // … up to here
inline constexpr absl::Duration kHintMost =
    absl::Seconds(60);  // the longest wait that a broker can ask for
inline constexpr absl::Duration kOpenTimeout =
    absl::Seconds(10);  // from the attempt to connect until Opened
inline constexpr absl::Duration kSilence =
    absl::Seconds(30);  // without a word while something is unacknowledged

}  // namespace spanwire::client
