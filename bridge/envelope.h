// What comes on a channel: an Event in the log's envelope, the record's plain JSON, or neither
// (docs/architecture.md, "The event log in Redis").
//
// Thread safety: stateless.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

struct Message {
  enum class Kind : uint8_t {
    kEvent,      // begins with 0x0A: what publish.lua writes
    kPlainJson,  // begins with `{`; nothing else is known of it
    kInvalid,    // anything else
  };
  Kind kind = Kind::kInvalid;
  absl::optional<channel::Position> id;    // nothing: a transient event
  absl::optional<channel::Position> prev;  // exactly with seq 1; lower than id
  absl::string_view event;  // the Event without id and prev, as the log holds it; not parsed yet
};

// Takes a message apart. Strict: what the script would not have written is kInvalid. `payload` must
// outlive the result.
Message ParseMessage(absl::string_view payload);

}  // namespace spanwire::bridge
