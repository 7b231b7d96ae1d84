// Everything of a broker that lives on its redis loop, and the doors to it from other threads.
//
// Owner: main. Thread: the redis loop's, or before that loop runs; where it says so, any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "broker/control.h"
#include "broker/metrics.h"
#include "broker/probe.h"
#include "broker/router.h"
#include "broker/streams.h"
#include "core/base/loop.h"
#include "core/base/mailbox.h"
#include "core/channel/appender.h"
#include "core/channel/name.h"
#include "core/channel/replica_barrier.h"
#include "core/redis/client.h"
#include "core/redis/options.h"
#include "core/redis/redis_clock.h"
#include "core/redis/subscriber.h"

namespace spanwire::broker {

class Broker final : private redis::ConnectionListener {
 public:
  struct Options {
    redis::RedisOptions redis;
    std::string prefix = "webgui";  // has passed channel::CheckPrefix
    channel::Appender::Options appender;
    absl::optional<channel::ReplicaBarrier::Options> replication;  // none: the level is not offered
  };
  // Whether agents can be served, or why not. Called on the redis loop, again and again.
  using OnVerdict = absl::AnyInvocable<void(const absl::Status&)>;
  // The first Redis that was reached evicts events: this is no place to start. Called on the redis
  // loop.
  using OnUnfit = absl::AnyInvocable<void()>;

  // `loop` and `metrics` outlive the broker.
  Broker(base::Loop* loop, Options options, BrokerMetrics* metrics, OnVerdict on_verdict,
         OnUnfit on_unfit);
  ~Broker() override;
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // Connects to Redis, and keeps at it.
  void Start();
  // Ends the connection; streams that are still there end UNAVAILABLE.
  void Stop();

  // From any thread: runs `task` on the redis loop, in the order of the calls. None is ever
  // refused: a stream would wait for ever for what was. There are few of them anyway: a stream's
  // next message is read, and its next answer written, only after its last task ran, so each has
  // one Add, read, write, cancellation and end at most; how many calls there are, and their
  // messages' bytes, gRPC's own memory bounds (limits::kGrpcBytes).
  void Post(base::Task task) { mailbox_.PostAnyway(std::move(task)); }
  // From any thread: Redis' time as this broker estimates it.
  absl::Time Now() const;
  const Router& router() const { return router_; }

  base::Loop* loop() { return loop_; }
  Streams& streams() { return streams_; }
  BrokerMetrics* metrics() { return metrics_; }

 private:
  void OnUp() override;
  void OnDown(const absl::Status& why) override;
  void CheckEviction();
  void Tick();
  void Judge();

  base::Loop* const loop_;
  BrokerMetrics* const metrics_;
  OnVerdict on_verdict_;
  OnUnfit on_unfit_;
  const channel::Names names_;
  const Router router_;
  redis::Client client_;
  // For WAIT alone; only when the level is offered.
  std::unique_ptr<redis::Client> waits_;
  std::unique_ptr<channel::ReplicaBarrier> replicas_;
  redis::RedisClock clock_;
  std::atomic<int64_t> redis_ahead_us_ = 0;  // its clock before this machine's
  Streams streams_;
  Probe probe_;
  Control control_;
  redis::Subscriber subscriber_;
  absl::Status eviction_;  // why this Redis must not hold the log
  bool judged_ = false;    // a Redis has told whether it evicts
  base::Mailbox<base::Task> mailbox_;
  base::Executor::Timer tick_;
};

}  // namespace spanwire::broker
