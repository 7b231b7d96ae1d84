// The feed loop: the one thread that follows channels in Redis. It owns the connections to Redis,
// the probe and the feeds, and hands what they give to the connection loops.
//
// Owner: the bridge's server. Thread safety: Post from any thread; Start and Stop from main; the
// rest happens on its own thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "bridge/delivery.h"
#include "bridge/feeds.h"
#include "core/base/loop.h"
#include "core/base/mailbox.h"
#include "core/base/metrics.h"
#include "core/base/readiness.h"
#include "core/channel/log_reader.h"
#include "core/channel/name.h"
#include "core/redis/client.h"
#include "core/redis/options.h"
#include "core/redis/probe.h"
#include "core/redis/redis_clock.h"
#include "core/redis/subscriber.h"

namespace spanwire::bridge {

class FeedLoop final : public redis::ConnectionListener,
                       public redis::PubSubListener,
                       public redis::ProbeListener {
 public:
  struct Options {
    redis::RedisOptions redis;
    absl::Duration log_ttl;
    std::string instance;    // names this process among all
    bool plain_json = true;  // take the record's JSON
  };

  // All outlive it. `deliver` hands a delivery to a connection loop; `on_first_up` is called once,
  // when Redis was reached and found fit (OK), or unfit for good: it evicts keys. Both are called
  // on the feed loop. The condition "redis" of `readiness` follows the probe.
  FeedLoop(Options options, const channel::Names* names, base::Metrics* metrics,
           base::Readiness* readiness, Feeds::Post deliver,
           absl::AnyInvocable<void(absl::Status)> on_first_up);
  ~FeedLoop() override;

  void Start();
  // Ends the thread; nothing is delivered after it returns.
  void Stop();
  // False: an Attach that was not taken, since too many requests wait.
  bool Post(FeedRequest request);

 private:
  void OnUp() override;
  void OnDown(const absl::Status& why) override;
  void OnPubSubUp() override {}
  void OnPubSubDown(const absl::Status& why) override;
  void OnSubscribed(absl::string_view channel) override;
  void OnSubscribeFailed(absl::string_view channel, const absl::Status& why) override;
  void OnMessage(absl::string_view channel, std::string payload) override;
  void OnProbe(const absl::Status& verdict) override;
  void OnDataSetLost() override;

  void CheckFitness();
  void CheckRights();
  void Tick();

  struct Meters;

  base::Readiness* const readiness_;
  absl::AnyInvocable<void(absl::Status)> on_first_up_;
  base::Loop loop_;
  redis::Client client_;
  redis::RedisClock clock_;
  channel::LogReader reader_;
  Feeds feeds_;
  redis::Subscriber subscriber_;
  redis::Probe probe_;
  base::Mailbox<FeedRequest> mailbox_;
  std::unique_ptr<Meters> meters_;
  bool fit_ = false;                                    // Redis was found fit once
  absl::Status unfit_;                                  // why it is not now
  absl::Status verdict_;                                // the probe's
  const std::vector<std::vector<std::string>> rights_;  // calls as a log's reader makes them
  absl::Status forbidden_;                              // which of them is refused
  base::Executor::Timer tick_;
};

}  // namespace spanwire::bridge
