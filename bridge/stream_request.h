// What the URL of a stream or a poll asks for (docs/protocol.md, "Without a WebSocket").
//
// Thread safety: stateless.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bridge/command.h"
#include "bridge/http.h"
#include "core/channel/name.h"

namespace spanwire::bridge {

struct StreamRequest {
  std::vector<Command> channels;  // a subscribe each, checked; no repeats
  absl::Duration wait;            // of a poll
};

// INVALID_ARGUMENT names the parameter.
absl::StatusOr<StreamRequest> ParseStreamRequest(const Request& request,
                                                 const channel::Names& names);

}  // namespace spanwire::bridge
