// All that publishes through this broker: streams by producer, unary calls, and what ends many of
// them at once: a lost Redis connection, a newer instance, a producer that Redis refuses, the
// drain.
//
// Owner: Broker. Thread: the redis loop's only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/epochs.h"
#include "broker/metrics.h"
#include "broker/publish_stream.h"
#include "broker/unary_publish.h"
#include "core/base/executor.h"
#include "core/channel/appender.h"
#include "core/channel/name.h"
#include "core/redis/commands.h"

namespace spanwire::broker {

class Streams final : public PublishStream::Host,
                      public redis::ConnectionListener,
                      public channel::AppenderListener {
 public:
  // All outlive this object. It is to be added to the connection's listeners by its owner. Without
  // `replicas` the level ACK_LEVEL_REPLICATED is not offered.
  Streams(base::Executor* executor, redis::Commands* redis, const channel::Names* names,
          BrokerMetrics* metrics, channel::Appender::Options options,
          channel::ReplicaBarrier* replicas = nullptr);
  ~Streams() override;
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  // A stream has come. It ends at once if there are too many, or if the broker is going down.
  std::unique_ptr<PublishStream> Add(PublishStream::Transport* transport);
  // It is about to be destroyed, some time after its end.
  void Remove(PublishStream* stream);
  // Appends what the call brings; its Done may come from within.
  void Publish(UnaryPublish* call);
  // Its Done has come.
  void OnCallEnd(UnaryPublish* call, const absl::Status& status);

  // It is said that a producer has an instance newer than these: asks Redis, and ends the streams
  // of older ones. So a message that is not true ends nothing.
  void OnFenceHint(absl::string_view producer_id, uint64_t newer);

  // OK: agents are served. Else everything that is open ends UNAVAILABLE, and what comes does too:
  // Redis is there, but must not be written to.
  void SetGate(const absl::Status& gate);
  // Takes nothing new; `idle` is called, once, when nothing is left. Called once.
  void Drain(base::Task idle);

  // Brings the metrics up to date with the appender.
  void Report();

  channel::Appender& appender() { return appender_; }
  size_t size() const { return streams_.size(); }

  // PublishStream::Host
  void OnOpen(PublishStream* stream, const v1::Open& open) override;
  void OnEnd(PublishStream* stream, const absl::Status& status) override;
  void OnFenced(PublishStream* stream, uint64_t newer) override;
  bool HasRoom(PublishStream* stream) override;
  // redis::ConnectionListener
  void OnUp() override;
  void OnDown(const absl::Status& why) override;
  // channel::AppenderListener
  void OnProducerFailed(absl::string_view producer_id, const absl::Status& why) override;

 private:
  absl::Status Refusal() const;
  absl::Status CheckLevel(absl::string_view field, v1::AckLevel level) const;
  void OnClaimed(uint64_t key, const channel::Producer& producer, const absl::Status& status);
  void EndAll(const absl::Status& status);
  void ResumeSome();
  void CheckIdle();
  // 128 random bits.
  std::string RandomId();

  base::Executor* const executor_;
  redis::Commands* const redis_;
  BrokerMetrics* const metrics_;
  const bool offers_replicated_;
  Epochs epochs_;
  channel::Appender appender_;
  channel::Appender::Counters reported_;
  std::mt19937_64 random_;

  // Streams that have not ended, by a key that is never used again; and all that exist, for the
  // bound.
  absl::btree_map<uint64_t, PublishStream*> streams_;
  absl::flat_hash_map<PublishStream*, uint64_t> keys_;
  absl::flat_hash_map<std::string, std::vector<PublishStream*>> by_producer_;
  uint64_t next_key_ = 1;
  size_t alive_streams_ = 0;
  // Those that read on when the appender has room, in order.
  std::deque<uint64_t> waiting_;
  absl::flat_hash_set<uint64_t> waiting_keys_;

  absl::flat_hash_set<UnaryPublish*> calls_;
  // For unary calls without an idempotency key.
  std::string own_id_;  // what their producers' ids begin with
  uint64_t own_calls_ = 0;

  absl::Status gate_;
  base::Task idle_;
  bool draining_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

// What a unary call over limits::kPublishCalls is told.
absl::Status TooManyCalls();

}  // namespace spanwire::broker
