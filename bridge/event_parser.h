// Events as browsers and scripts write them, in JSON, as they are published (docs/protocol.md,
// "Publishing").
//
// Thread safety: stateless.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "spanwire/v1/publisher.pb.h"

namespace spanwire::bridge {

// One event, for one channel. INVALID_ARGUMENT says what is wrong with it.
absl::StatusOr<v1::PublishRequest> ParseEventFor(const std::string& channel,
                                                 absl::string_view json);
// The body of a POST: an event, or {"events":[…]}.
absl::StatusOr<v1::PublishRequest> ParseEvents(absl::string_view json);

}  // namespace spanwire::bridge
