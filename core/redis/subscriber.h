// Pub/sub on a connection of its own, kept up: after a loss everything wanted is subscribed again.
// A connection on which nothing is heard for the timeout, not even the answer to PING, is given up.
//
// Owner: a daemon's server object. Thread: the loop's, for everything but stats(); Start also
// before the loop runs. The destructor calls nobody.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/base/executor.h"
#include "core/base/loop.h"
#include "core/redis/link.h"
#include "core/redis/options.h"
#include "core/redis/pubsub.h"
#include "core/redis/stats.h"
#include "core/redis/subscription_set.h"

namespace spanwire::redis {

class Subscriber final : public PubSub, private Link::Owner {
 public:
  // Both outlive the subscriber, the listener at least its Stop.
  Subscriber(base::Loop* loop, RedisOptions options, PubSubListener* listener);
  ~Subscriber() override;
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // Connects, and connects again after every loss, until Stop. The first attempt after a loss is
  // made at once.
  void Start();
  // Ends the connection; the listener hears OnPubSubDown, if it was up, before this returns. The
  // set is kept.
  void Stop();

  // Subscribing to a channel that is subscribed already confirms it again. An Unsubscribe and a
  // Subscribe in one turn lead to one confirmation; messages of the time before it are not
  // delivered.
  void Subscribe(absl::string_view channel) override;
  void Unsubscribe(absl::string_view channel) override;
  void Reset(absl::Status why) override;

  bool up() const;
  // As Client::health.
  const absl::Status& health() const;
  const ConnectionStats& stats() const;
  // Channels wanted, and those among them that are confirmed on the present connection.
  size_t wanted() const { return set_.wanted(); }
  size_t confirmed() const { return set_.confirmed(); }

 private:
  void OnLinkUp() override;
  void OnReply(Reply reply) override;
  void OnLinkDown(const absl::Status& why) override;

  void SendSoon();
  void Send();
  void Listen();
  void OnTick();

  base::Loop* const loop_;
  const absl::Duration timeout_;
  PubSubListener* const listener_;
  SubscriptionSet set_;
  Link link_;
  base::Executor::Timer send_;  // at the end of this turn
  int silent_ticks_ = 0;        // since something was last heard
  base::Executor::Timer tick_;
};

}  // namespace spanwire::redis
