#include "bridge/command.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bridge/json_array.h"
#include "bridge/json_scanner.h"
#include "bridge/json_string.h"
#include "bridge/since.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

enum Key : uint8_t {
  kCmd,
  kId,
  kChannel,
  kAfter,
  kLast,
  kFrom,
  kTypes,
  kSince,
  kLimit,
  kEvent,
  kKeys
};
constexpr std::array<absl::string_view, kKeys> kKeyNames = {
    "cmd", "id", "channel", "after", "last", "from", "types", "since", "limit", "event"};

struct Kind {
  absl::string_view name;
  Command::Kind kind;
  std::array<Key, 5> keys;  // besides cmd, id and channel; filled up with kChannel
};
constexpr Kind kKinds[] = {
    {"subscribe", Command::Kind::kSubscribe, {kAfter, kLast, kFrom, kTypes, kSince}},
    {"unsubscribe",
     Command::Kind::kUnsubscribe,
     {kChannel, kChannel, kChannel, kChannel, kChannel}},
    {"history", Command::Kind::kHistory, {kAfter, kLimit, kChannel, kChannel, kChannel}},
    {"publish", Command::Kind::kPublish, {kEvent, kChannel, kChannel, kChannel, kChannel}},
};

// Commands of the protocol that this version does not carry out.
constexpr absl::string_view kLaterCommands[] = {"refresh", "connect"};

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// What the client wrote, before anything is made of it.
struct Fields {
  std::array<absl::optional<JsonMember>, kKeys> members;
  std::string unknown;  // what is wrong with a key that is none of ours
  absl::Status duplicate;

  absl::Status Take(const JsonMember& member);
  bool has(Key key) const { return members[key].has_value(); }
  // `key` is there.
  bool is(Key key, JsonKind kind) const { return members[key]->kind == kind; }
  absl::string_view value(Key key) const { return members[key]->value; }
};

// An unknown key is named if that can be done in a few plain characters.
std::string NameUnknown(absl::string_view key) {
  constexpr size_t kLongestNamed = 32;
  const bool plain = !key.empty() && key.size() <= kLongestNamed &&
                     std::all_of(key.begin(), key.end(), [](char c) {
                       return absl::ascii_isalnum(c) || c == '_' || c == '-';
                     });
  return plain ? absl::StrCat("\"", key, "\" is not a key of this command")
               : "there is a key that is not one of this command";
}

absl::Status Fields::Take(const JsonMember& member) {
  const auto* const name = std::find(kKeyNames.begin(), kKeyNames.end(), member.key);
  if (name == kKeyNames.end()) {
    if (unknown.empty()) unknown = NameUnknown(member.key);
    return absl::OkStatus();
  }
  absl::optional<JsonMember>& slot = members[static_cast<size_t>(name - kKeyNames.begin())];
  if (slot) duplicate = Invalid("\"", *name, "\" is there twice");
  slot = member;
  slot->key = *name;  // the other one lives only during this call
  return absl::OkStatus();
}

// A number written in digits only, at most `most`.
absl::optional<uint64_t> Whole(const JsonMember& member, uint64_t most) {
  uint64_t value;
  if (member.kind != JsonKind::kNumber ||
      !std::all_of(member.value.begin(), member.value.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(member.value, &value) || value > most) {
    return absl::nullopt;
  }
  return value;
}

absl::Status TakeId(const Fields& fields, CommandSource source, absl::optional<int64_t>* id) {
  if (!fields.has(kId)) {
    return source == CommandSource::kRequest ? absl::OkStatus() : Invalid("\"id\" is missing");
  }
  const absl::optional<uint64_t> value = Whole(*fields.members[kId], limits::kMaxCommandId);
  if (!value) return Invalid("\"id\" must be an integer from 0 to ", limits::kMaxCommandId);
  *id = static_cast<int64_t>(*value);
  return absl::OkStatus();
}

absl::Status TakeKind(const Fields& fields, Command::Kind* kind) {
  if (!fields.has(kCmd)) return Invalid("\"cmd\" is missing");
  if (!fields.is(kCmd, JsonKind::kString)) return Invalid("\"cmd\" must be a string");
  const std::string name = DecodeJsonString(fields.value(kCmd));
  for (const Kind& known : kKinds) {
    if (name != known.name) continue;
    *kind = known.kind;
    return absl::OkStatus();
  }
  if (std::find(std::begin(kLaterCommands), std::end(kLaterCommands), name) !=
      std::end(kLaterCommands)) {
    return absl::UnimplementedError(absl::StrCat("\"cmd\": ", name, " is not supported yet"));
  }
  return Invalid("\"cmd\" must be one of subscribe, unsubscribe, history and publish");
}

absl::Status TakeChannel(const Fields& fields, std::string* channel) {
  if (!fields.has(kChannel)) return Invalid("\"channel\" is missing");
  if (!fields.is(kChannel, JsonKind::kString)) return Invalid("\"channel\" must be a string");
  *channel = DecodeJsonString(fields.value(kChannel));
  return absl::OkStatus();
}

// Where a subscription starts.
absl::Status TakeStart(const Fields& fields, Command* command) {
  if (fields.has(kAfter) + fields.has(kLast) + fields.has(kSince) + fields.has(kFrom) > 1) {
    return Invalid("at most one of \"after\", \"last\", \"since\" and \"from\" may be there");
  }
  if (fields.has(kAfter)) {
    if (fields.is(kAfter, JsonKind::kString)) {
      command->after = channel::Position::Parse(DecodeJsonString(fields.value(kAfter)));
    }
    if (!command->after) return Invalid("\"after\" must be a position, \"<decimal>-<decimal>\"");
  }
  if (fields.has(kLast)) {
    const absl::optional<uint64_t> last = Whole(*fields.members[kLast], limits::kLastEvents);
    if (!last || *last == 0) {
      return Invalid("\"last\" must be an integer from 1 to ", limits::kLastEvents);
    }
    command->last = static_cast<uint32_t>(*last);
  }
  if (fields.has(kSince)) {
    if (fields.is(kSince, JsonKind::kString)) {
      command->since = ParseSince(DecodeJsonString(fields.value(kSince)));
    }
    if (!command->since) return Invalid("\"since\" must be a time, \"2024-01-01T12:00:00Z\"");
  }
  if (fields.has(kFrom)) {
    if (!fields.is(kFrom, JsonKind::kString) || DecodeJsonString(fields.value(kFrom)) != "start") {
      return Invalid("\"from\" must be \"start\"");
    }
    command->from_start = true;
  }
  return absl::OkStatus();
}

absl::Status TakeTypes(const Fields& fields, TypeFilter* types) {
  if (!fields.has(kTypes)) return absl::OkStatus();
  std::vector<std::string> patterns;
  bool strings = fields.is(kTypes, JsonKind::kArray);
  if (strings) {
    for (absl::string_view element : JsonElements(fields.value(kTypes))) {
      element = absl::StripAsciiWhitespace(element);
      strings = strings && element.front() == '"';
      patterns.push_back(strings ? DecodeJsonString(element) : "");
    }
  }
  absl::StatusOr<TypeFilter> filter = TypeFilter::Make(std::move(patterns));
  if (!filter.ok()) return Invalid("\"types\" ", filter.status().message());
  *types = *std::move(filter);
  return absl::OkStatus();
}

absl::Status TakeLimit(const Fields& fields, Command* command) {
  command->limit = limits::kHistoryEventsDefault;
  if (!fields.has(kLimit)) return absl::OkStatus();
  const absl::optional<uint64_t> limit = Whole(*fields.members[kLimit], limits::kHistoryEvents);
  if (!limit || *limit == 0) {
    return Invalid("\"limit\" must be an integer from 1 to ", limits::kHistoryEvents);
  }
  command->limit = static_cast<uint32_t>(*limit);
  return absl::OkStatus();
}

absl::Status TakeEvent(const Fields& fields, std::string* event) {
  if (!fields.has(kEvent)) return Invalid("\"event\" is missing");
  if (!fields.is(kEvent, JsonKind::kObject)) return Invalid("\"event\" must be an object");
  *event = std::string(fields.value(kEvent));
  return absl::OkStatus();
}

// Keys of other commands.
absl::Status RefuseOthers(const Fields& fields, Command::Kind kind) {
  const auto* const known =
      std::find_if(std::begin(kKinds), std::end(kKinds),
                   [kind](const Kind& candidate) { return candidate.kind == kind; });
  for (size_t key = kAfter; key < kKeys; ++key) {
    if (fields.has(static_cast<Key>(key)) &&
        std::find(known->keys.begin(), known->keys.end(), key) == known->keys.end()) {
      return Invalid(NameUnknown(kKeyNames[key]));
    }
  }
  return absl::OkStatus();
}

absl::Status TakeRest(const Fields& fields, Command* command) {
  if (!fields.unknown.empty()) return Invalid(fields.unknown);
  for (const absl::Status& status :
       {RefuseOthers(fields, command->kind), TakeChannel(fields, &command->channel)}) {
    if (!status.ok()) return status;
  }
  switch (command->kind) {
    case Command::Kind::kSubscribe:
      if (absl::Status status = TakeStart(fields, command); !status.ok()) return status;
      return TakeTypes(fields, &command->types);
    case Command::Kind::kHistory:
      if (absl::Status status = TakeStart(fields, command); !status.ok()) return status;
      command->from_start = !command->after;
      return TakeLimit(fields, command);
    case Command::Kind::kPublish:
      return TakeEvent(fields, &command->event);
    case Command::Kind::kUnsubscribe:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Command> ParseCommand(absl::string_view text, absl::optional<int64_t>* id,
                                     CommandSource source) {
  id->reset();
  const size_t most = source == CommandSource::kRequest ? limits::kBodyBytes : limits::kFrameBytes;
  if (text.size() > most) {
    return Invalid("the command is ", text.size(), " bytes long, at most ", most, " are allowed");
  }
  Fields fields;
  const absl::Status json = ScanJsonObject(
      text, [&](const JsonMember& member) { return fields.Take(member); }, nullptr);
  if (!json.ok()) return Invalid("the command ", json.message());
  Command command;
  const absl::Status has_id = TakeId(fields, source, &command.id);
  *id = command.id;
  for (const absl::Status& status :
       {fields.duplicate, TakeKind(fields, &command.kind), has_id, TakeRest(fields, &command)}) {
    if (!status.ok()) return status;
  }
  return command;
}

}  // namespace spanwire::bridge
