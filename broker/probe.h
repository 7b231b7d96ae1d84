// Proves every second that this broker can do its work: runs publish.lua with an event on a channel
// of its own. The first on each connection, and after each failure, is a logged one, and epoch.lua
// runs before it, so that every command and right is needed that an agent needs; the others are
// transient.
//
// Owner: Broker. Thread: the redis loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/base/deadline.h"
#include "core/base/executor.h"
#include "core/channel/name.h"
#include "core/redis/commands.h"

namespace spanwire::broker {

class Probe {
 public:
  // `instance`: unique per process start. `on_verdict` is called after each answer, and when there
  // is none. All outlive the probe.
  Probe(base::Executor* executor, redis::Commands* redis, const channel::Names* names,
        std::string instance, std::string verb, absl::AnyInvocable<void()> on_verdict);

  // A connection is there: asks at once, and every limits::kProbeInterval from then on.
  void OnUp();
  void OnDown();

  // OK; RESOURCE_EXHAUSTED: Redis is out of memory; PERMISSION_DENIED: it logs, but does not
  // publish; UNAVAILABLE: anything else, or no answer within limits::kProbeDeadline.
  const absl::Status& verdict() const { return verdict_; }

 private:
  void Tick();
  void Ask();
  void AskForEpoch();
  void AskToAppend();
  redis::Commands::Callback Answer(void (Probe::*next)(const absl::StatusOr<redis::Reply>&));
  void OnEpoch(const absl::StatusOr<redis::Reply>& reply);
  void OnAppended(const absl::StatusOr<redis::Reply>& reply);
  void OnDeadline();
  void Conclude(absl::Status verdict);
  absl::Status Judge(const absl::StatusOr<redis::Reply>& reply) const;

  base::Executor* const executor_;
  redis::Commands* const redis_;
  const channel::Names* const names_;
  const std::string instance_;
  const std::string verb_;
  absl::AnyInvocable<void()> on_verdict_;
  absl::Status verdict_ = absl::UnavailableError("redis was not probed yet");
  uint64_t sequence_ = 0;
  uint64_t connection_ = 0;
  bool logged_ = false;  // a logged event was proven on this connection
  bool asked_ = false;   // an answer is awaited
  base::Executor::Timer next_;
  base::Deadline deadline_{executor_};  // of that answer
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace spanwire::broker
