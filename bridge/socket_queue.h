// What waits to be sent on one socket: shared frames and small buffers of its own, in order.
//
// A ring: in the steady state a push allocates nothing. Bounded by its user, which watches bytes().
// Thread: the connection's.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "bridge/frame.h"

namespace spanwire::bridge {

class SocketQueue {
 public:
  void Push(FramePtr frame);  // as WebSocket sends it
  void Push(std::string bytes);
  // A part of the frame's memory.
  void PushPart(FramePtr frame, absl::string_view part);
  // Bytes that outlive everything.
  void PushStatic(absl::string_view bytes) { Add(Item{nullptr, bytes}); }
  // A pong: when limits::kPongs of them wait already, it replaces the newest, as RFC 6455,
  // section 5.5.3, allows.
  void PushPong(std::string bytes);

  bool empty() const { return size_ == 0; }
  // Bytes that wait; items that wait.
  size_t bytes() const { return bytes_; }
  size_t size() const { return size_; }
  size_t capacity() const { return ring_.size(); }

  // Fills up to `most` buffers from the front; returns how many. They are valid until the next call
  // that changes the queue.
  size_t Gather(iovec* buffers, size_t most) const;
  // The first `bytes` of what waits were accepted.
  void Consume(size_t bytes);
  // Drops everything of which no byte was accepted yet.
  void DropUnsent();

 private:
  struct Item {
    std::shared_ptr<const void> owner;
    absl::string_view bytes;
    bool pong = false;
  };
  Item& At(size_t i) { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  const Item& At(size_t i) const { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  void Add(Item item);
  void PopFront();
  void Grow();

  std::vector<Item> ring_;  // its size is 0 or a power of two
  size_t head_ = 0;
  size_t size_ = 0;
  size_t begun_ = 0;  // bytes of the front item that were accepted
  size_t bytes_ = 0;
  size_t pongs_ = 0;
  uint64_t popped_ = 0;       // items so far
  uint64_t newest_pong_ = 0;  // its number among all items
};

}  // namespace spanwire::bridge
