// What a connection may do and how long it may take. The defaults are the limits; tests shorten
// them.
//
// Thread safety: a value.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/base/limits.h"

namespace spanwire::bridge {

struct ConnectionOptions {
  absl::Duration head_deadline = limits::kHeadDeadline;
  absl::Duration body_deadline = limits::kBodyDeadline;
  absl::Duration keep_alive_idle = limits::kKeepAliveIdle;
  absl::Duration stalled_deadline = limits::kStalledDeadline;
  absl::Duration close_deadline = limits::kCloseDeadline;
  absl::Duration ping_interval = limits::kPingInterval;
  absl::Duration pong_deadline = limits::kPongDeadline;
  absl::Duration heartbeat_interval = limits::kHeartbeatInterval;
  absl::Duration sweep_interval = limits::kSweepInterval;

  size_t message_bytes = limits::kFrameBytes;
  size_t fragments = limits::kFragments;
  size_t high_bytes = limits::kSocketHighBytes;
  size_t low_bytes = limits::kSocketLowBytes;
  size_t most_bytes = limits::kSocketMostBytes;

  // Whether binary messages are taken; else they end the connection.
  bool binary = false;
  // The subprotocols that a client may choose from.
  std::vector<std::string> subprotocols = {"spanwire.v1", "spanwire.v1.proto", "cloudevents.json"};
  // What the kernel takes beyond what is on the wire.
  int unsent_bytes = limits::kSocketUnsentBytes;
  // The kernel's send buffer; 0: the system's choice.
  int send_buffer_bytes = 0;
};

}  // namespace spanwire::bridge
