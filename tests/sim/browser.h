// A browser: one subscription to one channel, on a simulated socket to one of the bridges. It
// resumes after what it saw last, wherever it reconnects, and reads as fast or as slowly as it is
// told.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "bridge/session.h"
#include "bridge/transport.h"
#include "tests/sim/redis_model.h"
#include "tests/sim/truth.h"
#include "tests/sim/wire.h"

namespace spanwire::sim {

class BridgeNode;

class Browser final : private bridge::Transport {
 public:
  enum class Begin { kNow, kStart, kLast };

  // `pick`: a bridge that may be connected to now, or null. `still_there`: whether everything after
  // a position is in the channel's log, so that no gap may be told.
  Browser(base::Executor* executor, Random* random, Truth* truth, const channel::Names* names,
          std::string name, std::string channel, Begin begin, std::function<BridgeNode*()> pick,
          std::function<bool(const std::string& channel, Position after)> still_there);
  ~Browser() override;

  // The socket breaks, or its bridge dies; it comes back a moment later.
  void Cut();
  void SetSlow(bool slow);
  BridgeNode* bridge() const { return bridge_; }
  bool live() const { return live_; }
  // Since when it is connected, and nothing is on its way to it that took long.
  absl::Duration well_since() const { return well_since_; }
  const Truth::View& view() const { return view_; }

 private:
  bool Send(bridge::FramePtr frame) override;
  void Advance(size_t, absl::optional<channel::Position>) override {}
  bool congested() const override { return congested_; }
  void Close(bridge::CloseCode code, absl::string_view why,
             absl::Duration reconnect_after) override;

  void Connect(absl::Duration delay);
  void Disconnect(absl::Duration reconnect_after);
  void Deliver();
  void Receive(absl::string_view json);

  base::Executor* const executor_;
  Random* const random_;
  Truth* const truth_;
  const channel::Names* const names_;
  const Begin begin_;
  const std::function<BridgeNode*()> pick_;
  const std::function<bool(const std::string&, Position)> still_there_;
  Truth::View view_;
  std::set<Position> seen_;  // ids of events, or of what they are copies of
  BridgeNode* bridge_ = nullptr;
  std::unique_ptr<Wire> down_;
  std::unique_ptr<bridge::Session> session_;
  size_t queued_ = 0;
  bool congested_ = false;
  bool slow_ = false;
  bool live_ = false;
  bool was_congested_ = false;  // on this connection
  absl::Duration well_since_ = absl::InfiniteDuration();
  base::Executor::Timer connecting_;
  std::shared_ptr<char> connection_;  // one a connection
};

}  // namespace spanwire::sim
