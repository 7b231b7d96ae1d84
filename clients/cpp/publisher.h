// The C++ agent's way in: events go into a bounded queue, one background thread streams them to a
// broker, and every event is sent again until the broker has acknowledged it, over any number of
// reconnects, in order.
//
//     spanwire::Publisher publisher({.target = "127.0.0.1:7400", .agent = "ui-tester"});
//     spanwire::v1::Event event;
//     event.set_session_id("sess_123");
//     event.mutable_session_status_changed()->set_status("testing");
//     const auto sent = publisher.Publish(std::move(event));
//     if (!sent.ok()) std::cerr << sent.status() << "\n";
//     const absl::Status done = publisher.Flush(absl::Seconds(5));
//     if (!done.ok()) std::cerr << done << "\n";
//
// One Publisher is one instance of a producer: everything that it publishes stays in order on every
// channel, and appears there once. A newer instance with the same producer_id fences it: it then
// stops for good (State::kStopped).
//
// Thread safety: everything may be called from any thread. Callbacks run on the background thread,
// one at a time; they may call anything of the Publisher but its destructor, and should be quick:
// acknowledgements wait for them. After fork() only the parent's Publisher lives; the child must
// not touch it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "clients/cpp/limits.h"
#include "spanwire/v1/publisher.pb.h"

namespace spanwire {

enum class WhenFull {
  kFail,  // Publish returns RESOURCE_EXHAUSTED at once
  kWait,  // Publish waits for room
};

enum class State {
  kConnecting,  // or waiting for the next attempt to
  kOpen,        // the broker knows this instance; events flow
  kStopped,     // for good: fenced, or refused; Publish and Flush return why
};

// What became of events so far. Every published event is acked, nacked or outstanding.
struct Counters {
  uint64_t published = 0;   // taken into the queue
  uint64_t acked = 0;       // committed
  uint64_t nacked = 0;      // refused for good, reported by on_nack
  uint64_t rejected = 0;    // never taken: not encodable or no room; Publish said so
  uint64_t resent = 0;      // sent once more after a reconnect
  uint64_t reconnects = 0;  // streams opened after the first
};

struct PublisherOptions {
  // The broker: host:port or unix:/path.
  std::string target = "127.0.0.1:7400";
  // The agent's name, for events that name none: [A-Za-z0-9._~:@|+=-]{1,128}.
  std::string agent = "";
  // Who publishes, same alphabet. Empty: a fresh one; give one when a restarted agent shall take
  // over from its older instance.
  std::string producer_id = "";
  // When events count as committed. ACK_LEVEL_REPLICATED: when as many replicas have them as the
  // broker is set to ask for; a broker that does not offer it stops the Publisher for good
  // (INVALID_ARGUMENT). While replicas do not have them in time, nothing is acknowledged, the
  // streams end UNAVAILABLE (on_state), and events are sent again.
  v1::AckLevel ack_level = v1::ACK_LEVEL_REDIS;
  // The queue: events that are published and not acknowledged. The least for both is one event of
  // 262,144 bytes.
  size_t queue_events = client::kQueueEvents;
  size_t queue_bytes = client::kQueueBytes;
  WhenFull when_full = WhenFull::kFail;
  // Every event up to `sequence` (see Publish) is committed, or was nacked.
  std::function<void(uint64_t sequence)> on_ack = nullptr;
  // The broker can never accept this event; the others go on. Sequence as returned by Publish.
  std::function<void(const v1::Nack& nack)> on_nack = nullptr;
  // A new state, and what led to it: the error that ended the last stream, or OK. kConnecting comes
  // after each failed attempt.
  std::function<void(State state, const absl::Status& why)> on_state = nullptr;
};

class Publisher {
 public:
  // Starts to connect; never blocks on the broker, which need not be there yet.
  explicit Publisher(PublisherOptions options);
  // Ends at once, whatever is unacknowledged: Flush first. No callback runs once it has returned.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Takes the event into the queue, with the present time if it has no timestamp; returns its
  // sequence, which counts from 1. INVALID_ARGUMENT: it cannot be encoded (naming the field); the
  // event is not sent, others are not affected. RESOURCE_EXHAUSTED: the queue is full (with kWait:
  // only from within a callback). Stopped: why.
  absl::StatusOr<uint64_t> Publish(v1::Event event);

  // Waits until everything published before this call is acknowledged or nacked. DEADLINE_EXCEEDED:
  // it is not, but goes on. Stopped: why. From within a callback: FAILED_PRECONDITION.
  absl::Status Flush(absl::Duration timeout);

  Counters counters() const;
  State state() const;
  // The producer's id and this instance's epoch; empty and 0 until a stream was opened for the
  // first time.
  std::string producer_id() const;
  uint64_t producer_epoch() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace spanwire
