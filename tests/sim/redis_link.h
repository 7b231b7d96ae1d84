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

#include "absl/time/time.h"
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
  absl::Duration latency = absl::Milliseconds(2);  // of commands, and of answers, at most
  // Commands of cut connections that are still under way somewhere.
  std::vector<std::vector<std::string>> floating = {};
  // WAIT: tells how many replicas have the first `writes`, when one has or the timeout is over.
  std::function<void(uint64_t writes, absl::Duration timeout, std::function<void(int64_t)> done)>
      await_replica = nullptr;
};

// Since when a connection, or a loop, does what it is there for.
class Wellness {
 public:
  explicit Wellness(base::Executor* executor) : executor_(executor) {}
  void Set(bool well) {
    if (well != this->well()) since_ = well ? executor_->Uptime() : absl::InfiniteDuration();
  }
  bool well() const { return since_ != absl::InfiniteDuration(); }
  // InfiniteDuration: it does not.
  absl::Duration since() const { return since_; }

 private:
  base::Executor* const executor_;
  absl::Duration since_ = absl::InfiniteDuration();
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
  absl::Duration well_since() const { return wellness_.since(); }

 private:
  void Connect(absl::Duration delay);
  void Arrive();
  void ExecuteArrived();
  void Execute(const std::vector<std::string>& command);
  void Wait(const std::vector<std::string>& command);
  void Answer(redis::Reply reply);
  void OnReply(redis::Reply reply);
  void Judge() { wellness_.Set(up_ && !stalled_); }
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
  size_t arrived_ = 0;                         // so many of them are held up by a WAIT
  bool waits_ = false;                         // a WAIT is under way
  uint64_t wrote_ = 0;                         // what this connection wrote last
  std::deque<Waiting> waiting_;                // not answered
  bool up_ = false;
  bool demoted_ = false;
  bool stalled_ = false;
  Wellness wellness_;
  base::Executor::Timer connecting_;
  base::Executor::Timer watch_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  std::shared_ptr<char> connection_;  // one a connection
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
  absl::Duration well_since() const { return wellness_.since(); }
  // When a message of `channel` was lost without a trace.
  absl::Duration dropped_at(const std::string& channel) const;

 private:
  void Connect(absl::Duration delay);
  void Judge() { wellness_.Set(up_ && !stalled_); }
  void Ask(const std::string& channel);

  Network* const network_;
  redis::PubSubListener* listener_ = nullptr;
  Wire to_;
  Wire from_;
  std::map<std::string, uint64_t> wanted_;      // channel → number of its Subscribe
  std::map<std::string, uint64_t> subscribed_;  // as Redis has it
  std::map<std::string, absl::Duration> dropped_;
  uint64_t next_ = 0;
  bool up_ = false;
  bool stalled_ = false;
  Wellness wellness_;
  base::Executor::Timer connecting_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace spanwire::sim
