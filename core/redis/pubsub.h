// What the machines above know of Redis' pub/sub: a set of channels that is kept subscribed over
// reconnects, and what arrives on them. `Subscriber` is the real one; tests and the simulator bring
// their own.
//
// Thread: the owning loop's, for every call and every callback.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace spanwire::redis {

class PubSubListener {
 public:
  virtual ~PubSubListener() = default;
  // The connection is up again; OnSubscribed follows for each channel of the set.
  virtual void OnPubSubUp() = 0;
  // The connection is lost: messages may be missed from now on.
  virtual void OnPubSubDown(const absl::Status& why) = 0;
  // Redis confirmed the subscription on the present connection: every message published after this
  // moment will arrive, unless the connection is lost. Once for each Subscribe and again after each
  // reconnect.
  virtual void OnSubscribed(absl::string_view channel) = 0;
  // Redis refused the subscription (an ACL without the channel). It is tried again with each
  // reconnect, and by another Subscribe.
  virtual void OnSubscribeFailed(absl::string_view channel, const absl::Status& why) = 0;
  virtual void OnMessage(absl::string_view channel, std::string payload) = 0;
};

class PubSub {
 public:
  virtual ~PubSub() = default;
  // Adds to, or takes from, the set. No callback comes from within. After Unsubscribe no message of
  // the channel arrives.
  virtual void Subscribe(absl::string_view channel) = 0;
  virtual void Unsubscribe(absl::string_view channel) = 0;
  // Gives the connection up and connects anew, as Commands::Reset: for a caller that learned that
  // the other side is not what it should be (alive, but another Redis than that of the commands).
  // No effect unless up; the listener hears OnPubSubDown in a turn of its own.
  virtual void Reset(absl::Status why) = 0;
};

}  // namespace spanwire::redis
