// What was appended lately, in case that a failover takes it: then it is appended again
// (docs/decisions/0008-appended-again.md). It knows events for limits::kRememberedFor, within
// limits::kRememberedBytes and kRememberedChannels; over that the oldest are forgotten first.
//
// Owner: Appender. Thread: its.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/channel/append_sink.h"
#include "core/channel/position.h"
#include "core/redis/reply.h"

namespace spanwire::channel {

class AppendMemory final {
 public:
  struct Entry {
    std::shared_ptr<const Producer> producer;
    uint64_t before;  // the sequence that the channel had reached of this producer
    uint64_t sequence;
    Position position;
    std::shared_ptr<const std::string> event;  // null: a transient one, only its sequence counts
    absl::Duration since;
  };
  // One channel's, in the order of its log; dropped when it is empty.
  struct Log {
    std::string channel;
    std::deque<Entry> entries;
  };

  // The channel's, to add to it.
  Log* Of(absl::string_view channel);
  // Entries come in the order of time.
  void Add(Log* log, Entry entry);
  // Forgets what is too old.
  void Prune(absl::Duration now);

  const absl::btree_map<std::string, std::unique_ptr<Log>>& logs() const { return logs_; }
  size_t bytes() const { return bytes_; }

 private:
  void ForgetOldest();

  absl::btree_map<std::string, std::unique_ptr<Log>> logs_;
  std::deque<Log*> order_;  // of all entries: whose is the next oldest one
  size_t bytes_ = 0;
};

// The ids of a log's producers, each once, in the order in which they come.
std::vector<std::string> ProducersOf(const AppendMemory::Log& log);

// What a channel has lost of what is remembered. `known`: the answer to MGET of the keys of these
// producers.
//
// An event is left out if there is anything newer of its producer, or if anything is missing before
// it: its agent may yet send that again, and it would be taken for a duplicate.
std::vector<const AppendMemory::Entry*> FindLost(const AppendMemory::Log& log,
                                                 absl::Span<const std::string> producers,
                                                 const std::vector<redis::Reply>& known);

// The event as it is appended again: the field `was` before it, unless it is a copy already.
std::shared_ptr<const std::string> CopyOf(const AppendMemory::Entry& entry);
// Whether an event was made by CopyOf: agents must not set the field.
bool IsCopy(absl::string_view event);

}  // namespace spanwire::channel
