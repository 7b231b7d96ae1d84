#include "tools/load/continuity.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace spanwire::tools {
namespace {

// The text value of a key; the bridge writes no white space, and load lines hold nothing that needs
// an escape.
absl::string_view Value(absl::string_view frame, absl::string_view key) {
  const std::string start = absl::StrCat("\"", key, "\":\"");
  const size_t begin = frame.rfind(start);
  if (begin == frame.npos) return {};
  const size_t from = begin + start.size();
  return frame.substr(from, frame.find('"', from) - from);
}

bool ParsePosition(absl::string_view text, std::pair<uint64_t, uint64_t>* position) {
  const std::pair<absl::string_view, absl::string_view> halves = absl::StrSplit(text, '-');
  return absl::SimpleAtoi(halves.first, &position->first) &&
         absl::SimpleAtoi(halves.second, &position->second);
}

}  // namespace

void Continuity::Wrong(absl::string_view what, absl::string_view frame) {
  if (defect_.empty()) defect_ = absl::StrCat(what, ": ", frame.substr(0, 600));
}

void Continuity::See(absl::string_view frame) {
  const absl::string_view type = frame.substr(0, frame.find(','));
  const absl::string_view channel = Value(frame, "channel");
  if (!absl::StrContains(type, "\"$")) return SeeEvent(frame, channel);
  if (absl::StrContains(type, "$gap") || absl::StrContains(type, "$error") ||
      absl::StrContains(type, "$slow")) {
    return Wrong("not a whole stream", frame);
  }
  if (const absl::string_view position = Value(frame, "position"); !position.empty()) {
    if (!ParsePosition(position, &last_[std::string(channel)])) Wrong("bad position", frame);
  }
  if (absl::StrContains(type, "$live")) ++live_;
}

void Continuity::SeeEvent(absl::string_view frame, absl::string_view channel) {
  ++events_;
  Position id, prev;
  if (!ParsePosition(Value(frame, "id"), &id)) return Wrong("an event without position", frame);
  prev = {id.first, id.second - 1};
  if (const absl::string_view text = Value(frame, "prev"); !text.empty()) {
    if (!ParsePosition(text, &prev)) return Wrong("bad prev", frame);
  }
  const auto last = last_.find(channel);
  if (last == last_.end()) return Wrong("an event before $subscribed", frame);
  if (!(prev <= last->second && last->second < id)) {
    Wrong(absl::StrCat("not continuous after ", last->second.first, "-", last->second.second),
          frame);
  }
  last->second = id;

  const std::pair<absl::string_view, absl::string_view> line =
      absl::StrSplit(Value(frame, "text"), ' ');
  uint64_t n = 0;
  uint64_t& counted = counted_[absl::StrCat(channel, " ", line.first)];
  if (!absl::SimpleAtoi(line.second, &n) || n != ++counted) {
    Wrong(absl::StrCat("expected line ", counted, " of ", line.first), frame);
  }
}

}  // namespace spanwire::tools
