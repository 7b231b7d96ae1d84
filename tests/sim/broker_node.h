// A broker without sockets: its streams, appender and epochs on a simulated Redis connection.
#pragma once

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "broker/metrics.h"
#include "broker/router.h"
#include "broker/streams.h"
#include "core/base/metrics.h"
#include "core/channel/name.h"
#include "core/channel/replica_barrier.h"
#include "core/redis/redis_clock.h"
#include "tests/sim/agent.h"
#include "tests/sim/redis_link.h"

namespace spanwire::sim {

class BrokerNode {
 public:
  BrokerNode(Network* network, const channel::Names* names, broker::BrokerMetrics* metrics,
             const std::string& instance, const channel::Appender::Options& options)
      : client(network),
        waits(network),
        replicas(network->executor, &client, &waits, names->MarkerKey(instance), {}),
        clock(network->executor, &client),
        router(names),
        streams(network->executor, &client, names, metrics, options, &replicas) {
    client.AddListener(&clock);
    client.AddListener(&streams);
    client.Start();
    waits.Start();
  }
  // A crash: agents notice, commands under way have the fates that those of a lost connection have.
  ~BrokerNode() {
    client.Abandon();
    waits.Abandon();
    for (AgentStream* stream : std::set<AgentStream*>(open)) stream->OnBrokerDied();
  }

  // Since when it can talk with Redis.
  absl::Duration well_since() const { return std::max(client.well_since(), waits.well_since()); }

  SimClient client;
  SimClient waits;  // for replicas
  channel::ReplicaBarrier replicas;
  redis::RedisClock clock;
  broker::Router router;
  broker::Streams streams;
  std::set<AgentStream*> open;
  bool draining = false;
};

}  // namespace spanwire::sim
