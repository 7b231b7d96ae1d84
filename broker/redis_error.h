// What an answer of Redis that is none means to an agent.
//
// Thread: the redis loop's.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/redis/commands.h"

namespace spanwire::broker {

// OK: `reply` is a proper answer. RESOURCE_EXHAUSTED: Redis is out of memory. UNAVAILABLE: anything
// else. A demoted master's connection is given up.
inline absl::Status RedisError(const absl::StatusOr<redis::Reply>& reply, redis::Commands* redis) {
  if (!reply.ok()) return absl::UnavailableError(reply.status().message());
  if (!reply->is_error()) return absl::OkStatus();
  if (reply->error_code() == "OOM") return absl::ResourceExhaustedError("redis is out of memory");
  if (reply->error_code() == "READONLY") {
    redis->Reset(absl::UnavailableError("redis answers READONLY: it is no master"));
  }
  return absl::UnavailableError(absl::StrCat("redis refuses: ", reply->text));
}

}  // namespace spanwire::broker
