#include "bridge/since.h"

#include <string>

#include <google/protobuf/util/time_util.h>

namespace spanwire::bridge {

namespace {

// protobuf takes fewer digits, too.
bool HasItsShape(absl::string_view text) {
  return text.size() > 16 && text[4] == '-' && text[7] == '-' && text[10] == 'T' &&
         text[13] == ':' && text[16] == ':';
}

}  // namespace

absl::optional<absl::Time> ParseSince(absl::string_view text) {
  google::protobuf::Timestamp time;
  if (!HasItsShape(text)) return absl::nullopt;
  if (!google::protobuf::util::TimeUtil::FromString(std::string(text), &time)) return absl::nullopt;
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace spanwire::bridge
