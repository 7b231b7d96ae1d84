// What agents send, read from its raw bytes: each frame of a stream and each unary request. The
// envelopes are scanned by hand, so that the events within are slices of what arrived and their
// bytes stay as they are.
//
// Thread safety: stateless, called by gRPC's threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/router.h"
#include "spanwire/v1/publisher.pb.h"

namespace spanwire::broker {

// A PublishStreamRequest.
struct PublishFrame {
  enum class Kind : uint8_t { kOpen, kBatch, kCommandResult };

  Kind kind = Kind::kBatch;
  v1::Open open;  // kOpen
  // kBatch:
  uint64_t first_sequence = 0;
  std::vector<RoutedEvent> events;  // at most limits::kBatchEvents
};

// A PublishRequest.
struct PublishCall {
  std::string idempotency_key;  // empty, or valid
  v1::AckLevel ack_level = v1::ACK_LEVEL_UNSPECIFIED;
  std::vector<RoutedEvent> events;  // at least one, all acceptable
};

// INVALID_ARGUMENT: the envelope does not parse, or is over a bound. Bad events within a good batch
// are no error: their violations say what is wrong.
absl::StatusOr<PublishFrame> ReadPublishFrame(absl::string_view bytes, const Router& router,
                                              const Router::Defaults& defaults);

// INVALID_ARGUMENT: as above; and the first bad event, by `events[i].field`.
absl::StatusOr<PublishCall> ReadPublishCall(absl::string_view bytes, const Router& router,
                                            const Router::Defaults& defaults);

// What an idempotency key is made into; refused as the beginning of an agent's producer id.
inline constexpr absl::string_view kIdempotentPrefix = "idem:";

}  // namespace spanwire::broker
