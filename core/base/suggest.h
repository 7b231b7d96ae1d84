// "did you mean …?"
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace spanwire::base {

// How many insertions, deletions, replacements and swaps of neighbours turn `a` into `b`.
size_t EditDistance(absl::string_view a, absl::string_view b);

// "; did you mean <candidate>?" with the nearest candidate, or "" when none is near enough to be
// meant.
std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace spanwire::base
