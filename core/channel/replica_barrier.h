// Tells when replicas have what was written: acknowledgement level `replicated`
// (docs/decisions/0007-replicated-acks.md).
//
// WAIT holds up all that follows on its connection, and speaks of that connection's own writes. So
// it has a connection to itself, and a marker joins the two: a key that counts up, set on the
// connection of the writes right behind them, then found, and written again, on the other one
// before WAIT. Replication is one stream. So a replica that has the second writing of the marker
// has the first, and the writes before it; and a server without the marker, whichever the second
// connection has come to, does not have those writes.
//
// One WAIT is under way at a time; what is marked meanwhile shares the next one.
//
// Owner: Broker. Thread: the redis loop's only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/executor.h"
#include "core/base/limits.h"
#include "core/redis/commands.h"

namespace spanwire::channel {

class ReplicaBarrier final {
 public:
  struct Options {
    uint32_t replicas = 1;  // that must have a write, at least 1
    absl::Duration timeout = limits::kReplicationTimeout;
  };
  using Done = absl::AnyInvocable<void(const absl::Status&)>;

  // `writes` is the connection of the writes, `waits` one that nobody else uses; `marker` is a key
  // of nobody else's. All outlive the barrier.
  ReplicaBarrier(base::Executor* executor, redis::Commands* writes, redis::Commands* waits,
                 std::string marker, Options options);
  ReplicaBarrier(const ReplicaBarrier&) = delete;
  ReplicaBarrier& operator=(const ReplicaBarrier&) = delete;

  // Asks about everything that was called on `writes` before this. `done` is never called from
  // within:
  //   OK           enough replicas have what Redis executed of it
  //   UNAVAILABLE  it cannot be said that they have: too few within the timeout (which begins when
  //                the WAIT before is over), or the reason why they could not be asked
  // It is not called at all once `writes` was lost, or after Clear. When the data set turns out to
  // be another one, `writes` is given up.
  void Await(Done done);
  // The connection of the writes was lost: forgets what it was asked, begins a new connection too.
  void Clear();

 private:
  // Whether this is still there, and was not cleared since.
  absl::AnyInvocable<bool() const> Still() const;
  void OnMarked(uint64_t marker, absl::StatusOr<redis::Reply> reply, Done done);
  void StartSoon();
  void Start();
  absl::Status Found(uint64_t least, const absl::StatusOr<redis::Reply>& reply);
  absl::Status Reached(const absl::StatusOr<redis::Reply>& reply) const;
  void Finish(const absl::Status& status);

  base::Executor* const executor_;
  redis::Commands* const writes_;
  redis::Commands* const waits_;
  const std::string key_;
  const Options options_;
  uint64_t marker_ = 0;        // the newest one
  uint64_t ready_marker_ = 0;  // the newest one of those who are ready
  std::vector<Done> ready_;    // marked, for the next WAIT
  std::vector<Done> waiting_;  // of the WAIT under way
  absl::Status found_;         // what looking for the marker gave
  bool busy_ = false;          // a WAIT is under way, or about to be
  uint64_t generation_ = 0;    // counts Clear
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace spanwire::channel
