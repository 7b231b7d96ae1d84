#include "core/base/suggest.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace spanwire::base {
namespace {

constexpr size_t kWordBytes =
    64;  // longer words are no slip of the finger, and the table is quadratic

}  // namespace

size_t EditDistance(absl::string_view a, absl::string_view b) {
  const size_t width = b.size() + 1;
  std::vector<size_t> cost((a.size() + 1) * width);
  const auto at = [&](size_t i, size_t j) -> size_t& { return cost[i * width + j]; };
  for (size_t i = 0; i <= a.size(); ++i) at(i, 0) = i;
  for (size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
      }
    }
  }
  return at(a.size(), b.size());
}

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kWordBytes) return "";
  // A third of the word may be wrong; or it is the beginning or the end of what was meant ("url"
  // for "redis-url").
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  const std::string* meant = nullptr;
  const std::string* partly = nullptr;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < best) {
      best = distance;
      meant = &candidate;
    }
    if (word.size() >= 3 && partly == nullptr &&
        (absl::StartsWith(candidate, word) || absl::EndsWith(candidate, word))) {
      partly = &candidate;
    }
  }
  if (meant == nullptr) meant = partly;
  return meant == nullptr ? "" : absl::StrCat("; did you mean ", *meant, "?");
}

}  // namespace spanwire::base
