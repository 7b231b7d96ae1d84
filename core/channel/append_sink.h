// Who appends: an instance of a producer, and who hears of its events' fate.
//
// Thread: the appender's.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "core/base/limits.h"
#include "core/channel/position.h"

namespace spanwire::channel {

// One instance of a producer: sequences count from 1 over all its channels.
struct Producer {
  std::string id;
  uint64_t epoch = 0;
  absl::Duration ttl = limits::kProducerTtl;  // how long its sequences are remembered
  bool replicated = false;                    // its events are committed when replicas have them
};

// Hears what became of one stream's events. Every call comes from the appender's thread and never
// from within Append.
class AppendSink {
 public:
  virtual ~AppendSink() = default;
  // The event is committed on `channel`. No position: a transient event, or one that had been
  // appended before.
  virtual void OnCommitted(uint64_t sequence, absl::string_view channel,
                           absl::optional<Position> position) = 0;
  // A newer instance, of epoch `newer`, has taken over on a channel: the stream ends ABORTED.
  // Nothing of this sink remains in the appender, and it hears no more.
  virtual void OnFenced(uint64_t newer) = 0;
  // The appender held more of it than it should, and no longer does.
  virtual void OnRoom() {}
};

// Hears of a producer that cannot be served.
class AppenderListener {
 public:
  virtual ~AppenderListener() = default;
  // Redis has refused this producer's events, or those before them on a channel, for longer than
  // the append deadline (RESOURCE_EXHAUSTED: out of memory; else UNAVAILABLE); or replicas did not
  // have them in time, and it is a producer that wants that (UNAVAILABLE). What the sinks
  // concerned had queued, on every channel, is discarded. Every stream of the producer ends with
  // `why`: its sinks are forgotten when this returns, or something would overtake what is missing.
  virtual void OnProducerFailed(absl::string_view producer_id, const absl::Status& why) = 0;
};

}  // namespace spanwire::channel
