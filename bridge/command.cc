#include "bridge/command.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bridge/json_scanner.h"
#include "bridge/json_string.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

enum Key : uint8_t { kCmd, kId, kChannel, kAfter, kLast, kFrom, kTypes, kSince, kKeys };
constexpr std::array<absl::string_view, kKeys> kKeyNames = {"cmd",  "id",   "channel", "after",
                                                            "last", "from", "types",   "since"};

// Commands of the protocol that this version does not carry out.
constexpr absl::string_view kLaterCommands[] = {"history", "publish", "refresh", "connect"};

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

absl::Status TakeId(const Fields& fields, absl::optional<int64_t>* id) {
  if (!fields.has(kId)) return Invalid("\"id\" is missing");
  const absl::optional<uint64_t> value = Whole(*fields.members[kId], limits::kMaxCommandId);
  if (!value) return Invalid("\"id\" must be an integer from 0 to ", limits::kMaxCommandId);
  *id = static_cast<int64_t>(*value);
  return absl::OkStatus();
}

absl::Status TakeKind(const Fields& fields, Command::Kind* kind) {
  if (!fields.has(kCmd)) return Invalid("\"cmd\" is missing");
  if (!fields.is(kCmd, JsonKind::kString)) return Invalid("\"cmd\" must be a string");
  const std::string name = DecodeJsonString(fields.value(kCmd));
  if (name == "subscribe") {
    *kind = Command::Kind::kSubscribe;
    return absl::OkStatus();
  }
  if (name == "unsubscribe") {
    *kind = Command::Kind::kUnsubscribe;
    return absl::OkStatus();
  }
  if (std::find(std::begin(kLaterCommands), std::end(kLaterCommands), name) !=
      std::end(kLaterCommands)) {
    return absl::UnimplementedError(absl::StrCat("\"cmd\": ", name, " is not supported yet"));
  }
  return Invalid("\"cmd\" must be \"subscribe\" or \"unsubscribe\"");
}

absl::Status TakeChannel(const Fields& fields, std::string* channel) {
  if (!fields.has(kChannel)) return Invalid("\"channel\" is missing");
  if (!fields.is(kChannel, JsonKind::kString)) return Invalid("\"channel\" must be a string");
  *channel = DecodeJsonString(fields.value(kChannel));
  return absl::OkStatus();
}

// Where a subscription starts.
absl::Status TakeStart(const Fields& fields, Command* command) {
  if (fields.has(kAfter) + fields.has(kLast) + fields.has(kFrom) > 1) {
    return Invalid("at most one of \"after\", \"last\" and \"from\" may be there");
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
  if (fields.has(kFrom)) {
    if (!fields.is(kFrom, JsonKind::kString) || DecodeJsonString(fields.value(kFrom)) != "start") {
      return Invalid("\"from\" must be \"start\"");
    }
    command->from_start = true;
  }
  return absl::OkStatus();
}

absl::Status TakeRest(const Fields& fields, Command* command) {
  for (const Key later : {kTypes, kSince}) {
    if (fields.has(later)) return Invalid("\"", kKeyNames[later], "\" is not supported yet");
  }
  if (!fields.unknown.empty()) return Invalid(fields.unknown);
  if (absl::Status status = TakeChannel(fields, &command->channel); !status.ok()) return status;
  if (command->kind == Command::Kind::kSubscribe) return TakeStart(fields, command);
  for (const Key key : {kAfter, kLast, kFrom}) {
    if (fields.has(key)) return Invalid(NameUnknown(kKeyNames[key]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Command> ParseCommand(absl::string_view text, absl::optional<int64_t>* id) {
  id->reset();
  if (text.size() > limits::kFrameBytes) {
    return Invalid("the command is ", text.size(), " bytes long, at most ", limits::kFrameBytes,
                   " are allowed");
  }
  Fields fields;
  const absl::Status json = ScanJsonObject(
      text, [&](const JsonMember& member) { return fields.Take(member); }, nullptr);
  if (!json.ok()) return Invalid("the command ", json.message());
  Command command;
  const absl::Status has_id = TakeId(fields, &command.id);
  *id = command.id;
  for (const absl::Status& status :
       {fields.duplicate, TakeKind(fields, &command.kind), has_id, TakeRest(fields, &command)}) {
    if (!status.ok()) return status;
  }
  return command;
}

}  // namespace spanwire::bridge
