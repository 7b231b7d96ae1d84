// The connections of a daemon to the simulated Redis: commands, and pub/sub. They can be cut (what
// was under way is lost, executed, or executed much later), stalled, demoted together with their
// master, and come back by themselves.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/executor.h"
#include "core/redis/commands.h"
#include "core/redis/pubsub.h"
#include "tests/sim/redis_model.h"
#include "tests/sim/wire.h"

namespace spanwire::sim {

// What all connections of a run share.
struct Network {
  base::Executor* executor;
  Random* random;
  RedisModel* redis;
  double zombies = 0;  // how likely a command of a cut connection is executed much later
  double drops = 0;    // how likely a pub/sub message is lost without a trace
  // Commands of cut connections that are still under way somewhere.
  std::vector<std::vector<std::string>> floating = {};
};

class SimClient final : public redis::Commands {
 public:
  explicit SimClient(Network* network);
  ~SimClient() override;

  void AddListener(redis::ConnectionListener* listener) { listeners_.push_back(listener); }
  void Start() { Connect(absl::ZeroDuration()); }

  void Call(absl::Span<const absl::string_view> args, Callback callback) override;
  bool up() const override { return up_; }
  void Reset(absl::Status why) override;

  // The connection breaks. `lost`: what was under way never reaches Redis (its machine is gone).
  void Cut(bool lost = false);
  // The daemon dies: nobody hears of it, what was under way has its fate.
  void Abandon(bool lost = false);
  void Stall(bool stalled);
  // The master on the other side was demoted: it answers READONLY.
  void Demote() { demoted_ = up_; }

 private:
  void Connect(absl::Duration delay);
  void Arrive();
  void OnReply(redis::Reply reply);
  void Watch();

  Network* const network_;
  std::vector<redis::ConnectionListener*> listeners_;
  Wire to_;
  Wire from_;
  struct Waiting {
    absl::Duration since;
    Callback callback;
  };
  std::deque<std::vector<std::string>> sent_;  // not executed
  std::deque<Waiting> waiting_;                // not answered
  bool up_ = false;
  bool demoted_ = false;
  base::Executor::Timer connecting_;
  base::Executor::Timer watch_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

class SimPubSub final : public redis::PubSub {
 public:
  explicit SimPubSub(Network* network);

  void set_listener(redis::PubSubListener* listener) { listener_ = listener; }
  void Start() { Connect(absl::ZeroDuration()); }

  void Subscribe(absl::string_view channel) override;
  void Unsubscribe(absl::string_view channel) override;
  void Reset(absl::Status why) override;

  // From Redis.
  void OnPublished(const std::string& channel, const std::string& payload);
  void Cut();
  void Stall(bool stalled);

 private:
  void Connect(absl::Duration delay);
  void Ask(const std::string& channel);

  Network* const network_;
  redis::PubSubListener* listener_ = nullptr;
  Wire to_;
  Wire from_;
  std::map<std::string, uint64_t> wanted_;      // channel → number of its Subscribe
  std::map<std::string, uint64_t> subscribed_;  // as Redis has it
  uint64_t next_ = 0;
  bool up_ = false;
  base::Executor::Timer connecting_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace spanwire::sim
