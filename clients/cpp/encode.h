// From an Event to the bytes that are sent, with the checks that only the sender can make: what
// passes them, any parser accepts.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::client {

// INVALID_ARGUMENT, naming the field and the limit: a string that is not UTF-8, messages nested too
// deep, too many bytes.
absl::StatusOr<std::string> EncodeEvent(const v1::Event& event);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(absl::string_view text);

}  // namespace spanwire::client
