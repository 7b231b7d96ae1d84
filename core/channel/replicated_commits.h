// Events that Redis has and that are committed when replicas have them too: what becomes of them
// when both have answered (docs/decisions/0007-replicated-acks.md).
//
// Owner: Appender. Thread: its.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "core/channel/append_queue.h"
#include "core/channel/append_sink.h"
#include "core/channel/position.h"
#include "core/channel/replica_barrier.h"

namespace spanwire::channel {

class ReplicatedCommits final {
 public:
  // What one sending of a call has to learn of replicas.
  struct Question;

  // All outlive this object. `replicas` may be null when nobody asks.
  ReplicatedCommits(ReplicaBarrier* replicas, AppendLedger* ledger, AppenderListener* listener)
      : replicas_(replicas), ledger_(ledger), listener_(listener) {}
  ReplicatedCommits(const ReplicatedCommits&) = delete;
  ReplicatedCommits& operator=(const ReplicatedCommits&) = delete;

  // Asks about the call that was sent just now. A question to which nothing is added concerns
  // nobody: the call was refused, and its next sending asks again.
  std::shared_ptr<Question> Ask();
  // The call was answered: this event of it is in the log. Its bytes are let go of.
  void Add(Question* question, AppendItem item, absl::optional<Position> position);
  // All events were added.
  void Close(Question* question, absl::string_view channel);
  // The connection was lost: nobody hears anything of what was asked.
  void Clear();

  // Events that replicas have, and that they did not have in time.
  uint64_t replicated() const { return replicated_; }
  uint64_t unreplicated() const { return unreplicated_; }

 private:
  void Conclude(Question* question);
  void Fail(Question* question, const absl::Status& why);

  ReplicaBarrier* const replicas_;
  AppendLedger* const ledger_;
  AppenderListener* const listener_;
  uint64_t replicated_ = 0;
  uint64_t unreplicated_ = 0;
  // What answers that may outlive this, or that are of an older connection, hold weakly.
  std::shared_ptr<char> connection_ = std::make_shared<char>();
};

}  // namespace spanwire::channel
