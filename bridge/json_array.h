// The elements of a JSON array that was scanned before, such as a JsonMember's value of kind
// kArray.
//
// Thread safety: stateless.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"

namespace spanwire::bridge {

// As written, perhaps with white space around; they point into `array`.
std::vector<absl::string_view> JsonElements(absl::string_view array);

}  // namespace spanwire::bridge
