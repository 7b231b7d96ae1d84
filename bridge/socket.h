// One accepted connection's file descriptor, TCP or unix: reads into its loop's buffer, writes its
// queue by writev.
//
// Knows neither HTTP nor WebSocket. Nothing is written by a push: its connection asks for a place
// at the end of the turn (ConnectionLoop) and then calls Flush, so one writev takes what a turn of
// the loop gathered.
//
// Owner: its Connection, by shared_ptr because Asio's handlers hold it too. Thread: one connection
// loop.
#pragma once

#include <cstddef>
#include <memory>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "bridge/socket_queue.h"
#include "core/base/file_descriptor.h"

namespace spanwire::bridge {

// What the sockets of one loop share.
class FlushList {
 public:
  virtual ~FlushList() = default;
  // A coarse clock.
  virtual absl::Duration now() const = 0;
  virtual absl::Span<char> read_buffer() = 0;
  virtual void OnTraffic(size_t bytes_in, size_t bytes_out) = 0;
};

class Socket : public std::enable_shared_from_this<Socket> {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // Bytes from the peer; the handler may change them in place.
    virtual void OnBytes(absl::Span<char> bytes) = 0;
    // The peer sends no more.
    virtual void OnEnd() = 0;
    // The connection is gone; nothing more happens.
    virtual void OnBroken() = 0;
    // The queue became shorter, and not from within Flush.
    virtual void OnWritable() = 0;
  };

  // `fd` is non-blocking. `shared` and `handler` outlive it, or Close is called.
  Socket(asio::io_context& io, base::FileDescriptor fd, FlushList* shared, Handler* handler);
  ~Socket();

  // Whether bytes are read. It begins without.
  void SetReading(bool reading);

  SocketQueue& queue() { return queue_; }
  const SocketQueue& queue() const { return queue_; }

  // Writes as much as is accepted; the rest goes when the socket is writable again. False: the
  // connection is broken.
  bool Flush();
  // For sweeps: asks the kernel how much of what it took is still on its way. If that becomes less,
  // the peer makes progress and is alive, long before a full buffer counts as writable again or an
  // answer can come to what stands behind it. What has arrived at the peer altogether proves
  // nothing: its kernel takes that without it.
  void Watch();
  // How long bytes have been waiting without progress. Watches.
  absl::Duration StalledFor();
  // When the peer last showed life: by bytes, or by progress where there was a backlog.
  absl::Duration alive_at() const { return alive_at_; }

  // Nothing more is sent.
  void ShutdownWrite();
  // Ends it; the handler hears nothing any more. `abort`: what the kernel still holds is dropped.
  void Close(bool abort);
  bool open() const { return handler_ != nullptr; }

 private:
  void SetAlive();
  void WaitReadable();
  void OnReadable();
  bool Write();
  void WaitWritable();

  asio::posix::stream_descriptor descriptor_;
  FlushList* const shared_;
  Handler* handler_;  // null: closed
  SocketQueue queue_;
  bool reading_ = false;
  bool waiting_readable_ = false;
  bool blocked_ = false;        // the kernel's buffer is full
  int held_ = 0;                // by the kernel, when it was asked last since the last sign of life
  absl::Duration progress_at_;  // when bytes were last accepted, by the kernel or by the peer
  absl::Duration alive_at_;
};

}  // namespace spanwire::bridge
