// Accepts connections on one address, whatever runs out: neither spins nor goes deaf.
//
// When file descriptors are used up, a spare one is given up to take one client out of the queue,
// so that it can be told; where even that fails, accepting pauses for a moment.
//
// Owner: whoever serves the connections. Thread: the loop that it is given; Start also before that
// loop runs, Stop also when it no longer does.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "core/base/address.h"
#include "core/base/file_descriptor.h"
#include "core/base/loop.h"

namespace spanwire::base {

class Acceptor {
 public:
  // Who takes the connections. Called on the loop.
  class Handler {
   public:
    virtual ~Handler() = default;
    // Whether this connection, of those that are accepted, may stay: the bound is the handler's.
    virtual bool Admits(const FileDescriptor& fd) = 0;
    // A connection, non-blocking.
    virtual void OnConnection(FileDescriptor fd) = 0;
    // One that may not stay, or for which there was no descriptor but the spare one. It is closed
    // when this returns.
    virtual void OnRefused(const FileDescriptor& fd) = 0;
  };

  // Both outlive it.
  Acceptor(Loop* loop, Handler* handler);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Binds and listens. A unix socket's file that nobody answers on is replaced; anything else at
  // the path is left alone. Errors: INVALID_ARGUMENT (a host that does not resolve), UNAVAILABLE
  // (in use, no right …), naming the address.
  absl::Status Start(const Address& address);
  // Accepts no more; a unix socket's file is removed. Connections stay. Also the destructor's.
  void Stop();

  // With the port that the system chose. After Start.
  const Address& address() const { return address_; }

  // From any thread.
  uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  class Listening;
  void OnReadable();
  // False: out of descriptors or memory, wait a while.
  bool AcceptOne(bool* more);
  bool RefuseWithSpare();
  void Refuse(const FileDescriptor& fd);

  Loop* const loop_;
  Handler* const handler_;
  Address address_;
  std::shared_ptr<Listening> listening_;
  FileDescriptor spare_;
  Executor::Timer pause_;
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace spanwire::base
