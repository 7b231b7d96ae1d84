// What the appender holds: events in their order by channel, and how much of it is whose, so that
// one sink's share is bounded, and is found and dropped without looking at anybody else's.
//
// Owner: Appender. Thread: its.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "core/channel/append_sink.h"

namespace spanwire::channel {

struct AppendItem;
using AppendQueue = std::list<AppendItem>;  // of one channel

// One sink, as long as something of it is queued or in flight.
struct AppendSource {
  struct Place {
    AppendQueue* queue;
    AppendQueue::iterator item;
  };
  AppendSink* sink;         // null: nobody wants to hear of it any more
  size_t bytes = 0;         // queued and in flight
  std::list<Place> queued;  // on any channel
};

// One event for one channel.
struct AppendItem {
  std::shared_ptr<const Producer> producer;
  uint64_t sequence;
  bool transient;
  std::shared_ptr<const std::string> event;  // null: it was sent, and is not needed again
  absl::Duration since;                      // when it came
  // The ledger's.
  std::shared_ptr<AppendSource> source = nullptr;
  std::list<AppendSource::Place>::iterator place = {};  // in its source's list, while queued

  // With what it costs beside the event's own.
  size_t bytes() const { return (event == nullptr ? 0 : event->size()) + 64; }
};

class AppendLedger {
 public:
  struct Bounds {
    size_t bytes;       // of all sinks
    size_t sink_bytes;  // of one
  };
  // A bound was passed and is no longer: this sink's, or (null) that of all.
  using OnRoom = absl::AnyInvocable<void(AppendSink*)>;

  AppendLedger(Bounds bounds, OnRoom on_room) : bounds_(bounds), on_room_(std::move(on_room)) {}

  size_t bytes() const { return bytes_; }
  bool over_bound() const { return bytes_ > bounds_.bytes; }
  bool IsOver(AppendSink* sink) const;

  // Puts an event last in a queue, which stays where it is while it is not empty.
  void Push(AppendQueue* queue, AppendSink* sink, AppendItem item);
  // Takes the first one out. It still counts: Release follows.
  AppendItem Pop(AppendQueue* queue);
  void Release(const AppendItem& item);
  // Lets go of the event of one that was taken out: only its place still counts.
  void Strip(AppendItem* item);
  // What the sink has queued is gone; what it has in flight is nobody's.
  void Drop(AppendSink* sink);
  // All is gone, before the queues are.
  void Clear();

 private:
  void Subtract(AppendSource* source, size_t bytes);
  void Subtract(size_t bytes);

  const Bounds bounds_;
  OnRoom on_room_;
  absl::flat_hash_map<AppendSink*, std::shared_ptr<AppendSource>> sources_;
  size_t bytes_ = 0;
};

}  // namespace spanwire::channel
