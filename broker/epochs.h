// Producer epochs: which instance of a producer is the newest, kept in Redis by epoch.lua, and told
// to all brokers when there is a newer one.
//
// Owner: Streams. Thread: the redis loop's.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/channel/name.h"
#include "core/channel/script.h"
#include "core/redis/commands.h"

namespace spanwire::broker {

// broker/epoch.lua.
const channel::Script& EpochScript();

class Epochs {
 public:
  // OK: the instance's epoch, stored as the newest. ABORTED: a newer instance has taken over.
  // INVALID_ARGUMENT: no clock can have given out such an epoch. RESOURCE_EXHAUSTED: Redis is out
  // of memory. UNAVAILABLE: anything else about Redis.
  using Callback = absl::AnyInvocable<void(absl::StatusOr<uint64_t>)>;

  // Both outlive this object and every callback.
  Epochs(redis::Commands* redis, const channel::Names* names);

  // A newer epoch than before is published on the control channel, whether or not anybody hears it.
  // `epoch`: what the instance has, at most limits::kMaxEpoch; 0: it is new and gets one.
  void Claim(absl::string_view producer, uint64_t epoch, Callback callback);

 private:
  redis::Commands* const redis_;
  const channel::Names* const names_;
  std::mt19937_64 random_;
};

}  // namespace spanwire::broker
