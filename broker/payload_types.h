// How each payload type is treated, read once from the options that the schema declares
// (proto/spanwire/v1/options.proto).
//
// Thread safety: immutable.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace spanwire::broker {

struct PayloadType {
  absl::string_view name;    // of the payload's field: the event's type in JSON
  bool transient = false;    // published, not logged
  bool also_global = false;  // without explicit channels it goes to the global channel as well
};

// The payload in this field of Event; null: none that this build knows.
const PayloadType* FindPayloadType(uint32_t field_number);

// Whether a field number that this build does not know is a payload of a newer schema.
bool IsLaterPayload(uint32_t field_number);

// Whether `name` is the type of a payload of the schema.
bool IsBuiltInType(absl::string_view name);

}  // namespace spanwire::broker
