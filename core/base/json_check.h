// Whether a text is one JSON object: RFC 8259 to the letter, valid UTF-8, whole surrogate pairs, a
// bounded depth. One pass, no tree, no recursion.
//
// Thread safety: stateless.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace spanwire::base {

// `max_depth` counts the object itself as 1. White space around it is fine. INVALID_ARGUMENT says
// what is wrong and at which byte, and quotes nothing.
absl::Status CheckJsonObject(absl::string_view text, size_t max_depth);

}  // namespace spanwire::base
