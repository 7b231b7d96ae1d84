// The record's plain JSON: what today's agents publish straight to Redis. It is checked, so that
// nobody can pass off a control frame or a position, and sent on as a transient event.
//
// Thread safety: stateless.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace spanwire::bridge {

// The frame for `message`: without white space between its tokens, otherwise as it was written,
// with "channel" added at its end. INVALID_ARGUMENT, quoting nothing of the message, unless it is
// one JSON object of at most limits::kPlainJsonBytes and limits::kJsonDepth levels, in valid UTF-8,
// whose decoded top-level keys are unique, with a `type` as IsEventType wants it, and without id,
// prev, was, channel and conflated.
absl::StatusOr<std::string> TranslatePlainJson(absl::string_view message,
                                               absl::string_view channel);

}  // namespace spanwire::bridge
