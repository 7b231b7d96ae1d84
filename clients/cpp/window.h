// What one instance has published and the broker has not acknowledged yet: a bounded queue of
// encoded events with consecutive sequences, and a mark up to where they have been sent on the
// present stream.
//
//     first ≤ … sent … < next ≤ … waiting … < end
//
// A pure machine: no clock, no I/O, no thread of its own. Owned by Session, which says when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"
#include "clients/cpp/limits.h"

namespace spanwire::client {

class Window {
 public:
  struct Bounds {
    size_t events = kQueueEvents;
    size_t bytes = kQueueBytes;
  };
  explicit Window(Bounds bounds) : bounds_(bounds) {}

  // Whether an event of this size may be pushed.
  bool HasRoom(size_t event_bytes) const;
  // Takes an encoded event; returns its sequence. HasRoom must hold.
  uint64_t Push(std::string event);

  // A new stream: everything unacknowledged will be sent again, and nothing before Grant.
  void Rewind();
  // The most events that may be sent and unacknowledged.
  void Grant(uint32_t credits) { credits_ = credits; }
  // The broker's bounds of a batch; 0 and what is above the contract's own leave that in force.
  void LimitBatch(uint32_t events, uint32_t bytes);
  // The next batch as an encoded PublishStreamRequest; empty when nothing may be sent now. What it
  // holds counts as sent.
  std::string TakeBatch();
  // Whether TakeBatch would give something.
  bool Sendable() const;

  // Everything up to `sequence` is done with. False: it was never sent on this stream, the broker
  // is confused.
  bool Acknowledge(uint64_t sequence);
  // This event will never be accepted. False: it was known before, or is none of ours. It leaves
  // with its acknowledgement.
  bool Nack(uint64_t sequence);

  // The broker ended the stream because of what was sent on it, without saying which event. From
  // now on one event at a time is sent, until all that was sent by then is through; so the next
  // time, the culprit is known.
  void Suspect();
  // If exactly one suspect was under way: drops it and returns its sequence; else 0.
  uint64_t DropCulprit();

  // The lowest sequence that is not done with.
  uint64_t first() const { return first_; }
  // The sequence that the next event will get.
  uint64_t end() const { return first_ + entries_.size(); }
  // Sent on this stream and unacknowledged.
  uint64_t in_flight() const { return next_ - first_; }

  uint64_t acked() const { return acked_; }
  uint64_t nacked() const { return nacked_; }
  uint64_t resent() const { return resent_; }

 private:
  struct Entry {
    std::string event;
    bool nacked = false;
  };

  bool Isolating() const { return first_ < suspects_end_; }
  // Bytes that the event takes within a batch.
  static size_t Framed(const Entry& entry);
  void PopFront();

  const Bounds bounds_;
  std::deque<Entry> entries_;
  size_t bytes_ = 0;
  uint64_t first_ = 1;
  uint64_t next_ = 1;          // first that was not sent on this stream
  uint64_t ever_sent_ = 1;     // first that was never sent at all
  uint64_t suspects_end_ = 0;  // up to here one at a time
  uint32_t credits_ = 0;
  size_t batch_events_ = kBatchEvents;
  size_t batch_bytes_ = kBatchBytes;
  uint64_t acked_ = 0;
  uint64_t nacked_ = 0;
  uint64_t resent_ = 0;
};

}  // namespace spanwire::client
