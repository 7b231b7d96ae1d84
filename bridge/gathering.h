// What some channels bring, gathered until it makes one answer: a poll's, or a history's. It
// follows each channel by a Subscription, as a session does, and stops where the answer must stop:
// at its bounds, and before a gap that comes behind events.
//
// Owner: a Poll or a History. Thread: one connection loop.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "bridge/command.h"
#include "bridge/cursor.h"
#include "bridge/frame.h"
#include "bridge/hub.h"
#include "bridge/page_turns.h"
#include "bridge/subscription.h"
#include "core/base/executor.h"

namespace spanwire::bridge {

class Gathering final : public Subscription::Listener {
 public:
  struct Loss {
    size_t channel = 0;  // its index
    channel::Gap gap;
  };

  // `channels`: subscribes, checked, without repeats. `most`: events of the answer. `on_change`
  // comes in a turn of its own, once for all that changed; it may destroy this.
  Gathering(Hub* hub, std::vector<Command> channels, size_t most,
            absl::AnyInvocable<void()> on_change);
  ~Gathering() override;

  // Why a channel cannot be followed.
  const absl::Status& status() const { return status_; }
  // Everything up to now has been gathered, or as much as fits.
  bool complete() const;
  // There may be more than was gathered.
  bool more() const;
  // Looks for what passed without being shown: cursor() is then up to date.
  void TellPositions();

  const std::vector<Command>& commands() const { return commands_; }
  const std::vector<FramePtr>& frames() const { return frames_; }
  // Where to go on behind frames() and losses().
  const Cursor& cursor() const { return cursor_; }
  const std::vector<Loss>& losses() const { return losses_; }

 private:
  struct Channel {
    std::unique_ptr<Subscription> subscription;
    bool live = false;
    bool events = false;   // some were gathered
    bool stopped = false;  // nothing more is taken
  };

  void OnSubscribed(Subscription* subscription, absl::optional<bool> recovered) override;
  void OnEvent(Subscription* subscription, const FramePtr& frame) override;
  void OnGap(Subscription* subscription, const channel::Gap& gap) override;
  void OnLive(Subscription* subscription) override;
  void OnPosition(Subscription* subscription) override;
  void OnTransient(Subscription* subscription, const FramePtr& frame) override;
  bool congested() const override { return full_; }
  void OnWantsPage(Subscription* subscription) override { turns_.OnWantsPage(subscription); }
  void OnPageTaken(Subscription* subscription) override { turns_.OnPageTaken(subscription); }
  void OnRefused(Subscription* subscription, const absl::Status& why) override;

  bool Takes(const Subscription& subscription) const;
  void Keep(const FramePtr& frame);
  void Change();

  Hub* const hub_;
  const std::vector<Command> commands_;
  const size_t most_;
  const std::shared_ptr<absl::AnyInvocable<void()>> on_change_;
  PageTurns turns_;
  std::vector<Channel> channels_;
  std::vector<FramePtr> frames_;
  size_t bytes_ = 0;
  Cursor cursor_;
  std::vector<Loss> losses_;
  absl::Status status_;
  bool full_ = false;
  base::Executor::Timer change_;
};

}  // namespace spanwire::bridge
