// One browser's subscription to one channel: follows the feed, refills itself from the log when it
// was behind, and tells its listener what the protocol says ($subscribed, events, $gap, $live,
// $position) in the right order.
//
// A congested transport is not fed: the subscription keeps its position and reads on from there
// when the transport drains. Its listener says when: few of its subscriptions read at a time. What
// is read then is conflated, page by page, and so are transient events meanwhile.
// Owner: a Session or a Gathering. Thread: its connection loop.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "bridge/command.h"
#include "bridge/conflation.h"
#include "bridge/delivery.h"
#include "bridge/hub.h"
#include "bridge/transport.h"
#include "core/channel/follower.h"

namespace spanwire::bridge {

class Subscription final : private channel::Follower<FramePtr>::Owner {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // What is to be told, in this order; told() is the position behind it. `recovered`: with a
    // start after a position only.
    virtual void OnSubscribed(Subscription* subscription, absl::optional<bool> recovered) = 0;
    virtual void OnEvent(Subscription* subscription, const FramePtr& frame) = 0;
    virtual void OnGap(Subscription* subscription, const channel::Gap& gap) = 0;
    virtual void OnLive(Subscription* subscription) = 0;
    virtual void OnPosition(Subscription* subscription) = 0;
    // At any time; it has no position.
    virtual void OnTransient(Subscription* subscription, const FramePtr& frame) = 0;
    // Whether there is no room for events now.
    virtual bool congested() const = 0;
    // Whether events may be conflated when there was none.
    virtual bool conflates() const { return false; }
    // The subscription wants a page: ReadPage is to be called when its turn has come.
    virtual void OnWantsPage(Subscription* subscription) = 0;
    // What ReadPage brought has been sent.
    virtual void OnPageTaken(Subscription* subscription) = 0;
    // The channel cannot be followed: the subscription is over, and to be destroyed now.
    virtual void OnRefused(Subscription* subscription, const absl::Status& why) = 0;
  };

  // Will begin as `command` says (a subscribe, already checked). Both pointers outlive the
  // subscription.
  Subscription(Hub* hub, Listener* listener, const Command& command);
  ~Subscription() override;

  const std::string& channel() const { return topic_->channel; }
  const absl::optional<int64_t>& command_id() const { return command_id_; }
  // What the browser was told last.
  channel::Position told() const { return told_; }
  // Its number among the listener's, given by it.
  size_t slot = 0;

  // The number of the page that it waits for, or of the last one; 0: there was none.
  uint64_t reader() const { return reader_; }

  // Begins at once when others of this loop follow the channel already; else when the feed has a
  // position.
  void Start();

  // From the hub.
  void OnTopicStarted();
  void OnTopicRefused(const absl::Status& why);
  void OnEvent(const FrameEntry& entry);
  void OnTransient(const FramePtr& frame);
  void OnFeedGap(const channel::Gap& gap);
  void OnPage(FramePage page);
  // Something was lost between the feed and here. `unanswered`: so is the page that it waits for.
  void OnOverflow(bool unanswered);

  // From the session: this one's turn has come.
  void ReadPage();
  // The transport has room again. First for the pages that are held; then what was not taken
  // meanwhile is read.
  void TakeHeldPage();
  void CatchUp();
  // Tells how far it is, if nothing was to be shown for a while but events passed.
  void TellPosition();

 private:
  void TakePage(FramePage page);
  void SendSubscribed(bool recovered);
  void Show(channel::Position position, const FramePtr& frame, bool passed);
  void ShowRefill();
  void ShowHeld();
  bool up_to_date() const {
    return begun_ && !follower_.reading() && !behind_ && !listener_->congested();
  }
  void OnAsk(const channel::Ask& ask) override;
  void OnStart(channel::Position position) override;
  void OnEntry(FrameEntry& entry) override;
  void OnGap(const channel::Gap& gap) override;
  void OnLive() override;

  Hub* const hub_;
  Listener* const listener_;
  const absl::optional<int64_t> command_id_;
  const absl::optional<channel::Position> after_;
  const absl::optional<uint32_t> last_;
  const absl::optional<absl::Time> since_;
  const bool from_start_;
  const TypeFilter types_;
  channel::Follower<FramePtr> follower_;
  Hub::Topic* topic_ = nullptr;
  uint64_t reader_ = 0;
  bool begun_ = false;
  bool subscribed_ = false;  // $subscribed is sent
  bool live_ = false;        // $live is sent
  bool behind_ = false;      // an event was not taken, since the transport was congested
  bool slow_ = false;        // the Read under way is owed to that
  bool passed_gap_ = false;  // the feed told of a gap that was not passed on
  size_t queued_bytes_ = 0;  // at least what waits for the Read under way
  channel::Position told_;
  channel::Ask asked_;              // the page that is asked for, or is to be
  Conflation refill_;               // events of the page that is being taken
  Conflation transient_;            // transient events, while it is behind
  absl::optional<FramePage> held_;  // the page that came, until there is room for it
};

}  // namespace spanwire::bridge
