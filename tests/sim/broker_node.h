// A broker without sockets: its streams, appender and epochs on a simulated Redis connection.
#pragma once

#include <memory>
#include <set>

#include "broker/metrics.h"
#include "broker/router.h"
#include "broker/streams.h"
#include "core/base/metrics.h"
#include "core/channel/name.h"
#include "core/redis/redis_clock.h"
#include "tests/sim/agent.h"
#include "tests/sim/redis_link.h"

namespace spanwire::sim {

class BrokerNode {
 public:
  BrokerNode(Network* network, const channel::Names* names, broker::BrokerMetrics* metrics,
             const channel::Appender::Options& options)
      : client(network),
        clock(network->executor, &client),
        router(names),
        streams(network->executor, &client, names, metrics, options) {
    client.AddListener(&clock);
    client.AddListener(&streams);
    client.Start();
  }
  // A crash: agents notice, commands under way have the fates that those of a lost connection have.
  ~BrokerNode() {
    client.Abandon();
    for (AgentStream* stream : std::set<AgentStream*>(open)) stream->OnBrokerDied();
  }

  SimClient client;
  redis::RedisClock clock;
  broker::Router router;
  broker::Streams streams;
  std::set<AgentStream*> open;
  bool draining = false;
};

}  // namespace spanwire::sim
