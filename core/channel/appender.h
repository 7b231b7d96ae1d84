// Group commit: takes events of many producers for many channels and appends them by publish.lua,
// one call in flight per channel, formed from what arrived while the last one was
// (docs/decisions/0004-one-batch-in-flight.md). Carries out the rules of writing of
// docs/architecture.md: epochs are opened once per connection, a refused call is retried with the
// same events first, nothing of a producer overtakes what is missing, a lost connection forgets
// everything, events of level `replicated` are committed when replicas have them.
//
// Owner: the broker's redis loop. Thread: that loop's only. It holds no promise over a lost
// connection: what was queued or in flight is forgotten then, and the agents resend. What it keeps
// is the newest epoch of each channel: one that is begun in another data set, or after the clock
// went back, must not be below what readers have seen; and what was appended lately: what of it a
// failover took is appended again.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/executor.h"
#include "core/base/limits.h"
#include "core/channel/append_memory.h"
#include "core/channel/append_queue.h"
#include "core/channel/append_sink.h"
#include "core/channel/name.h"
#include "core/channel/replica_barrier.h"
#include "core/channel/replicated_commits.h"
#include "core/redis/commands.h"

namespace spanwire::channel {

class Appender final {
 public:
  struct Options {
    std::string verb = "PUBLISH";
    absl::Duration log_ttl = limits::kLogTtl;
    uint32_t max_events = limits::kLogEvents;
    uint64_t max_bytes = limits::kLogBytes;
    absl::Duration append_deadline = limits::kAppendDeadline;
    size_t queue_bytes = limits::kAppenderBytes;
    size_t sink_bytes = limits::kAppendSinkBytes;
  };
  // Totals since the start, for metrics.
  struct Counters {
    uint64_t appended = 0;
    uint64_t transient = 0;
    uint64_t duplicates = 0;
    uint64_t unpublished = 0;  // logged, but PUBLISH was refused: an ACL without the channel
    uint64_t calls = 0;
    uint64_t refused = 0;  // calls answered with an error that will be retried
    uint64_t epochs = 0;
    uint64_t replicated = 0;    // events that replicas have, of producers that want that
    uint64_t unreplicated = 0;  // likewise, that they did not have in time
    uint64_t again = 0;         // appended again after a failover took them
  };

  // All outlive the appender. `replicas` asks about what is written by `redis`; null: no producer
  // wants that.
  Appender(base::Executor* executor, redis::Commands* redis, const Names* names,
           AppenderListener* listener, Options options, ReplicaBarrier* replicas = nullptr);
  ~Appender();
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  // Queues one event for one channel. `event` is the whole encoded Event without id and prev;
  // several calls may share it. Sequences of one producer instance come in increasing order; a sink
  // is one instance's. Never refuses: the caller watches over_bound().
  void Append(AppendSink* sink, const std::shared_ptr<const Producer>& producer,
              absl::string_view channel, uint64_t sequence, bool transient,
              std::shared_ptr<const std::string> event);
  // The sink is going away: its queued events are dropped, those in flight are executed but nobody
  // hears of them.
  void Forget(AppendSink* sink);
  // The Redis connection was lost: everything queued and in flight is forgotten, every channel is
  // to be opened again. No sink hears anything: the caller ends all streams.
  void Clear();
  // There is a connection that may be written to: looks for what was appended on earlier ones, and
  // appends again what Redis has lost of it, before anything that comes from agents now.
  void Recall();

  // Whether the queues are over their bound: callers take nothing more from agents until it is
  // false again.
  bool over_bound() const { return ledger_.over_bound(); }
  // Whether this sink's share is over its own bound: nothing more is taken from it until OnRoom, so
  // that one whose channel Redis refuses does not fill the queues for all.
  bool over_bound(AppendSink* sink) const { return ledger_.IsOver(sink); }
  size_t queued_bytes() const { return ledger_.bytes(); }
  // Called, on a turn of its own, when over_bound has turned false.
  void set_on_room(base::Task task) { on_room_ = std::move(task); }
  // Whether nothing is queued or in flight.
  bool idle() const { return ledger_.bytes() == 0; }
  Counters counters() const;

 private:
  struct Call;
  struct Channel;

  Channel& ChannelOf(absl::string_view name);
  void MarkDirty(Channel& channel);
  void Form(Channel& channel);
  void Send(Channel& channel);
  void OnReply(Channel& channel, absl::StatusOr<redis::Reply> reply);
  void Refused(Channel& channel, const absl::Status& why);
  void Fail(Channel& channel, const absl::Status& why);
  void Settle(Channel& channel, const redis::Reply& reply);
  void Remember(Channel& channel, const AppendItem& item, uint64_t before,
                absl::optional<Position> position, AppendMemory::Log** log);
  void AskFor(const std::string& name, const AppendMemory::Log& log);
  void OnKnown(const std::string& name, absl::Span<const std::string> producers,
               const absl::StatusOr<redis::Reply>& reply);
  void Next(Channel& channel);
  void Fence(const AppendSource& source, uint64_t newer);
  void Release(const Call& call);
  void OnRoom(AppendSink* sink);
  void Sweep();
  uint64_t MaxEvents(Channel& channel) const;

  base::Executor* const executor_;
  redis::Commands* const redis_;
  const Names* const names_;
  AppenderListener* const listener_;
  const Options options_;
  absl::flat_hash_map<std::string, std::unique_ptr<Channel>> channels_;
  AppendLedger ledger_;
  ReplicatedCommits replicated_;
  AppendMemory memory_;
  // Whose the copies are on this connection: one a channel and instance of a producer, so that one
  // that is fenced takes no other along. Nobody listens.
  struct CopySink final : AppendSink {
    void OnCommitted(uint64_t, absl::string_view, absl::optional<Position>) override {}
    void OnFenced(uint64_t) override {}
  };
  absl::node_hash_map<std::string, CopySink> copies_;
  std::vector<Channel*> dirty_;  // those whose next call is formed at the end of this turn
  absl::flat_hash_set<AppendSink*> fencing_;   // those that are about to hear OnFenced
  absl::flat_hash_set<AppendSink*> relieved_;  // those that are about to hear OnRoom
  std::mt19937_64 random_;
  uint64_t generation_ = 0;  // of the connection: replies of an older one are nobody's
  base::Task on_room_;
  Counters counters_;
  std::shared_ptr<char> alive_;  // what callbacks that may outlive this hold weakly
};

}  // namespace spanwire::channel
