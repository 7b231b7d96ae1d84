#include "tests/sim/redis_link.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "core/base/limits.h"

namespace spanwire::sim {
namespace {

constexpr absl::Duration kLatency = absl::Milliseconds(2);

bool Writes(const std::string& verb) {
  return verb == "SET" || verb == "EVALSHA" || verb == "EVAL" || verb == "DEL" ||
         verb == "PEXPIRE" || verb == "GETEX";
}

redis::Reply ReadOnly() {
  return {
      redis::Reply::Type::kError, 0, "READONLY You can't write against a read only replica.", {}};
}

absl::Duration Backoff(Random& random) { return absl::Milliseconds(Between(random, 1, 400)); }

}  // namespace

SimClient::SimClient(Network* network)
    : network_(network),
      to_(network->executor, network->random, network->latency),
      from_(network->executor, network->random, network->latency),
      wellness_(network->executor) {}

SimClient::~SimClient() = default;

void SimClient::Connect(absl::Duration delay) {
  connecting_ = network_->executor->After(delay, [this] {
    up_ = true;
    connection_ = std::make_shared<char>();
    Judge();
    Watch();
    for (redis::ConnectionListener* listener : listeners_) listener->OnUp();
  });
}

void SimClient::Call(absl::Span<const absl::string_view> args, Callback callback) {
  if (!up_) {
    network_->executor->Post(
        [alive = std::weak_ptr<char>(alive_), callback = std::move(callback)]() mutable {
          if (!alive.expired()) callback(absl::UnavailableError("redis is not connected"));
        });
    return;
  }
  sent_.emplace_back(args.begin(), args.end());
  waiting_.push_back({network_->executor->Uptime(), std::move(callback)});
  to_.Send([this] { Arrive(); });
}

void SimClient::Arrive() {
  ++arrived_;
  ExecuteArrived();
}

// A WAIT holds up what is behind it.
void SimClient::ExecuteArrived() {
  while (arrived_ > 0 && !waits_) {
    --arrived_;
    const std::vector<std::string> command = std::move(sent_.front());
    sent_.pop_front();
    if (command[0] == "WAIT" && !demoted_) {
      Wait(command);
    } else {
      Execute(command);
    }
  }
}

void SimClient::Execute(const std::vector<std::string>& command) {
  if (demoted_ && command[0] == "WAIT")
    return Answer(
        {redis::Reply::Type::kError, 0, "ERR WAIT cannot be used with replica instances.", {}});
  if (demoted_ && Writes(command[0])) return Answer(ReadOnly());
  const uint64_t before = network_->redis->writes();
  redis::Reply reply = network_->redis->Execute(command);
  if (const uint64_t now = network_->redis->writes(); now != before) wrote_ = now;
  Answer(std::move(reply));
}

void SimClient::Wait(const std::vector<std::string>& command) {
  int64_t timeout_ms = 0;
  (void)absl::SimpleAtoi(command[2], &timeout_ms);
  waits_ = true;
  network_->await_replica(wrote_, absl::Milliseconds(timeout_ms),
                          [this, connection = std::weak_ptr<char>(connection_)](int64_t replicas) {
                            if (connection.expired()) return;
                            waits_ = false;
                            Answer({redis::Reply::Type::kInteger, replicas, {}, {}});
                            ExecuteArrived();
                          });
}

void SimClient::Answer(redis::Reply reply) {
  from_.Send([this, reply = std::move(reply)]() mutable { OnReply(std::move(reply)); });
}

void SimClient::OnReply(redis::Reply reply) {
  Callback callback = std::move(waiting_.front().callback);
  waiting_.pop_front();
  callback(std::move(reply));
}

// What is not answered in time costs the connection.
void SimClient::Watch() {
  watch_ = network_->executor->After(absl::Milliseconds(500), [this] {
    if (!waiting_.empty() &&
        network_->executor->Uptime() - waiting_.front().since > limits::kRedisTimeout)
      return Cut();
    Watch();
  });
}

void SimClient::Reset(absl::Status) {
  network_->executor->Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) Cut(demoted_);
  });
}

void SimClient::Abandon(bool lost) {
  for (std::vector<std::string>& command : sent_) {
    if (lost || demoted_) break;
    // TCP: what is executed is a beginning of what was sent.
    if (Chance(*network_->random, 0.4)) break;
    if (Chance(*network_->random, network_->zombies)) {
      network_->floating.push_back(std::move(command));
    } else {
      network_->redis->Execute(command);
    }
  }
  sent_.clear();
}

void SimClient::Cut(bool lost) {
  if (!up_) return;
  up_ = false;
  Abandon(lost);
  connection_.reset();
  demoted_ = stalled_ = waits_ = false;
  arrived_ = 0;
  wrote_ = 0;
  Judge();
  to_.Cut();
  from_.Cut();
  watch_.reset();
  std::deque<Waiting> waiting;
  waiting.swap(waiting_);
  const std::weak_ptr<char> alive = alive_;
  for (Waiting& call : waiting) {
    call.callback(absl::UnavailableError("the connection was lost"));
    if (alive.expired()) return;
  }
  for (redis::ConnectionListener* listener : listeners_)
    listener->OnDown(absl::UnavailableError("cut"));
  Connect(Backoff(*network_->random));
}

void SimClient::Stall(bool stalled) {
  stalled_ = stalled;
  Judge();
  to_.Stall(stalled);
  from_.Stall(stalled);
}

SimPubSub::SimPubSub(Network* network)
    : network_(network),
      to_(network->executor, network->random, kLatency),
      from_(network->executor, network->random, kLatency),
      wellness_(network->executor) {}

void SimPubSub::Connect(absl::Duration delay) {
  connecting_ = network_->executor->After(delay, [this] {
    up_ = true;
    Judge();
    listener_->OnPubSubUp();
    for (const auto& [channel, number] : wanted_) Ask(channel);
  });
}

void SimPubSub::Subscribe(absl::string_view channel) {
  const std::string name(channel);
  wanted_[name] = ++next_;
  if (up_) Ask(name);
}

void SimPubSub::Unsubscribe(absl::string_view channel) {
  const std::string name(channel);
  wanted_.erase(name);
  if (up_) to_.Send([this, name] { subscribed_.erase(name); });
}

void SimPubSub::Ask(const std::string& channel) {
  to_.Send([this, channel, number = wanted_[channel]] {
    subscribed_[channel] = number;
    from_.Send([this, channel, number] {
      const auto wanted = wanted_.find(channel);
      if (wanted != wanted_.end() && wanted->second == number) listener_->OnSubscribed(channel);
    });
  });
}

void SimPubSub::OnPublished(const std::string& channel, const std::string& payload) {
  const auto subscribed = subscribed_.find(channel);
  if (!up_ || subscribed == subscribed_.end()) return;
  if (Chance(*network_->random, network_->drops)) {
    dropped_[channel] = network_->executor->Uptime();
    return;
  }
  from_.Send([this, channel, payload, number = subscribed->second] {
    const auto wanted = wanted_.find(channel);
    if (wanted != wanted_.end() && wanted->second == number) listener_->OnMessage(channel, payload);
  });
}

absl::Duration SimPubSub::dropped_at(const std::string& channel) const {
  const auto found = dropped_.find(channel);
  return found == dropped_.end() ? -absl::InfiniteDuration() : found->second;
}

void SimPubSub::Reset(absl::Status) {
  network_->executor->Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) Cut();
  });
}

void SimPubSub::Cut() {
  if (!up_) return;
  up_ = stalled_ = false;
  Judge();
  subscribed_.clear();
  to_.Cut();
  from_.Cut();
  listener_->OnPubSubDown(absl::UnavailableError("cut"));
  Connect(Backoff(*network_->random));
}

void SimPubSub::Stall(bool stalled) {
  stalled_ = stalled;
  Judge();
  to_.Stall(stalled);
  from_.Stall(stalled);
}

}  // namespace spanwire::sim
