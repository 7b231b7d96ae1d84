// The time in a client's `since`.
//
// Thread safety: stateless.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace spanwire::bridge {

// RFC 3339, with any offset; nothing for any other text.
absl::optional<absl::Time> ParseSince(absl::string_view text);

}  // namespace spanwire::bridge
