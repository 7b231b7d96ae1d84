#include "bridge/subscription.h"

#include <utility>

#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

size_t Bytes(const FrameEntry& entry) { return entry.body ? entry.body->bytes() : 0; }

}  // namespace

Subscription::Subscription(Hub* hub, Listener* listener, const Command& command)
    : hub_(hub),
      listener_(listener),
      command_id_(command.id),
      after_(command.after),
      last_(command.last),
      since_(command.since),
      from_start_(command.from_start),
      types_(command.types),
      follower_(this, limits::kSessionQueueEntries) {
  topic_ = hub_->Join(command.channel, this);
}

Subscription::~Subscription() { hub_->Leave(topic_, this); }

void Subscription::Start() {
  if (topic_->position) OnTopicStarted();
}

// A subscription begins only once its feed has a position.
void Subscription::OnTopicStarted() {
  if (std::exchange(begun_, true)) return;
  if (after_) {
    told_ = *after_;
    follower_.StartAfter(*after_);
  } else if (last_) {
    follower_.StartAtLast(*last_);
  } else if (since_) {
    follower_.StartSince(*since_);
  } else if (from_start_) {
    follower_.StartAtOldest();
  } else {
    follower_.StartLive(*topic_->position);
    OnLive();
  }
}

void Subscription::OnTopicRefused(const absl::Status& why) { listener_->OnRefused(this, why); }

void Subscription::OnEvent(const FrameEntry& entry) {
  if (!begun_) return;
  if (listener_->congested()) {
    behind_ = true;
    return;
  }
  queued_bytes_ = follower_.reading() ? queued_bytes_ + Bytes(entry) : 0;
  if (queued_bytes_ > limits::kSessionQueueBytes) {
    queued_bytes_ = 0;
    return follower_.DropQueue();
  }
  follower_.Offer(entry);
}

void Subscription::OnTransient(const FramePtr& frame) {
  if (!begun_ || !types_.Shows(frame->json())) return;
  if (up_to_date()) return listener_->OnTransient(this, frame);
  if (!listener_->conflates()) return;
  absl::optional<ConflationKey> key = ConflationKeyOf(*frame);
  if (!key) return;
  // Too large a one is left out, and the older one with it: it is not the newest any more.
  if (frame->json().size() > limits::kHeldTransientBytes) return transient_.Forget(*key);
  if (transient_.size() < limits::kHeldTransients || transient_.Has(*key))
    transient_.Add(absl::nullopt, frame, std::move(key));
}

void Subscription::ShowHeld() {
  if (!up_to_date()) return;
  for (const Conflation::Item& item : transient_.Take()) listener_->OnTransient(this, item.Made());
}

// What the feed sends behind its gap speaks for those who were told of the gap's end; a
// subscription that reads past it for itself may have been shown nothing on the way.
void Subscription::OnFeedGap(const channel::Gap& gap) {
  if (!begun_) return;
  if (behind_ || listener_->congested()) {
    behind_ = true;
    passed_gap_ = true;
    return;
  }
  if (follower_.reading() || follower_.last() != gap.after) passed_gap_ = true;
  follower_.OfferGap(gap);
}

// There was room when the page was asked for; if other events took it meanwhile, the page waits.
void Subscription::OnPage(FramePage page) {
  if (!listener_->congested()) return TakePage(std::move(page));
  held_ = std::move(page);
  slow_ = true;
}

void Subscription::TakeHeldPage() {
  if (held_) TakePage(*std::exchange(held_, absl::nullopt));
}

// What is too much at once is asked for again: the rows that do not fit.
void Subscription::TakePage(FramePage page) {
  size_t bytes = 0;
  for (size_t i = 0; i < page.rows.size(); ++i) {
    bytes += Bytes(page.rows[i]);
    if (i > 1 && bytes > limits::kSessionPageBytes) {
      page.rows.resize(i);
      page.full = true;
    }
  }
  follower_.OnPage(std::move(page));
  listener_->OnPageTaken(this);
}

void Subscription::OnOverflow(bool unanswered) {
  if (!begun_) return;  // it waits for the feed's position, which will be told again
  passed_gap_ = true;   // the feed may have told of one
  if (unanswered) ReadPage();
  if (follower_.reading()) {
    // Of what waits for the Read, some may be missing.
    queued_bytes_ = 0;
    follower_.DropQueue();
  } else if (listener_->congested()) {
    behind_ = true;
  } else {
    follower_.Verify();
  }
}

void Subscription::CatchUp() {
  if (follower_.reading()) slow_ = true;
  if (!std::exchange(behind_, false)) return ShowHeld();
  slow_ = true;
  follower_.Verify();
}

void Subscription::TellPosition() {
  if (!live_ || follower_.reading() || told_ == *follower_.last()) return;
  told_ = *follower_.last();
  listener_->OnPosition(this);
}

// $subscribed waits for the first answer, so that it can say whether what was missed can be had.
void Subscription::SendSubscribed(bool recovered) {
  if (std::exchange(subscribed_, true)) return;
  absl::optional<bool> said;
  if (after_) said = recovered;
  listener_->OnSubscribed(this, said);
}

void Subscription::OnAsk(const channel::Ask& ask) {
  ShowRefill();
  asked_ = ask;
  if (ask.after) asked_.told = told_;
  if (listener_->congested()) slow_ = true;
  listener_->OnWantsPage(this);
}

void Subscription::ReadPage() { reader_ = hub_->Read(*topic_, this, asked_); }

void Subscription::OnStart(channel::Position position) {
  told_ = position;
  SendSubscribed(true);
}

void Subscription::OnEntry(FrameEntry& entry) {
  SendSubscribed(true);
  if (!entry.body || !types_.Shows(entry.body->json())) return;  // not for this view
  if (slow_ && listener_->conflates()) {
    return refill_.Add(entry.position, entry.body, ConflationKeyOf(*entry.body));
  }
  // Everybody's `prev` does not pass what only this view hides.
  Show(entry.position, entry.body, !types_.everything() && told_ != entry.position.Before());
}

// `passed`: its `prev` is not right for this subscription.
void Subscription::Show(channel::Position position, const FramePtr& frame, bool passed) {
  const FramePtr shown = passed ? topic_->Bridge(frame, told_) : frame;
  told_ = position;
  listener_->OnEvent(this, shown);
}

void Subscription::ShowRefill() {
  for (const Conflation::Item& item : refill_.Take()) {
    Show(*item.position, item.Made(), told_ != item.position->Before());
  }
}

void Subscription::OnGap(const channel::Gap& gap) {
  ShowRefill();
  SendSubscribed(false);
  channel::Gap said = gap;
  said.after = told_;
  if (slow_ && gap.reason == channel::GapReason::kTrimmed) said.reason = channel::GapReason::kSlow;
  told_ = gap.position;
  listener_->OnGap(this, said);
}

void Subscription::OnLive() {
  ShowRefill();
  slow_ = false;
  const bool passed_gap = std::exchange(passed_gap_, false);
  if (!std::exchange(live_, true)) {
    SendSubscribed(true);
    told_ = *follower_.last();
    listener_->OnLive(this);
  } else if (passed_gap) {
    TellPosition();
  }
  ShowHeld();
}

}  // namespace spanwire::bridge
