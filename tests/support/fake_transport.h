// A Transport that keeps what it is sent, and is congested when the test says so. Single-threaded.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bridge/cursor.h"
#include "bridge/transport.h"

namespace spanwire::test {

class FakeTransport final : public bridge::Transport {
 public:
  bool Send(bridge::FramePtr frame) override {
    sent_.emplace_back(frame->json());
    return !congested_;
  }
  bool congested() const override { return congested_; }
  void Advance(size_t slot, absl::optional<channel::Position> position) override {
    if (slot >= cursor_.size()) cursor_.resize(slot + 1);
    cursor_[slot] = position;
  }
  void Close(bridge::CloseCode code, absl::string_view why,
             absl::Duration reconnect_after) override {
    closed_ = static_cast<int>(code);
    why_ = std::string(why);
    reconnect_after_ = reconnect_after;
  }

  // What was sent since the last call.
  std::vector<std::string> Sent() { return std::exchange(sent_, {}); }
  // What Advance said, as text.
  std::string cursor() const { return bridge::FormatCursor(cursor_); }
  void set_congested(bool congested) { congested_ = congested; }
  // The close code; 0: open.
  int closed() const { return closed_; }
  const std::string& why() const { return why_; }
  absl::Duration reconnect_after() const { return reconnect_after_; }

 private:
  std::vector<std::string> sent_;
  bridge::Cursor cursor_;
  bool congested_ = false;
  int closed_ = 0;
  std::string why_;
  absl::Duration reconnect_after_;
};

}  // namespace spanwire::test
