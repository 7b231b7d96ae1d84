#include "clients/cpp/window.h"

#include <algorithm>
#include <utility>

namespace spanwire::client {
namespace {

// PublishStreamRequest { Batch batch = 2 { uint64 first_sequence = 1; repeated Event events = 2 }
// }, by hand: the events are encoded already, once, when they are published.
constexpr char kLengthDelimited2 = 0x12;
constexpr char kVarint1 = 0x08;
constexpr size_t kFrameSlack = 32;  // two tags and two varints at most

size_t VarintSize(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

size_t Smaller(size_t ours, uint32_t theirs) {
  return theirs == 0 ? ours : std::min<size_t>(ours, theirs);
}

}  // namespace

size_t Window::Framed(const Entry& entry) {
  return 1 + VarintSize(entry.event.size()) + entry.event.size();
}

bool Window::HasRoom(size_t event_bytes) const {
  return entries_.size() < bounds_.events && bytes_ + event_bytes <= bounds_.bytes;
}

uint64_t Window::Push(std::string event) {
  bytes_ += event.size();
  entries_.push_back({std::move(event)});
  return end() - 1;
}

void Window::Rewind() {
  next_ = first_;
  credits_ = 0;
}

void Window::LimitBatch(uint32_t events, uint32_t bytes) {
  batch_events_ = Smaller(kBatchEvents, events);
  batch_bytes_ = Smaller(kBatchBytes, bytes);
}

bool Window::Sendable() const {
  if (Isolating() && in_flight() > 0) return false;
  return next_ < end() && in_flight() < credits_;
}

std::string Window::TakeBatch() {
  if (!Sendable()) return {};
  const size_t room = Isolating() ? 1 : std::min<size_t>(batch_events_, credits_ - in_flight());
  const uint64_t batch_end = std::min(end(), next_ + room);
  size_t body = 1 + VarintSize(next_);
  uint64_t stop = next_;
  for (; stop < batch_end; ++stop) {
    const size_t framed = Framed(entries_[stop - first_]);
    if (stop > next_ && body + framed + kFrameSlack > batch_bytes_) break;
    body += framed;
  }

  std::string frame;
  frame.reserve(body + kFrameSlack);
  frame.push_back(kLengthDelimited2);
  AppendVarint(body, &frame);
  frame.push_back(kVarint1);
  AppendVarint(next_, &frame);
  for (uint64_t sequence = next_; sequence < stop; ++sequence) {
    const std::string& event = entries_[sequence - first_].event;
    frame.push_back(kLengthDelimited2);
    AppendVarint(event.size(), &frame);
    frame += event;
  }
  if (next_ < ever_sent_) resent_ += std::min(stop, ever_sent_) - next_;
  next_ = stop;
  ever_sent_ = std::max(ever_sent_, next_);
  return frame;
}

void Window::PopFront() {
  bytes_ -= entries_.front().event.size();
  entries_.pop_front();
  ++first_;
}

bool Window::Acknowledge(uint64_t sequence) {
  if (sequence >= next_) return false;
  while (first_ <= sequence) {
    if (!entries_.front().nacked) ++acked_;
    PopFront();
  }
  return true;
}

bool Window::Nack(uint64_t sequence) {
  if (sequence < first_ || sequence >= next_) return false;
  Entry& entry = entries_[sequence - first_];
  if (entry.nacked) return false;
  entry.nacked = true;
  ++nacked_;
  return true;
}

void Window::Suspect() { suspects_end_ = std::max(suspects_end_, next_); }

uint64_t Window::DropCulprit() {
  if (!Isolating() || in_flight() != 1) return 0;
  const uint64_t sequence = first_;
  if (!entries_.front().nacked) ++nacked_;
  PopFront();
  return sequence;
}

}  // namespace spanwire::client
