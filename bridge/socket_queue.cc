#include "bridge/socket_queue.h"

#include <algorithm>
#include <utility>

#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

constexpr size_t kFirstCapacity = 8;
// A ring that a burst made larger than this is given back when it is empty.
constexpr size_t kKeptCapacity = 64;
static_assert(limits::kPongs >= 2,
              "the newest of two pongs is never the front item, which may have been begun");

}  // namespace

void SocketQueue::Push(FramePtr frame) {
  const absl::string_view bytes = frame->websocket();
  Add(Item{std::move(frame), bytes});
}

void SocketQueue::PushPart(FramePtr frame, absl::string_view part) {
  Add(Item{std::move(frame), part});
}

void SocketQueue::Push(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  const absl::string_view view = *owner;
  Add(Item{std::move(owner), view});
}

void SocketQueue::PushPong(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  const absl::string_view view = *owner;
  Item pong{std::move(owner), view, true};
  if (pongs_ < limits::kPongs) {
    newest_pong_ = popped_ + size_;
    ++pongs_;
    return Add(std::move(pong));
  }
  Item& newest = At(newest_pong_ - popped_);
  bytes_ = bytes_ - newest.bytes.size() + pong.bytes.size();
  newest = std::move(pong);
}

void SocketQueue::Add(Item item) {
  if (item.bytes.empty()) return;
  if (size_ == ring_.size()) Grow();
  bytes_ += item.bytes.size();
  ++size_;
  At(size_ - 1) = std::move(item);
}

void SocketQueue::Grow() {
  std::vector<Item> larger(std::max(kFirstCapacity, ring_.size() * 2));
  for (size_t i = 0; i < size_; ++i) larger[i] = std::move(At(i));
  ring_ = std::move(larger);
  head_ = 0;
}

size_t SocketQueue::Gather(iovec* buffers, size_t most) const {
  const size_t count = std::min(most, size_);
  for (size_t i = 0; i < count; ++i) {
    absl::string_view bytes = At(i).bytes;
    if (i == 0) bytes.remove_prefix(begun_);
    buffers[i] = iovec{const_cast<char*>(bytes.data()), bytes.size()};
  }
  return count;
}

void SocketQueue::Consume(size_t bytes) {
  bytes_ -= bytes;
  begun_ += bytes;
  while (size_ > 0 && begun_ >= At(0).bytes.size()) {
    begun_ -= At(0).bytes.size();
    PopFront();
  }
  if (size_ == 0 && ring_.size() > kKeptCapacity) {
    ring_ = std::vector<Item>();
    head_ = 0;
  }
}

void SocketQueue::PopFront() {
  Item& front = At(0);
  if (front.pong) --pongs_;
  front.owner.reset();
  head_ = (head_ + 1) & (ring_.size() - 1);
  --size_;
  ++popped_;
}

void SocketQueue::DropUnsent() {
  const size_t kept = begun_ > 0 ? 1 : 0;
  while (size_ > kept) {
    Item& last = At(size_ - 1);
    bytes_ -= last.bytes.size();
    if (last.pong) --pongs_;
    last.owner.reset();
    --size_;
  }
}

}  // namespace spanwire::bridge
