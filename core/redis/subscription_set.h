// The channels that a subscriber wants, and what Redis has confirmed of them. A pure machine: it
// says which command to send next, takes what Redis answers or pushes, and tells the listener.
//
// Redis answers commands in their order, and a SUBSCRIBE channel by channel, so each answer is
// matched with the command that it belongs to: a confirmation that an Unsubscribe has overtaken is
// never taken for one of a later Subscribe.
//
// Owner: a Subscriber. Thread: its loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/redis/pubsub.h"
#include "core/redis/reply.h"

namespace spanwire::redis {

class SubscriptionSet {
 public:
  // The listener hears of channels and messages, from within OnReply only; it may call Subscribe
  // and Unsubscribe then.
  explicit SubscriptionSet(PubSubListener* listener);

  void Subscribe(absl::string_view channel);
  void Unsubscribe(absl::string_view channel);
  // A new connection: everything wanted is to be subscribed. And its end.
  void OnUp();
  void OnDown();
  // Asks for a PING among the next commands, unless one is unanswered.
  void Ping();

  // The next command to send: at most limits::kSubscribeChannels channels. Empty: nothing is to be
  // sent, or limits::kSubscribeCommands are unanswered. The views are valid until the next call of
  // anything here.
  std::vector<absl::string_view> Next();
  // What came from Redis. An error costs the connection: INTERNAL, it does not fit what was sent;
  // UNAVAILABLE, Redis refused for a reason that has nothing to do with a channel.
  absl::Status OnReply(Reply reply);

  size_t wanted() const { return wanted_; }
  size_t confirmed() const { return confirmed_; }
  size_t unanswered() const { return sent_.size(); }
  // Whether Next would give a command.
  bool ready() const;

 private:
  struct Channel {
    bool wanted = false;
    bool confirmed = false;   // messages are delivered
    bool queued = false;      // in dirty_
    bool subscribed = false;  // the newest command sent was a SUBSCRIBE
    bool alone =
        false;  // it was in a SUBSCRIBE that was refused: over reconnects, until it is confirmed
    uint64_t awaited = 0;  // the number of the SUBSCRIBE whose confirmation counts
  };
  enum class Verb { kSubscribe, kUnsubscribe, kPing };
  struct Command {
    Verb verb;
    uint64_t number;
    std::vector<std::string> channels;
    size_t answered = 0;  // of the channels
  };
  using Channels = absl::flat_hash_map<std::string, Channel>;

  void Enqueue(const std::string& name, Channel& channel);
  void SetWanted(Channel& channel, bool wanted);
  void SetConfirmed(Channel& channel, bool confirmed);
  void Fill(Command& command);
  absl::Status OnConfirmation(Verb verb, const std::string& name);
  absl::Status OnError(const Reply& reply);
  absl::Status OnPong();
  void Refused(const Command& command, const absl::Status& why);

  PubSubListener* const listener_;
  Channels channels_;
  std::deque<std::string> dirty_;  // channels about which something may have to be sent, each once
  std::deque<Command> sent_;       // unanswered, oldest first
  bool up_ = false;
  bool ping_wanted_ = false;
  bool ping_sent_ = false;
  uint64_t commands_ = 0;
  size_t wanted_ = 0;
  size_t confirmed_ = 0;
};

}  // namespace spanwire::redis
