// Takes an encoded Event apart as far as its JSON needs: the envelope's fields and the payload's
// bytes. The payload itself is not looked into. By protobuf's rules: the last value wins, pieces of
// embedded messages merge.
//
// Thread safety: stateless; the results point into the event's bytes.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "bridge/wire_reader.h"

namespace spanwire::bridge {

// A google.protobuf.Timestamp; not checked.
struct EventTime {
  bool set = false;
  int64_t seconds = 0;
  int64_t nanos = 0;
};

struct EventFields {
  EventTime timestamp;
  EventTime accepted_at;
  absl::string_view agent;
  absl::string_view session_id;
  absl::string_view user_id;
  absl::string_view traceparent;
  absl::string_view was;
  bool audience = false;  // it names somebody
  // The payload: its field's number, 0 if there is none, and its bytes. If the schema has no such
  // payload, it is the last field with length that this schema does not know, where newer schemas
  // may have one.
  uint32_t payload = 0;
  bool known = false;
  MergedBytes body;
};

// False: malformed.
[[nodiscard]] bool ReadEvent(absl::string_view event, EventFields* fields);

// A payload of the publisher's own kind.
struct CustomFields {
  enum class Body : uint8_t { kNone, kJson, kStruct };
  absl::string_view type;
  Body body = Body::kNone;
  absl::string_view json;
  MergedBytes data;  // an encoded Struct
};

// False: malformed.
[[nodiscard]] bool ReadCustom(absl::string_view custom, CustomFields* fields);

}  // namespace spanwire::bridge
