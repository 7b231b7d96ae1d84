// What a client may say: one JSON object a message, parsed into a checked value (docs/protocol.md,
// "Commands").
//
// Thread safety: stateless.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "bridge/view.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

struct Command {
  enum class Kind : uint8_t { kSubscribe, kUnsubscribe, kHistory, kPublish };
  Kind kind = Kind::kSubscribe;
  // The client's name for this command, 0 to limits::kMaxCommandId.
  absl::optional<int64_t> id;
  // Not checked yet: any text.
  std::string channel;
  // Where a subscription starts: at most one of the four is set; none: from now.
  absl::optional<channel::Position> after;  // after this position
  absl::optional<uint32_t> last;            // this many events back, 1 to limits::kLastEvents
  absl::optional<absl::Time> since;         // what was accepted then or later
  bool from_start = false;                  // at the oldest event of the log
  TypeFilter types = {};                    // of a subscription: what it shows
  absl::optional<uint32_t> limit;           // of a history: 1 to limits::kHistoryEvents
  std::string event;                        // to be published: a JSON object
};

// Where a command came: as a message on a socket, which needs an id and has limits::kFrameBytes, or
// as a request's body, which has limits::kBodyBytes.
enum class CommandSource : uint8_t { kMessage, kRequest };

// Parses a command. Errors name the key: INVALID_ARGUMENT for what
// is not a command, or not a right one; UNIMPLEMENTED for a command of a later version. `id` is set
// whenever the text is a JSON object with a valid id, also when it fails otherwise: an answer can
// then name the command.
absl::StatusOr<Command> ParseCommand(absl::string_view text, absl::optional<int64_t>* id,
                                     CommandSource source = CommandSource::kMessage);

}  // namespace spanwire::bridge
