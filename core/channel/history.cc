#include "core/channel/history.h"

namespace spanwire::channel {

absl::string_view GapReasonName(GapReason reason) {
  switch (reason) {
    case GapReason::kTrimmed:
      return "trimmed";
    case GapReason::kLost:
      return "lost";
    case GapReason::kRollback:
      return "rollback";
    case GapReason::kSlow:
      return "slow";
  }
  return "trimmed";
}

bool Follows(Position last, Position position, absl::optional<Position> prev) {
  if (position.epoch == last.epoch && position.seq == last.seq + 1) return true;
  return position.seq == 1 && prev == last;
}

GapReason JudgeRow(Position after, Position position, absl::optional<Position> prev) {
  if (position.seq != 1) return GapReason::kTrimmed;
  if (!prev || prev->seq == 0) return GapReason::kLost;
  if (*prev < after) return GapReason::kRollback;
  return GapReason::kTrimmed;
}

absl::optional<GapReason> JudgeTail(Position after, absl::optional<Position> tail) {
  if (!tail) return GapReason::kLost;
  if (*tail == after) return absl::nullopt;
  if (tail->seq == 0) return GapReason::kLost;
  if (*tail < after) return GapReason::kRollback;
  return GapReason::kTrimmed;
}

}  // namespace spanwire::channel
