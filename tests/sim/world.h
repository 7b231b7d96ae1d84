// One run: two brokers, two bridges, agents and browsers on one simulated Redis, and everything
// that can go wrong with them, all of it decided by a seed. Afterwards everything is healed, and
// every agent must be done and every browser up to date; what was promised on the way is checked by
// Truth. That things come in time is checked here, at every step: a browser that nothing is in the
// way of stands where its channel stands, within kTold; an agent's stream is acknowledged, or
// ended, within kAcked.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/metrics.h"
#include "core/channel/name.h"
#include "tests/sim/agent.h"
#include "tests/sim/bridge_node.h"
#include "tests/sim/broker_node.h"
#include "tests/sim/browser.h"
#include "tests/sim/redis_link.h"
#include "tests/sim/redis_model.h"
#include "tests/sim/truth.h"
#include "tests/support/fake_executor.h"

namespace spanwire::sim {

class World {
 public:
  // The names of all faults there are.
  static std::vector<std::string> FaultNames();

  // `without`: faults that do not strike, though the seed has them. `trace`: hears a line for
  // everything that happens from outside; may be empty.
  World(uint64_t seed, const std::set<std::string>& without,
        std::function<void(const std::string&)> trace);
  ~World();

  // The whole run.
  void Run();
  const Truth& truth() const { return truth_; }
  const std::string& profile() const { return profile_; }

 private:
  struct Fault {
    const char* name;
    double weight;
    std::function<void()> strike;
  };
  struct Snapshot {
    RedisModel::Keys keys;
    uint64_t records;
    uint64_t writes;
  };

  void AddFaults(const std::set<std::string>& without);
  void Happen(const std::string& what);
  void Step(double load);
  void Settle();
  void CheckTold();
  void CheckAcked();
  void CheckEnd();

  BrokerNode* PickBroker();
  BridgeNode* PickBridge();
  bool StillThere(const std::string& channel, Position after);
  std::unique_ptr<Agent> NewAgent(const std::string& producer);
  void StartBroker(size_t index);
  void StartBridge(size_t index);
  void KillBroker(size_t index);
  void KillBridge(size_t index);
  void DrainBroker(size_t index);
  void DrainBridge(size_t index);
  void Failover();
  void Flush();
  void RestartRedis();
  void TakeSnapshot();
  void AwaitReplica(uint64_t writes, absl::Duration timeout, std::function<void(int64_t)> done);
  void Later(absl::Duration delay, base::Task task);

  Random random_;
  const std::function<void(const std::string&)> trace_;
  std::string profile_;
  test::FakeExecutor executor_;
  channel::Names names_{"webgui"};
  const std::vector<std::string> channels_;
  Truth truth_;
  RedisModel redis_;
  Network network_;
  base::Metrics registry_;
  broker::BrokerMetrics metrics_{&registry_};
  channel::Appender::Options appender_;
  int64_t skew_us_ = 0;
  double replicated_ = 0;  // how likely an agent wants that
  absl::Duration replica_lag_ = absl::Milliseconds(30);
  uint64_t masters_ = 1;  // so many there were
  absl::Duration skewed_at_ = -absl::InfiniteDuration();
  Wellness memory_{&executor_};
  absl::Duration failover_at_ = -absl::InfiniteDuration();
  std::vector<Snapshot> snapshots_;  // what the replica may be at, the oldest first
  std::vector<Fault> faults_;
  std::vector<base::Executor::Timer> timers_;
  uint64_t bridges_started_ = 0;
  uint64_t brokers_started_ = 0;
  std::vector<absl::Duration> caught_up_;  // of each browser: when it was last where its channel is

  // In the order of destruction, last first.
  std::vector<std::unique_ptr<BrokerNode>> brokers_;
  std::vector<std::unique_ptr<BridgeNode>> bridges_;
  std::vector<std::unique_ptr<Agent>> agents_;
  std::vector<std::unique_ptr<Agent>> ghosts_;  // older instances that do not know it
  std::vector<std::unique_ptr<Browser>> browsers_;
};

}  // namespace spanwire::sim
