// Durations and sizes as people write them, and protobuf's Duration as absl's.
#pragma once

#include <cstdint>
#include <string>

#include <google/protobuf/duration.pb.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace spanwire::base {

absl::Duration ToDuration(const google::protobuf::Duration& duration);
google::protobuf::Duration FromDuration(absl::Duration duration);

// "10s", "250ms", "1h30m", "0"; finite and not negative. A bare number has no unit and is refused.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);

// "4096", "64KiB", "8MiB", "1GiB", also kB, MB, GB (powers of ten) and B; whole numbers only.
absl::StatusOr<uint64_t> ParseBytes(absl::string_view text);
// "8MiB": in the largest binary unit that divides it.
std::string FormatBytes(uint64_t bytes);

}  // namespace spanwire::base
