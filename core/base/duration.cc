#include "core/base/duration.h"

#include <algorithm>
#include <array>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace spanwire::base {
namespace {

struct Unit {
  absl::string_view name;
  uint64_t bytes;
};
// Largest first among the binary ones, which FormatBytes uses.
constexpr std::array<Unit, 9> kUnits = {{{"GiB", 1 << 30},
                                         {"MiB", 1 << 20},
                                         {"KiB", 1 << 10},
                                         {"GB", 1'000'000'000},
                                         {"MB", 1'000'000},
                                         {"kB", 1'000},
                                         {"KB", 1'000},
                                         {"B", 1},
                                         {"", 1}}};
constexpr size_t kBinaryUnits = 3;

}  // namespace

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

google::protobuf::Duration FromDuration(absl::Duration duration) {
  google::protobuf::Duration result;
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return result;
}

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CHexEscape(text.substr(0, 64)),
                     "\" is no duration: \"10s\", \"250ms\", \"1h30m\""));
  }
  if (duration < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CHexEscape(text.substr(0, 64)), "\" is negative"));
  }
  return duration;
}

absl::StatusOr<uint64_t> ParseBytes(absl::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  for (const Unit& unit : kUnits) {
    if (text.substr(digits) != unit.name) continue;
    uint64_t count = 0;
    if (!absl::SimpleAtoi(text.substr(0, digits), &count)) break;
    if (count > UINT64_MAX / unit.bytes) break;
    return count * unit.bytes;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", absl::CHexEscape(text.substr(0, 64)),
                   "\" is no size in bytes: 65536, \"64KiB\", \"8MiB\""));
}

std::string FormatBytes(uint64_t bytes) {
  for (size_t i = 0; i < kBinaryUnits && bytes > 0; ++i) {
    if (bytes % kUnits[i].bytes == 0) return absl::StrCat(bytes / kUnits[i].bytes, kUnits[i].name);
  }
  return absl::StrCat(bytes);
}

}  // namespace spanwire::base
