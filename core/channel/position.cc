#include "core/channel/position.h"

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"

namespace spanwire::channel {
namespace {

// Plain decimal digits as this project writes them: no sign, no leading zero.
absl::optional<uint64_t> Decimal(absl::string_view text) {
  if (text.empty() || text.size() > 20 || (text[0] == '0' && text.size() > 1)) return absl::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return absl::nullopt;
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return absl::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

}  // namespace

absl::optional<Position> Position::Parse(absl::string_view text) {
  const size_t dash = text.find('-');
  if (dash == absl::string_view::npos) return absl::nullopt;
  const absl::optional<uint64_t> epoch = Decimal(text.substr(0, dash));
  const absl::optional<uint64_t> seq = Decimal(text.substr(dash + 1));
  if (!epoch || !seq || *epoch > limits::kMaxEpoch) return absl::nullopt;
  return Position{*epoch, *seq};
}

std::string Position::ToString() const { return absl::StrCat(epoch, "-", seq); }

}  // namespace spanwire::channel
