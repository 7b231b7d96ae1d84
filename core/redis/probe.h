// The probe: proves every second, on a name of its own, that what is published is heard, and that
// Redis still holds the data set that it held a second ago (docs/architecture.md, "Verify").
//
// Each round it publishes a random token through Commands and must hear it through PubSub within
// limits::kProbeDeadline; and it counts a key up, which lives for limits::kProbeTtl: a key that is
// gone or went back means FLUSHALL, a failover or another data set.
//
// A pub/sub connection that is alive but hears no token for limits::kProbeDeaf, while tokens are
// published without an error, belongs to another Redis than the commands' (a moved address, two
// masters): it is given up. So it is when the data set was lost: it may be with what was master.
//
// Owner: a bridge's feed loop. Thread: that loop's. Whoever holds the PubSubListener and the
// ConnectionListener hands on what concerns the probe; calls about other channels are ignored.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/deadline.h"
#include "core/base/executor.h"
#include "core/redis/commands.h"
#include "core/redis/pubsub.h"

namespace spanwire::redis {

class ProbeListener {
 public:
  virtual ~ProbeListener() = default;
  // The verdict changed: OK, or why not: UNAVAILABLE (a connection is down, or what is published is
  // not heard), PERMISSION_DENIED (an ACL without the channel or the key), FAILED_PRECONDITION (any
  // other refusal of Redis).
  virtual void OnProbe(const absl::Status& verdict) = 0;
  // Redis does not hold the data set that it held: everything read so far is to be verified.
  virtual void OnDataSetLost() = 0;
};

class Probe final {
 public:
  // `name`: both the channel and the key. All pointers outlive the probe.
  Probe(base::Executor* executor, Commands* commands, PubSub* pubsub, std::string name,
        ProbeListener* listener);
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // Subscribes to the name, and probes until Stop.
  void Start();
  void Stop();

  // To be handed on from the ConnectionListener …
  void OnUp();
  // … and the PubSubListener.
  void OnPubSubDown(const absl::Status& why);
  void OnSubscribed(absl::string_view channel);
  void OnSubscribeFailed(absl::string_view channel, const absl::Status& why);
  void OnMessage(absl::string_view channel, absl::string_view payload);

  // UNAVAILABLE until the first token was heard.
  const absl::Status& verdict() const { return verdict_; }
  const std::string& name() const { return name_; }

 private:
  struct Token {
    uint64_t number;
    absl::Duration published;
  };

  void Round();
  void Publish();
  void Claim();
  void CountUp();
  bool Counted(const absl::StatusOr<Reply>& reply);
  void OnFound(uint64_t number, const Reply& found);
  void Forget();
  void WatchDeadline();
  void OnDeadline();
  void GiveDeafUp();
  void Judge();
  absl::Status Verdict() const;

  base::Executor* const executor_;
  Commands* const commands_;
  PubSub* const pubsub_;
  const std::string name_;
  ProbeListener* const listener_;
  const std::string
      run_;  // random: what another instance of the name publishes is not taken for ours

  bool running_ = false;
  absl::Status verdict_;
  base::Executor::Timer next_;
  base::Deadline deadline_{executor_};  // of the oldest token unheard
  // Hearing.
  absl::Status subscription_;  // OK: confirmed on the present connection
  absl::Status publishing_;    // what became of the last PUBLISH
  uint64_t published_ = 0;     // the last token's number
  uint64_t answered_ = 0;      // that of the last one whose PUBLISH Redis answered well
  bool heard_ = false;         // one was, on the present connection
  absl::Duration heard_at_;    // the last one; or since when the channel is subscribed
  std::deque<Token> unheard_;  // published since then and not heard; the oldest few
  bool late_ = false;          // the oldest of them is over its deadline
  // The key.
  absl::Status counting_;  // what became of the last SET that was answered
  bool claimed_ = false;   // the key was set, and was not found missing since
  uint64_t counter_ = 0;   // the last value sent
  uint64_t reached_ = 0;   // the last value known to be set
  std::shared_ptr<char> alive_;
};

}  // namespace spanwire::redis
