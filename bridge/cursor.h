// The cursor of streams and polls: the positions of the request's channels, in its order, joined by
// commas; `-` stands for a channel that has none yet. Any bridge understands it: there is nothing
// else to know.
//
// Thread safety: stateless.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

using Cursor = std::vector<absl::optional<channel::Position>>;

std::string FormatCursor(const Cursor& cursor);
// Nothing: an item is neither a position nor `-`. Empty text is no cursor, too.
// `wrong`: becomes the number of the first item that is none.
absl::optional<Cursor> ParseCursor(absl::string_view text, size_t* wrong);

}  // namespace spanwire::bridge
