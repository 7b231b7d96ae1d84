#include "bridge/view.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "bridge/event_type.h"
#include "bridge/json_scanner.h"
#include "bridge/json_string.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

bool IsPattern(absl::string_view pattern) {
  return absl::ConsumeSuffix(&pattern, "*") ? pattern.empty() || IsEventType(pattern)
                                            : IsEventType(pattern);
}

// Rendered events begin with their type, and it has no escapes; plain JSON has it anywhere.
std::string TypeOf(absl::string_view json) {
  absl::string_view rest = json;
  if (absl::ConsumePrefix(&rest, "{\"type\":\"")) {
    const absl::string_view type = rest.substr(0, rest.find('"'));
    if (!absl::StrContains(type, '\\')) return std::string(type);
  }
  std::string type;
  const absl::Status scanned = ScanJsonObject(
      json,
      [&](const JsonMember& member) {
        if (member.key == "type" && member.kind == JsonKind::kString) {
          type = DecodeJsonString(member.value);
        }
        return absl::OkStatus();
      },
      nullptr);
  return scanned.ok() ? type : "";
}

}  // namespace

absl::StatusOr<TypeFilter> TypeFilter::Make(std::vector<std::string> patterns) {
  if (patterns.empty() || patterns.size() > limits::kTypePatterns ||
      !std::all_of(patterns.begin(), patterns.end(), IsPattern)) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be 1 to ", limits::kTypePatterns,
                     " types of events, or beginnings of types with * behind"));
  }
  TypeFilter filter;
  filter.patterns_ = std::move(patterns);
  return filter;
}

bool TypeFilter::Shows(absl::string_view json) const {
  if (everything()) return true;
  const std::string type = TypeOf(json);
  return std::any_of(patterns_.begin(), patterns_.end(), [&](absl::string_view pattern) {
    return absl::ConsumeSuffix(&pattern, "*") ? absl::StartsWith(type, pattern) : type == pattern;
  });
}

// Behind `data` no value has a quote in it, so the last `id` is the event's own.
FramePtr WithPrev(const Frame& frame, channel::Position prev) {
  constexpr absl::string_view kId = ",\"id\":\"";
  constexpr absl::string_view kPrev = ",\"prev\":\"";
  const absl::string_view json = frame.json();
  const size_t id = json.rfind(kId);
  const size_t end = json.find('"', id + kId.size()) + 1;
  absl::string_view rest = json.substr(end);
  if (absl::ConsumePrefix(&rest, kPrev)) rest.remove_prefix(rest.find('"') + 1);
  return Frame::Make(absl::StrCat(json.substr(0, end), kPrev, prev.ToString(), "\"", rest),
                     frame.event());
}

}  // namespace spanwire::bridge
