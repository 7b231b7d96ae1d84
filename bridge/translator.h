// Turns an encoded Event into the JSON object that browsers get (docs/protocol.md): the record's
// four keys first, then ours.
//
// It walks the wire format itself, by tables made once from the schema, and builds no message: what
// it decides by (last value wins, repeated embedded messages merge, the last member of a oneof
// stands) is protobuf's own rule, so fields may come in any order and pieces. How a payload is
// written:
//   - keys are the schema's field names, in the order of field numbers;
//   - a field with presence (optional, oneof, message) when it is set; a scalar without presence
//     always, since nobody can tell whether its zero was meant; a list or map when it has elements;
//   - an enum by its value's name, or by its number when this schema does not know it;
//   - 64-bit integers as strings, bytes in base64, Struct, Value and ListValue as the JSON that
//     they stand for (a Value that says nothing is null);
//   - `custom`: its own type, and its data as they are ({} without any);
//   - a payload that this schema does not know as type "unknown", with
//     "data":{"field":N,"bytes":"<base64>"}.
// `timestamp` is the event's; accepted_at if it has none that RFC 3339 can say; else
// 1970-01-01T00:00:00Z.
//
// Owner: whoever renders a view. Thread: its owner's.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

class Translator {
 public:
  struct Translation {
    absl::string_view json;  // valid until the next call
    bool visible = true;     // to everybody who may see the channel: the event names no audience
  };

  // `event`: an encoded Event; its own id and prev, if it has any, do not count. `channel` may be
  // empty, then the key is left out; likewise `id` (a transient event) and `prev`.
  // INVALID_ARGUMENT: not an Event, or one that cannot be shown: without payload, text that is not
  // UTF-8, a custom payload whose type or JSON breaks the rules.
  absl::StatusOr<Translation> Translate(absl::string_view event, absl::string_view channel,
                                        absl::optional<channel::Position> id,
                                        absl::optional<channel::Position> prev);

 private:
  std::string json_;
};

}  // namespace spanwire::bridge
