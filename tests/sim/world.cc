#include "tests/sim/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"

namespace spanwire::sim {
namespace {

constexpr int64_t kStart = 1'704'110'400'000'000;
constexpr absl::Duration kFaulty = absl::Seconds(20);   // how long things go wrong
constexpr absl::Duration kSettled = absl::Seconds(90);  // after which nothing may be open any more
constexpr size_t kBrowsers = 5;
constexpr size_t kSnapshots = 3;
// Within which a browser that nothing is in the way of has everything, or was told.
constexpr absl::Duration kTold = absl::Seconds(2);
// Within which a stream on which something is unacknowledged hears of it: of two WAITs, one behind
// the other, the verdict comes sooner.
constexpr absl::Duration kAcked = absl::Seconds(4);
// As kTold, after a pub/sub message that was lost alone: the next verification finds it.
const absl::Duration kFound = limits::kVerifyInterval + kTold;

}  // namespace

World::World(uint64_t seed, const std::set<std::string>& without,
             std::function<void(const std::string&)> trace)
    : random_(seed),
      trace_(std::move(trace)),
      channels_({names_.Session("a"), names_.Agent("b"), names_.Global()}),
      network_{&executor_, &random_, &redis_} {
  redis_.now_us = [this] {
    return kStart + absl::ToInt64Microseconds(executor_.Uptime()) + skew_us_;
  };
  redis_.on_publish = [this](const std::string& channel, const std::string& payload) {
    for (const auto& bridge : bridges_) {
      if (bridge) bridge->pubsub.OnPublished(channel, payload);
    }
  };
  redis_.on_append = [this](const std::string& channel, Position position,
                            const std::string& event) {
    v1::Event parsed;
    parsed.ParseFromString(event);
    truth_.OnAppended(channel, position, parsed.log_line().text(), Position::Parse(parsed.was()));
  };
  appender_.max_events = Chance(random_, 0.3) ? 100 : 5000;
  network_.await_replica = [this](uint64_t writes, absl::Duration timeout,
                                  std::function<void(int64_t)> done) {
    AwaitReplica(writes, timeout, std::move(done));
  };
  memory_.Set(true);
  if (appender_.max_events == 100) truth_.OnTrimmed();
  if (Chance(random_, 0.4)) replicated_ = 0.5;
  AddFaults(without);
  brokers_.resize(2);
  bridges_.resize(2);
  for (size_t i = 0; i < 2; ++i) {
    StartBroker(i);
    StartBridge(i);
  }
  const int64_t agents = Between(random_, 2, 4);
  for (int64_t i = 0; i < agents; ++i) agents_.push_back(NewAgent(absl::StrCat("p", i)));
  caught_up_.resize(kBrowsers);
  for (size_t i = 0; i < kBrowsers; ++i) {
    const auto begin = static_cast<Browser::Begin>(Between(random_, 0, 2));
    const std::string channel = channels_[static_cast<size_t>(Between(random_, 0, 2))];
    browsers_.push_back(std::make_unique<Browser>(
        &executor_, &random_, &truth_, &names_, absl::StrCat("browser ", i), channel, begin,
        [this] { return PickBridge(); },
        [this](const std::string& name, Position after) { return StillThere(name, after); }));
  }
}

World::~World() {
  redis_.on_publish = nullptr;  // what is under way when one of them goes is not for the others
  browsers_.clear();
  ghosts_.clear();
  agents_.clear();
  bridges_.clear();
  brokers_.clear();
}

// What can go wrong. A run has some of it, each more or less often.
void World::AddFaults(const std::set<std::string>& without) {
  const auto maybe = [&, this](const char* name, double probability, double weight,
                               std::function<void()> strike) {
    if (!Chance(random_, probability)) return false;
    const double often = Chance(random_, 0.3) ? 4 : 1;
    if (without.contains(name)) return false;
    absl::StrAppend(&profile_, profile_.empty() ? "" : " ", name);
    if (strike) faults_.push_back({name, weight * often, std::move(strike)});
    return true;
  };
  const auto index = [this] { return static_cast<size_t>(Between(random_, 0, 1)); };
  const auto channel = [this] { return channels_[static_cast<size_t>(Between(random_, 0, 2))]; };
  maybe("broker-crash", 0.5, 0.2, [=, this] { KillBroker(index()); });
  maybe("bridge-crash", 0.4, 0.2, [=, this] { KillBridge(index()); });
  maybe("broker-cut", 0.6, 0.5, [=, this] {
    if (const auto& broker = brokers_[index()])
      Chance(random_, 0.8) ? broker->client.Cut() : broker->waits.Cut();
  });
  maybe("bridge-cut", 0.6, 0.5, [=, this] {
    if (const auto& bridge = bridges_[index()])
      Chance(random_, 0.5) ? bridge->client.Cut() : bridge->pubsub.Cut();
  });
  maybe("pubsub-killed", 0.4, 0.5, [this] {
    for (const auto& bridge : bridges_) {
      if (bridge) bridge->pubsub.Cut();
    }
  });
  maybe("stall", 0.3, 0.2, [=, this] {
    const auto& broker = brokers_[index()];
    const auto& bridge = bridges_[index()];
    if (broker) Chance(random_, 0.8) ? broker->client.Stall(true) : broker->waits.Stall(true);
    if (bridge) Chance(random_, 0.5) ? bridge->client.Stall(true) : bridge->pubsub.Stall(true);
    Later(absl::Milliseconds(Between(random_, 10, 8000)), [this] {
      for (const auto& healed : brokers_) {
        if (!healed) continue;
        healed->client.Stall(false);
        healed->waits.Stall(false);
      }
      for (const auto& healed : bridges_) {
        if (!healed) continue;
        healed->client.Stall(false);
        healed->pubsub.Stall(false);
      }
    });
  });
  maybe("browser-cut", 0.6, 0.8,
        [this] { browsers_[static_cast<size_t>(Between(random_, 0, kBrowsers - 1))]->Cut(); });
  maybe("slow", 0.5, 0.5, [this] {
    browsers_[static_cast<size_t>(Between(random_, 0, kBrowsers - 1))]->SetSlow(
        Chance(random_, 0.5));
  });
  maybe("restart", 0.5, 0.3, [this] {
    auto& agent =
        agents_[static_cast<size_t>(Between(random_, 0, static_cast<int64_t>(agents_.size()) - 1))];
    const std::string producer = agent->instance().producer;
    if (Chance(random_, 0.6)) ghosts_.push_back(std::move(agent));
    agent = NewAgent(producer);
  });
  if (maybe("drops", 0.5, 0, nullptr)) network_.drops = 0.03;
  if (maybe("zombies", 0.5, 0, nullptr)) network_.zombies = 0.5;
  maybe("trim", 0.3, 0.3, [=, this] {
    truth_.OnTrimmed();
    redis_.Trim(names_.LogKey(channel()), static_cast<size_t>(Between(random_, 1, 20)));
  });
  maybe("delete", 0.15, 0.1, [=, this] {
    truth_.OnTrimmed();
    redis_.Delete(names_.LogKey(channel()));
  });
  maybe("flush", 0.25, 0.1, [this] {
    Flush();
    if (Chance(random_, 0.4)) {
      for (const auto& broker : brokers_) {
        if (broker) broker->client.Cut();
      }
    }
  });
  maybe("redis-restart", 0.25, 0.1, [this] { RestartRedis(); });
  maybe("failover", 0.3, 0.15, [this] { Failover(); });
  if (maybe("far", 0.3, 0, nullptr)) network_.latency = absl::Milliseconds(50);
  if (maybe("lag", 0.3, 0, nullptr)) replica_lag_ = absl::Milliseconds(1500);
  maybe("skew", 0.3, 0.1, [this] {
    const int64_t steps[] = {3, 1000, 2'000'000, 40'000'000};
    skew_us_ += steps[Between(random_, 0, 3)] * (Chance(random_, 0.5) ? 1 : -1);
    skewed_at_ = executor_.Uptime();
    truth_.OnClockChanged();
  });
  maybe("memory", 0.3, 0.1, [this] {
    redis_.out_of_memory = true;
    memory_.Set(false);
    Later(absl::Milliseconds(Between(random_, 1, 12'000)), [this] {
      redis_.out_of_memory = false;
      memory_.Set(true);
    });
  });
  maybe("scripts", 0.2, 0.2, [this] { redis_.knows_scripts = false; });
  maybe("held-up", 0.3, 0.3, [=, this] {
    const size_t i = index();
    if (!bridges_[i]) return;
    bridges_[i]->lane.Hold(true);
    Later(absl::Milliseconds(Between(random_, 1, 1500)), [this, i] {
      if (bridges_[i]) bridges_[i]->lane.Hold(false);
    });
  });
  maybe("broker-drain", 0.3, 0.1, [=, this] { DrainBroker(index()); });
  maybe("bridge-drain", 0.3, 0.1, [=, this] { DrainBridge(index()); });
  if (maybe("expiry", 0.25, 0, nullptr)) {
    appender_.log_ttl = absl::Seconds(Between(random_, 2, 8));
    truth_.OnTrimmed();
  }
}

std::vector<std::string> World::FaultNames() {
  return {"broker-crash", "bridge-crash", "broker-cut",   "bridge-cut",   "pubsub-killed",
          "stall",        "browser-cut",  "slow",         "restart",      "drops",
          "zombies",      "trim",         "delete",       "flush",        "redis-restart",
          "failover",     "far",          "lag",          "skew",         "memory",
          "scripts",      "held-up",      "broker-drain", "bridge-drain", "expiry"};
}

void World::Happen(const std::string& what) {
  if (trace_) trace_(absl::StrCat(absl::FormatDuration(executor_.Uptime()), " ", what));
}

void World::Later(absl::Duration delay, base::Task task) {
  timers_.push_back(executor_.After(delay, std::move(task)));
}

BrokerNode* World::PickBroker() {
  const size_t first = static_cast<size_t>(Between(random_, 0, 1));
  return brokers_[first] ? brokers_[first].get() : brokers_[1 - first].get();
}

BridgeNode* World::PickBridge() {
  const size_t first = static_cast<size_t>(Between(random_, 0, 1));
  return bridges_[first] ? bridges_[first].get() : bridges_[1 - first].get();
}

std::unique_ptr<Agent> World::NewAgent(const std::string& producer) {
  return std::make_unique<Agent>(&executor_, &random_, &truth_, producer,
                                 Chance(random_, replicated_), [this] { return PickBroker(); });
}

void World::StartBroker(size_t index) {
  brokers_[index] = std::make_unique<BrokerNode>(
      &network_, &names_, &metrics_, absl::StrCat("broker-", ++brokers_started_), appender_);
}

void World::StartBridge(size_t index) {
  bridges_[index] = std::make_unique<BridgeNode>(
      &network_, &names_, absl::StrCat("bridge-", ++bridges_started_), appender_.log_ttl);
}

void World::KillBroker(size_t index) {
  if (!brokers_[index]) return;
  const std::unique_ptr<BrokerNode> dead = std::move(brokers_[index]);
  Later(absl::Milliseconds(Between(random_, 1, 2000)), [this, index] { StartBroker(index); });
}

void World::KillBridge(size_t index) {
  if (!bridges_[index]) return;
  for (const auto& browser : browsers_) {
    if (browser->bridge() == bridges_[index].get()) browser->Cut();
  }
  const std::unique_ptr<BridgeNode> dead = std::move(bridges_[index]);
  Later(absl::Milliseconds(Between(random_, 1, 2000)), [this, index] { StartBridge(index); });
}

// SIGTERM: it ends when its streams have ended.
void World::DrainBroker(size_t index) {
  BrokerNode* const draining = brokers_[index].get();
  if (draining == nullptr || draining->draining) return;
  draining->draining = true;
  const auto end = [this, index, draining] {
    if (brokers_[index].get() == draining) KillBroker(index);
  };
  draining->streams.Drain([this, end] { Later(absl::ZeroDuration(), end); });
  Later(limits::kDrainTimeout, end);
}

void World::DrainBridge(size_t index) {
  BridgeNode* const draining = bridges_[index].get();
  if (draining == nullptr) return;
  draining->hub.Drain(limits::kDrainWindow);
  Later(absl::Milliseconds(100), [this, index, draining] {
    if (bridges_[index].get() == draining) KillBridge(index);
  });
}

// A replica without the newest events takes over. Some brokers still hold on to the old master.
void World::Failover() {
  if (snapshots_.empty()) return;
  const Snapshot& snapshot = snapshots_[static_cast<size_t>(
      Between(random_, 0, static_cast<int64_t>(snapshots_.size()) - 1))];
  ++masters_;
  const auto leave = [this](SimClient* client) {
    Chance(random_, 0.5) ? client->Demote() : client->Cut(true);
  };
  for (const auto& broker : brokers_) {
    if (!broker) continue;
    leave(&broker->client);
    leave(&broker->waits);
  }
  network_.floating.clear();
  redis_.Restore(snapshot.keys);
  truth_.OnFailover(snapshot.records);
  snapshots_.clear();
  failover_at_ = executor_.Uptime();
  if (Chance(random_, 0.5)) redis_.knows_scripts = false;
  for (const auto& bridge : bridges_) {
    if (!bridge) continue;
    leave(&bridge->client);
    bridge->pubsub.Cut();
  }
}

void World::Flush() {
  redis_.FlushAll();
  truth_.OnFlushed(redis_.now_us());
}

// With its data, or without.
void World::RestartRedis() {
  for (const auto& broker : brokers_) {
    if (!broker) continue;
    broker->client.Cut(true);
    broker->waits.Cut(true);
  }
  for (const auto& bridge : bridges_) {
    if (!bridge) continue;
    bridge->client.Cut(true);
    bridge->pubsub.Cut();
  }
  network_.floating.clear();
  redis_.knows_scripts = false;
  if (Chance(random_, 0.5)) Flush();
}

void World::TakeSnapshot() {
  snapshots_.push_back({redis_.Snapshot(), truth_.records(), redis_.writes()});
  if (snapshots_.size() > kSnapshots) snapshots_.erase(snapshots_.begin());
}

// What WAIT has told of, the replica has: it is at nothing older from then on.
void World::AwaitReplica(uint64_t writes, absl::Duration timeout,
                         std::function<void(int64_t)> done) {
  if (!snapshots_.empty() && snapshots_.front().writes >= writes) return done(1);
  const absl::Duration lag =
      absl::Milliseconds(Between(random_, 1, absl::ToInt64Milliseconds(replica_lag_)));
  Later(std::min(lag, timeout), [=, this, master = masters_, done = std::move(done)] {
    if (master != masters_ || lag >= timeout) return done(0);
    snapshots_.clear();
    TakeSnapshot();
    done(1);
  });
}

// Whether the event after `after` is in the log: then nothing is missing there. After a failover
// what was trimmed may be back, so for a while nobody can tell.
bool World::StillThere(const std::string& channel, Position after) {
  if (executor_.Uptime() - failover_at_ < absl::Seconds(30)) return false;
  const RedisModel::Value* log = redis_.Find(names_.LogKey(channel));
  if (log == nullptr) return false;
  return std::any_of(log->entries.begin(), log->entries.end(), [&](const RedisModel::Entry& entry) {
    return channel::Follows(after, entry.id, Position::Parse(entry.prev));
  });
}

void World::Step(double load) {
  if (Chance(random_, load)) {
    agents_[static_cast<size_t>(Between(random_, 0, static_cast<int64_t>(agents_.size()) - 1))]
        ->Publish(channels_);
  }
  if (!ghosts_.empty() && Chance(random_, 0.2)) ghosts_.front()->Publish(channels_);
  if (!ghosts_.empty() && Chance(random_, 0.02)) ghosts_.erase(ghosts_.begin());
  if (!network_.floating.empty() && Chance(random_, 0.05)) {
    const std::vector<std::string> command = std::move(network_.floating.front());
    network_.floating.erase(network_.floating.begin());
    Happen("a zombie command is executed");
    redis_.Execute(command);
  }
  if (Chance(random_, 0.02)) {
    TakeSnapshot();
  }
  for (auto& agent : agents_) {
    if (!agent->stopped()) continue;
    Happen(absl::StrCat("agent stopped: ", agent->why().ToString()));
    agent = NewAgent(agent->instance().producer);
  }
  CheckTold();
  CheckAcked();
}

void World::CheckAcked() {
  const absl::Duration now = executor_.Uptime();
  for (const auto& agent : agents_) {
    const BrokerNode* const broker = agent->broker();
    if (broker == nullptr || agent->done()) continue;
    const absl::Duration well = std::max(broker->well_since(), memory_.since());
    if (now <= std::max(well, agent->waits_since()) + kAcked) continue;
    truth_.Bad(absl::StrCat("agent ", agent->instance().producer, " has heard nothing for ",
                            absl::FormatDuration(now - agent->waits_since()),
                            ", nothing in the way for ", absl::FormatDuration(now - well)));
  }
}

void World::CheckTold() {
  const absl::Duration now = executor_.Uptime();
  for (size_t i = 0; i < kBrowsers; ++i) {
    const Browser& browser = *browsers_[i];
    const Truth::View& view = browser.view();
    const RedisModel::Value* const tail = redis_.Find(names_.TailKey(view.channel));
    if (browser.live() && tail != nullptr && view.last->ToString() == tail->text)
      caught_up_[i] = now;
    if (browser.bridge() == nullptr) continue;
    // What Redis refused for want of memory is tried again only after a while.
    const absl::Duration well = std::max({browser.well_since(), browser.bridge()->well_since(),
                                          memory_.since() + limits::kReadRetryLast});
    absl::Duration due = std::max(well, caught_up_[i]) + kTold;
    for (const absl::Duration lost :
         {browser.bridge()->pubsub.dropped_at(view.channel), skewed_at_}) {
      if (lost >= caught_up_[i]) due = std::max(due, lost + kFound);
    }
    if (now <= due) continue;
    truth_.Bad(absl::StrCat(view.name, " on ", view.channel, ": not told in time: at ",
                            view.last ? view.last->ToString() : "nothing",
                            browser.live() ? "" : ", not live", ", the channel at ",
                            tail != nullptr ? tail->text : "nothing", ", for ",
                            absl::FormatDuration(now - caught_up_[i]), ", nothing in the way for ",
                            absl::FormatDuration(now - well)));
  }
}

void World::Run() {
  const absl::Duration end = executor_.Uptime() + kFaulty;
  const double load = std::uniform_real_distribution<double>(0.05, 0.9)(random_);
  while (executor_.Uptime() < end && truth_.violations().empty()) {
    executor_.Advance(absl::Milliseconds(Between(random_, 1, 40)));
    Step(load);
    for (const Fault& fault : faults_) {
      if (!Chance(random_, fault.weight / 50)) continue;
      Happen(fault.name);
      fault.strike();
      break;
    }
  }
  if (truth_.violations().empty()) Settle();
}

// Everything is healed; what is left must come to an end.
void World::Settle() {
  Happen("healed");
  network_.drops = network_.zombies = 0;
  redis_.out_of_memory = false;
  memory_.Set(true);
  ghosts_.clear();
  for (const auto& broker : brokers_) {
    if (!broker) continue;
    broker->client.Stall(false);
    broker->waits.Stall(false);
  }
  for (const auto& bridge : bridges_) {
    if (!bridge) continue;
    bridge->client.Stall(false);
    bridge->pubsub.Stall(false);
    bridge->lane.Hold(false);
  }
  for (const auto& browser : browsers_) browser->SetSlow(false);
  const absl::Duration end = executor_.Uptime() + kSettled;
  while (executor_.Uptime() < end && truth_.violations().empty()) {
    executor_.Advance(absl::Milliseconds(250));
    Step(0);
  }
  if (truth_.violations().empty()) CheckEnd();
}

void World::CheckEnd() {
  for (const auto& agent : agents_) {
    if (!agent->done())
      truth_.Bad(absl::StrCat("agent ", agent->instance().producer, " is not done"));
  }
  for (const auto& browser : browsers_) {
    const Truth::View& view = browser->view();
    const RedisModel::Value* tail = redis_.Find(names_.TailKey(view.channel));
    const std::string where = tail != nullptr ? tail->text : "nowhere";
    const std::string last = view.last ? view.last->ToString() : "nothing";
    if (!browser->live() || last != where) {
      truth_.Bad(absl::StrCat(view.name, " on ", view.channel, " is at ", last, ", the channel at ",
                              where));
    }
  }
}

}  // namespace spanwire::sim
