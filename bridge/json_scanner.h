// Checks JSON text that others wrote and takes the white space out: one pass, no tree, no
// recursion. What it lets through is RFC 8259 to the letter, in valid UTF-8 with whole surrogate
// pairs, and has no raw line end in it.
//
// Thread safety: stateless.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace spanwire::bridge {

enum class JsonKind : uint8_t { kObject, kArray, kString, kNumber, kTrue, kFalse, kNull };

// A member of the outermost object.
struct JsonMember {
  absl::string_view key;    // decoded; valid during the call
  absl::string_view value;  // as written, strings with their quotes; points into the scanned text
  JsonKind kind = JsonKind::kNull;
};

// Reads `text`, which is to be one JSON object with at most limits::kJsonDepth levels (itself the
// first) and white space around it. Calls `on_member` for each of its members, in order, when it
// was read; an error of it ends the scan and is returned. Appends the object without white space
// between tokens, otherwise as written, to `out` unless that is null. INVALID_ARGUMENT says what is
// wrong and at which byte, and quotes nothing; `out` then ends with a part of the object.
absl::Status ScanJsonObject(absl::string_view text,
                            absl::FunctionRef<absl::Status(const JsonMember&)> on_member,
                            std::string* out);
// Likewise, for those who do not look at the members.
absl::Status ScanJsonObject(absl::string_view text, std::string* out);

}  // namespace spanwire::bridge
