// A bridge without sockets: probe, feeds and hub on simulated Redis connections, as
// bridge/feed_loop.cc puts them together.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bridge/feeds.h"
#include "bridge/hub.h"
#include "core/channel/log_reader.h"
#include "core/redis/probe.h"
#include "core/redis/redis_clock.h"
#include "tests/sim/redis_link.h"

namespace spanwire::sim {

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
            [this, executor = network->executor](size_t, Delivery delivery) {
              executor->Post([this, alive = std::weak_ptr<char>(alive_),
                              delivery = std::move(delivery)]() mutable {
                if (alive.expired()) return;
                std::vector<Delivery> deliveries;
                deliveries.push_back(std::move(delivery));
                hub.OnDeliveries(std::move(deliveries));
              });
            },
            true),
        hub(0, network->executor,
            [this, executor = network->executor](bridge::FeedRequest request) {
              executor->Post([this, alive = std::weak_ptr<char>(alive_),
                              request = std::move(request)]() mutable {
                if (!alive.expired()) feeds.OnRequest(std::move(request));
              });
            }),
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

  using Delivery = bridge::Delivery;
  SimClient client;
  SimPubSub pubsub;
  redis::RedisClock clock;
  channel::LogReader reader;
  bridge::Feeds feeds;
  bridge::Hub hub;
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
