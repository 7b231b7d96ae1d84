// The rules of reading (docs/architecture.md, "The event log in Redis"), as pure functions: what
// may follow what, and what is said when something is missing. Live delivery, repair, resume and
// verification all decide by these.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "core/channel/position.h"

namespace spanwire::channel {

// Why a range cannot be had.
enum class GapReason : uint8_t {
  kTrimmed,   // it left the log: too many events, or too old
  kLost,      // the channel began anew: the data set is another one
  kRollback,  // a failover took what the reader's position stood on
  kSlow,      // as trimmed, while the reader was behind by its own slowness
};

absl::string_view GapReasonName(GapReason reason);

// What a reader is told in place of what it missed: the range (after, position] cannot be had.
// `position` may be lower than `after` (a rollback): readers set it, they never take the maximum.
struct Gap {
  Position after;
  Position position;
  GapReason reason = GapReason::kTrimmed;

  bool operator==(const Gap&) const = default;
};

// Whether the event at `position`, whose log says that `prev` stood before it (known at seq 1
// only), comes right after `last`.
bool Follows(Position last, Position position, absl::optional<Position> prev);

// A reader at `after` met the row at `position` that is neither `after` itself nor follows it: why.
GapReason JudgeRow(Position after, Position position, absl::optional<Position> prev);

// A reader at `after` found no row; `tail` is the channel's position, if it has one. Nothing:
// nothing was missed.
absl::optional<GapReason> JudgeTail(Position after, absl::optional<Position> tail);

}  // namespace spanwire::channel
