// The time as Redis has it, estimated: half a round trip after TIME was asked. The offset is to the
// clock that never jumps, so a jump of this machine's wall clock does not show.
//
// Owner: a daemon's redis loop. Thread: that loop's.
#pragma once

#include <memory>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "core/base/executor.h"
#include "core/redis/commands.h"

namespace spanwire::redis {

class RedisClock final : public ConnectionListener {
 public:
  // Both outlive the clock. Add it to the client's listeners: it asks at each OnUp, and every
  // minute from then on.
  RedisClock(base::Executor* executor, Commands* commands);
  ~RedisClock() override;

  // This machine's time until Redis has told its own.
  absl::Time Now() const;
  // Redis' time minus this machine's wall clock, for metrics; nothing until Redis has told.
  absl::optional<absl::Duration> offset() const;

  void OnUp() override;
  void OnDown(const absl::Status& why) override;

 private:
  void Ask();

  base::Executor* const executor_;
  Commands* const commands_;
  absl::optional<absl::Time> origin_;  // Redis' time when Uptime was 0
  base::Executor::Timer next_;
  std::shared_ptr<char> alive_;
};

}  // namespace spanwire::redis
