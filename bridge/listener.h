// Accepts browsers' connections on one address and deals them out to the connection loops, in turn.
//
// Over the connection limit, and when file descriptors run out, a client is told 503 and closed.
//
// Owner: the bridge's server. Thread: the loop that it is given; Start also before that loop runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "bridge/connection_loop.h"
#include "core/base/acceptor.h"
#include "core/base/address.h"
#include "core/base/loop.h"

namespace spanwire::bridge {

class Listener final : private base::Acceptor::Handler {
 public:
  // `loop` and `loops` outlive it. `connections`: the most at once, over all loops.
  Listener(base::Loop* loop, std::vector<ConnectionLoop*> loops,
           size_t connections = limits::kConnections);
  ~Listener() override;

  // As base::Acceptor's.
  absl::Status Start(const base::Address& address) { return acceptor_.Start(address); }
  void Stop() { acceptor_.Stop(); }
  const base::Address& address() const { return acceptor_.address(); }

  // From any thread.
  uint64_t accepted() const { return acceptor_.accepted(); }
  uint64_t refused() const { return acceptor_.refused(); }

 private:
  bool Admits(const base::FileDescriptor& fd) override;
  void OnConnection(base::FileDescriptor fd) override;
  void OnRefused(const base::FileDescriptor& fd) override;

  base::Loop* const loop_;
  const std::vector<ConnectionLoop*> loops_;
  const size_t connections_;
  size_t next_loop_ = 0;
  base::Acceptor acceptor_;
};

}  // namespace spanwire::bridge
