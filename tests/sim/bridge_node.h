// A bridge without sockets: probe, feeds and hub on simulated Redis connections, as
// bridge/feed_loop.cc puts them together.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bridge/feeds.h"
#include "bridge/hub.h"
#include "core/base/mailbox.h"
#include "core/channel/log_reader.h"
#include "core/redis/probe.h"
#include "core/redis/redis_clock.h"
#include "tests/sim/redis_link.h"

namespace spanwire::sim {

// A loop that can be held up: what is posted to it waits.
class HeldExecutor final : public base::Executor {
 public:
  explicit HeldExecutor(base::Executor* executor) : executor_(executor), wellness_(executor) {
    wellness_.Set(true);
  }
  absl::Time Now() const override { return executor_->Now(); }
  absl::Duration Uptime() const override { return executor_->Uptime(); }
  [[nodiscard]] Timer After(absl::Duration delay, base::Task task) override {
    return executor_->After(delay, std::move(task));
  }
  void Post(base::Task task) override {
    held_ ? waiting_.push_back(std::move(task)) : executor_->Post(std::move(task));
  }
  void Hold(bool held) {
    held_ = held;
    wellness_.Set(!held);
    if (held) return;
    for (base::Task& task : waiting_) executor_->Post(std::move(task));
    waiting_.clear();
  }

  absl::Duration well_since() const { return wellness_.since(); }

 private:
  base::Executor* const executor_;
  std::vector<base::Task> waiting_;
  Wellness wellness_;
  bool held_ = false;
};

class BridgeNode final : private redis::PubSubListener,
                         private redis::ProbeListener,
                         private redis::ConnectionListener {
 public:
  BridgeNode(Network* network, const channel::Names* names, const std::string& instance,
             absl::Duration log_ttl)
      : client(network),
        pubsub(network),
        clock(network->executor, &client),
        reader(network->executor, &client, &clock, names, log_ttl),
        feeds(
            network->executor, &reader,
            [this](size_t, Delivery delivery) { deliveries.Post(std::move(delivery)); }, true),
        hub(0, network->executor,
            [this, executor = network->executor](bridge::FeedRequest request) {
              executor->Post([this, alive = std::weak_ptr<char>(alive_),
                              request = std::move(request)]() mutable {
                if (!alive.expired()) feeds.OnRequest(std::move(request));
              });
              return true;
            }),
        lane(network->executor),
        deliveries(
            &lane, [this](std::vector<Delivery>&& batch) { hub.OnDeliveries(std::move(batch)); },
            [this] { hub.OnOverflow(); }, {kMailboxItems, SIZE_MAX}),
        probe(network->executor, &client, &pubsub, names->Probe(instance), this) {
    feeds.set_pubsub(&pubsub);
    pubsub.set_listener(this);
    client.AddListener(&clock);
    client.AddListener(this);
    client.Start();
    pubsub.Start();
    probe.Start();
  }
  ~BridgeNode() override { client.Abandon(); }

  // Since when it can talk with Redis, and is not held up.
  absl::Duration well_since() const {
    return std::max({client.well_since(), pubsub.well_since(), lane.well_since()});
  }

  using Delivery = bridge::Delivery;
  static constexpr size_t kMailboxItems = 24;  // small, so that holding it up is soon noticed
  SimClient client;
  SimPubSub pubsub;
  redis::RedisClock clock;
  channel::LogReader reader;
  bridge::Feeds feeds;
  bridge::Hub hub;
  HeldExecutor lane;
  base::Mailbox<Delivery> deliveries;
  redis::Probe probe;

 private:
  void OnUp() override { probe.OnUp(); }
  void OnDown(const absl::Status&) override {}
  void OnPubSubUp() override {}
  void OnPubSubDown(const absl::Status& why) override { probe.OnPubSubDown(why); }
  void OnSubscribed(absl::string_view channel) override {
    probe.OnSubscribed(channel);
    feeds.OnSubscribed(channel);
  }
  void OnSubscribeFailed(absl::string_view channel, const absl::Status& why) override {
    feeds.OnSubscribeFailed(channel, why);
  }
  void OnMessage(absl::string_view channel, std::string payload) override {
    if (channel == probe.name()) return probe.OnMessage(channel, payload);
    feeds.OnMessage(channel, std::move(payload));
  }
  void OnProbe(const absl::Status&) override {}
  void OnDataSetLost() override { feeds.VerifyAll(); }

  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace spanwire::sim
