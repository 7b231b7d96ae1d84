// A position in a channel's log: `<epoch>-<seq>`, two decimals compared as a pair. The id of a
// Redis stream entry, the resume token, the `id` a browser sees (docs/decisions/0003-log-ids.md).
//
// seq is contiguous from 1 within an epoch; seq 0 is the place before an epoch's first event. {0,
// 0} is before everything.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace spanwire::channel {

struct Position {
  uint64_t epoch = 0;
  uint64_t seq = 0;

  auto operator<=>(const Position&) const = default;  // NOLINT(modernize-use-nullptr): its error

  // "<epoch>-<seq>"; nothing for any other text: a sign, a leading zero, an overflow, an epoch of
  // 2^53 or more.
  static absl::optional<Position> Parse(absl::string_view text);
  std::string ToString() const;
  // The place just before this one's event. For seq ≥ 1.
  Position Before() const { return {epoch, seq - 1}; }
};

}  // namespace spanwire::channel
