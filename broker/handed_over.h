// The agents' connections that gRPC was given. It never tells when it has closed one, so each is
// known by its descriptor's number and its socket's inode: when these no longer belong together,
// it is gone.
//
// Owner: Server. Thread: the accepting one.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "core/base/limits.h"

namespace spanwire::broker {

class HandedOver {
 public:
  explicit HandedOver(size_t most = limits::kAgentConnections) : most_(most) {}

  // Whether one more may be handed over. Looks for closed ones only when the bound is reached, and
  // then at most every limits::kAcceptPause. `now` rises.
  bool HasRoom(absl::Duration now);
  void Add(int fd);

  // With those that were closed and not looked for yet.
  size_t size() const { return inodes_.size(); }

 private:
  const size_t most_;
  absl::flat_hash_map<int, ino_t> inodes_;  // by descriptor
  absl::Duration look_at_ = -absl::InfiniteDuration();
};

// Whether agents may have the descriptor of this number: the kernel gives out the lowest that is
// free, so one near the process's limit means that few are left.
bool LeavesReserve(int fd);

}  // namespace spanwire::broker
