// Accepts browsers' connections on one address and deals them out to the connection loops, in turn.
//
// Over the connection limit a client is told 503 and closed. When file descriptors run out, a spare
// one is given up to tell the client the same, so that the listener neither spins nor goes deaf.
//
// Owner: the bridge's server. Thread: the loop that it is given; Start also before that loop runs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "bridge/connection_loop.h"
#include "core/base/address.h"
#include "core/base/loop.h"

namespace spanwire::bridge {

class Listener {
 public:
  // `loop` and `loops` outlive it. `connections`: the most at once, over all loops.
  Listener(base::Loop* loop, std::vector<ConnectionLoop*> loops,
           size_t connections = limits::kConnections);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Binds and listens. A unix socket's file that nobody answers on is replaced; anything else at
  // the path is left alone. Errors: INVALID_ARGUMENT (a host that does not resolve), UNAVAILABLE
  // (in use, no right …), naming the address.
  absl::Status Start(const base::Address& address);
  // Accepts no more; a unix socket's file is removed. Connections stay. Also the destructor's.
  void Stop();

  // With the port that the system chose. After Start.
  const base::Address& address() const { return address_; }

  // From any thread.
  uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  class Acceptor;
  void OnReadable();
  // False: out of descriptors or memory, wait a while.
  bool AcceptOne(bool* more);
  bool RefuseWithSpare();
  void Refuse(FileDescriptor fd);
  void Deal(FileDescriptor fd);

  base::Loop* const loop_;
  const std::vector<ConnectionLoop*> loops_;
  const size_t connections_;
  base::Address address_;
  std::shared_ptr<Acceptor> acceptor_;
  FileDescriptor spare_;
  base::Executor::Timer pause_;
  size_t next_loop_ = 0;
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace spanwire::bridge
