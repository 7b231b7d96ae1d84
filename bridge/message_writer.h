// Writes an encoded protobuf message as JSON, straight from the wire, by its table; how, says
// bridge/translator.h.
//
// Thread safety: stateless.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "bridge/message_table.h"

namespace spanwire::bridge {

// Messages may be nested this deep, as in protobuf's own parser.
inline constexpr int kMessageDepth = 100;

// Appends the message; `depth`: how many messages it stands in. False: it is malformed, has text
// that is not UTF-8, or is nested too deeply; `out` then ends somewhere within it.
[[nodiscard]] bool AppendMessage(const MessageTable& table, absl::string_view bytes, int depth,
                                 std::string* out);

}  // namespace spanwire::bridge
