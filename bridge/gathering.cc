#include "bridge/gathering.h"

#include <algorithm>
#include <utility>

#include "bridge/control.h"
#include "core/base/limits.h"

namespace spanwire::bridge {

Gathering::Gathering(Hub* hub, std::vector<Command> channels, size_t most,
                     absl::AnyInvocable<void()> on_change)
    : hub_(hub),
      commands_(std::move(channels)),
      most_(most),
      on_change_(std::make_shared<absl::AnyInvocable<void()>>(std::move(on_change))),
      turns_([this] { return full_; }),
      channels_(commands_.size()) {
  for (const Command& command : commands_) cursor_.push_back(command.after);
  for (size_t i = 0; i < commands_.size(); ++i) {
    channels_[i].subscription = std::make_unique<Subscription>(hub_, this, commands_[i]);
    channels_[i].subscription->slot = i;
    channels_[i].subscription->Start();
  }
}

Gathering::~Gathering() = default;

bool Gathering::complete() const {
  return full_ || std::all_of(channels_.begin(), channels_.end(), [](const Channel& channel) {
           return channel.live || channel.stopped;
         });
}

bool Gathering::more() const {
  return full_ || std::any_of(channels_.begin(), channels_.end(),
                              [](const Channel& channel) { return channel.stopped; });
}

void Gathering::TellPositions() {
  for (Channel& channel : channels_) {
    if (channel.subscription != nullptr) channel.subscription->TellPosition();
  }
}

// What is not taken must not be passed by the cursor.
bool Gathering::Takes(const Subscription& subscription) const {
  return !full_ && !channels_[subscription.slot].stopped;
}

void Gathering::Keep(const FramePtr& frame) {
  const size_t bytes = frame->json().size();
  frames_.push_back(frame);
  bytes_ += bytes;
  if (frames_.size() >= most_ || bytes_ >= limits::kPollBytes) full_ = true;
  Change();
}

void Gathering::OnSubscribed(Subscription* subscription, absl::optional<bool>) {
  if (!Takes(*subscription)) return;
  cursor_[subscription->slot] = subscription->told();
}

void Gathering::OnEvent(Subscription* subscription, const FramePtr& frame) {
  if (!Takes(*subscription)) return;
  cursor_[subscription->slot] = subscription->told();
  channels_[subscription->slot].events = true;
  Keep(frame);
}

void Gathering::OnTransient(Subscription* subscription, const FramePtr& frame) {
  const bool follows = commands_[subscription->slot].kind == Command::Kind::kSubscribe;
  if (follows && Takes(*subscription)) Keep(frame);
}

void Gathering::OnGap(Subscription* subscription, const channel::Gap& gap) {
  if (!Takes(*subscription)) return;
  Channel& channel = channels_[subscription->slot];
  if (channel.events) {
    channel.stopped = true;
  } else {
    losses_.push_back({subscription->slot, gap});
    cursor_[subscription->slot] = gap.position;
  }
  Change();
}

void Gathering::OnLive(Subscription* subscription) {
  channels_[subscription->slot].live = true;
  OnPosition(subscription);
  Change();
}

void Gathering::OnPosition(Subscription* subscription) {
  if (Takes(*subscription)) cursor_[subscription->slot] = subscription->told();
}

void Gathering::OnRefused(Subscription* subscription, const absl::Status& why) {
  if (status_.ok()) status_ = OfChannel(why, subscription->channel());
  turns_.Forget(subscription);
  channels_[subscription->slot].live = true;
  channels_[subscription->slot].subscription.reset();
  Change();
}

void Gathering::Change() {
  if (change_) return;
  change_ = hub_->executor()->After(absl::ZeroDuration(), [this] {
    const auto on_change = on_change_;  // it may destroy this
    change_.reset();
    (*on_change)();
  });
}

}  // namespace spanwire::bridge
