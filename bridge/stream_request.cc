#include "bridge/stream_request.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bridge/control.h"
#include "bridge/cursor.h"
#include "bridge/since.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

enum Key : uint8_t { kCursor, kLast, kSince, kFrom, kTypes, kWait, kKeys };
constexpr std::array<absl::string_view, kKeys> kKeyNames = {"cursor", "last",  "since",
                                                            "from",   "types", "wait"};

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// The parameters that may come once.
struct Parameters {
  std::array<absl::optional<absl::string_view>, kKeys> values;

  absl::Status Take(absl::string_view name, absl::string_view value) {
    if (name == "after")
      return Invalid(
          "after is for commands; here cursor resumes, with a position for each channel");
    const auto* const key = std::find(kKeyNames.begin(), kKeyNames.end(), name);
    if (key == kKeyNames.end()) return absl::OkStatus();
    absl::optional<absl::string_view>& slot = values[static_cast<size_t>(key - kKeyNames.begin())];
    if (slot) return Invalid(name, " is there twice");
    slot = value;
    return absl::OkStatus();
  }
};

absl::optional<uint32_t> Whole(absl::string_view text, uint32_t most) {
  uint32_t value = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(text, &value) || value > most) {
    return absl::nullopt;
  }
  return value;
}

absl::Status AddChannel(const std::string& name, const channel::Names& names,
                        std::vector<Command>* channels) {
  if (absl::Status status = names.CheckChannel(name); !status.ok()) {
    return OfChannel(Invalid("channel ", status.message()), name);
  }
  if (channels->size() >= limits::kStreamChannels) {
    return Invalid("channel is there more than ", limits::kStreamChannels, " times");
  }
  for (const Command& earlier : *channels) {
    if (earlier.channel == name) return Invalid("channel repeats an earlier one");
  }
  Command command;
  command.kind = Command::Kind::kSubscribe;
  command.channel = name;
  channels->push_back(std::move(command));
  return absl::OkStatus();
}

// Where channels begin that the cursor has no position for, and what all of them show.
absl::Status TakeStart(const Parameters& parameters, Command* start) {
  if (parameters.values[kLast].has_value() + parameters.values[kSince].has_value() +
          parameters.values[kFrom].has_value() >
      1) {
    return Invalid("at most one of last, since and from may be there");
  }
  if (parameters.values[kLast]) {
    start->last = Whole(*parameters.values[kLast], limits::kLastEvents);
    if (!start->last || *start->last == 0) {
      return Invalid("last must be an integer from 1 to ", limits::kLastEvents);
    }
  }
  if (parameters.values[kSince]) {
    start->since = ParseSince(*parameters.values[kSince]);
    if (!start->since) return Invalid("since must be a time, 2024-01-01T12:00:00Z");
  }
  if (parameters.values[kFrom]) {
    if (*parameters.values[kFrom] != "start") return Invalid("from must be start");
    start->from_start = true;
  }
  if (parameters.values[kTypes]) {
    absl::StatusOr<TypeFilter> types =
        TypeFilter::Make(absl::StrSplit(*parameters.values[kTypes], ','));
    if (!types.ok()) return Invalid("types ", types.status().message());
    start->types = *std::move(types);
  }
  return absl::OkStatus();
}

// The positions of all channels, if there are any.
absl::Status TakeCursor(const Request& request, const Parameters& parameters,
                        const std::vector<Command>& channels, Cursor* cursor) {
  cursor->resize(channels.size());
  absl::string_view text = request.Header("Last-Event-ID");
  const bool from_header = !text.empty();
  if (!from_header && !parameters.values[kCursor]) return absl::OkStatus();
  if (!from_header) text = *parameters.values[kCursor];
  size_t wrong = channels.size();
  const absl::optional<Cursor> parsed = ParseCursor(text, &wrong);
  if (parsed && parsed->size() == channels.size()) {
    *cursor = *parsed;
    return absl::OkStatus();
  }
  absl::Status invalid =
      Invalid(from_header ? "Last-Event-ID" : "cursor", " must be ", channels.size(),
              " positions, \"<decimal>-<decimal>\" or \"-\", joined by commas: one a channel");
  if (wrong >= channels.size()) return invalid;
  return OfChannel(std::move(invalid), channels[wrong].channel);
}

}  // namespace

absl::StatusOr<StreamRequest> ParseStreamRequest(const Request& request,
                                                 const channel::Names& names) {
  StreamRequest parsed;
  Parameters parameters;
  for (const auto& [name, value] : request.query) {
    const absl::Status status = name == "channel" ? AddChannel(value, names, &parsed.channels)
                                                  : parameters.Take(name, value);
    if (!status.ok()) return status;
  }
  if (parsed.channels.empty()) return Invalid("channel is missing");

  Command start;
  Cursor cursor;
  if (absl::Status status = TakeCursor(request, parameters, parsed.channels, &cursor); !status.ok())
    return status;
  if (absl::Status status = TakeStart(parameters, &start); !status.ok()) {
    // It is wrong for the channels that begin; a client can do without them, one by one.
    const auto begins = std::find(cursor.begin(), cursor.end(), absl::nullopt);
    if (begins == cursor.end()) return status;
    return OfChannel(std::move(status),
                     parsed.channels[static_cast<size_t>(begins - cursor.begin())].channel);
  }
  for (size_t i = 0; i < cursor.size(); ++i) {
    Command& command = parsed.channels[i];
    command.after = cursor[i];
    command.types = start.types;
    if (command.after) continue;
    command.last = start.last;
    command.since = start.since;
    command.from_start = start.from_start;
  }
  parsed.wait = limits::kPollWait;
  if (parameters.values[kWait]) {
    const int64_t most = absl::ToInt64Seconds(limits::kPollWait);
    const absl::optional<uint32_t> wait =
        Whole(*parameters.values[kWait], static_cast<uint32_t>(most));
    if (!wait) return Invalid("wait must be whole seconds from 0 to ", most);
    parsed.wait = absl::Seconds(*wait);
  }
  return parsed;
}

}  // namespace spanwire::bridge
