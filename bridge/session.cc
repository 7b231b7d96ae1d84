#include "bridge/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/control.h"
#include "core/base/limits.h"

namespace spanwire::bridge {

Session::Session(Hub* hub, const channel::Names* names, Transport* transport,
                 const Options& options, CommandRunner* runner)
    : hub_(hub),
      names_(names),
      transport_(transport),
      runner_(runner),
      connection_(options.connection),
      pings_(options.pings),
      format_(options.format),
      turns_([this] { return congested(); }) {
  sent_ = positions_ = hub_->executor()->Uptime();
  hub_->Add(this);
  Reply(HelloControl(options.connection));
  for (const Command& command : options.commands) {
    transport_->Advance(slots_, command.after);
    Subscribe(command);
  }
}

Session::~Session() { hub_->Remove(this); }

void Session::OnText(absl::string_view text) {
  // Who asks without ever reading is cut off: its replies would pile up.
  if (transport_->congested() && reply_bytes_ > limits::kControlQueueBytes) {
    return transport_->Close(CloseCode::kSlow, "resource_exhausted", absl::ZeroDuration());
  }
  absl::optional<int64_t> id;
  const absl::StatusOr<Command> command = ParseCommand(text, &id);
  if (!command.ok()) return ReplyError(id, absl::nullopt, command.status());
  switch (command->kind) {
    case Command::Kind::kSubscribe:
      return Subscribe(*command);
    case Command::Kind::kUnsubscribe:
      return Unsubscribe(*command);
    case Command::Kind::kHistory:
    case Command::Kind::kPublish:
      return Run(*command);
  }
}

void Session::OnDrained() {
  slow_told_ = false;
  reply_bytes_ = 0;
  turns_.TakeHeld();
  for (const auto& [channel, subscription] : subscriptions_) subscription->CatchUp();
  turns_.Next();
}

void Session::OnTick() {
  const absl::Duration now = hub_->executor()->Uptime();
  if (now - positions_ >= limits::kPositionInterval) {
    positions_ = now;
    for (const auto& [channel, subscription] : subscriptions_) {
      if (!transport_->congested()) subscription->TellPosition();
    }
  }
  if (pings_ && now - sent_ >= limits::kPingInterval) Reply(PingControl());
}

void Session::OnDrain(absl::Duration after) {
  transport_->Close(CloseCode::kDrain, "unavailable", after);
}

void Session::Subscribe(const Command& command) {
  const absl::Status name = names_->CheckChannel(command.channel);
  if (!name.ok()) {
    return ReplyError(command.id, absl::nullopt,
                      absl::InvalidArgumentError(absl::StrCat("channel ", name.message())));
  }
  if (subscriptions_.contains(command.channel)) {
    return ReplyError(command.id, command.channel,
                      absl::AlreadyExistsError("this connection is subscribed to the channel"));
  }
  if (subscriptions_.size() >= limits::kSubscriptions) {
    return ReplyError(command.id, command.channel,
                      absl::ResourceExhaustedError(absl::StrCat(
                          "a connection has at most ", limits::kSubscriptions, " subscriptions")));
  }
  auto subscription = std::make_unique<Subscription>(hub_, this, command);
  Subscription& begun = *subscription;
  begun.slot = slots_++;
  subscriptions_.emplace(command.channel, std::move(subscription));
  begun.Start();
}

void Session::Unsubscribe(const Command& command) {
  const auto found = subscriptions_.find(command.channel);
  if (found == subscriptions_.end()) {
    absl::optional<absl::string_view> channel;
    if (names_->CheckChannel(command.channel).ok()) channel = command.channel;
    return ReplyError(command.id, channel,
                      absl::NotFoundError("this connection is not subscribed to the channel"));
  }
  End(found->second.get());
  Reply(UnsubscribedControl(command.id, command.channel));
}

void Session::Run(const Command& command) {
  if (runner_ == nullptr) {
    return ReplyError(command.id, absl::nullopt, absl::UnimplementedError("not supported here"));
  }
  if (calls_.size() >= limits::kCommands) {
    return ReplyError(command.id, absl::nullopt,
                      absl::ResourceExhaustedError(absl::StrCat(
                          limits::kCommands, " commands of this connection wait already")));
  }
  const uint64_t number = ++last_call_;
  absl::StatusOr<std::unique_ptr<Call>> call = runner_->Run(
      command, [this, number, id = command.id](const absl::StatusOr<std::string>& answer) {
        if (answer.ok()) {
          Reply(*answer);
        } else {
          ReplyError(id, absl::nullopt, answer.status());
        }
        calls_.erase(number);
      });
  if (!call.ok()) return ReplyError(command.id, absl::nullopt, call.status());
  calls_.emplace(number, *std::move(call));
}

void Session::OnRefused(Subscription* subscription, const absl::Status& why) {
  ReplyError(subscription->command_id(), subscription->channel(), why);
  End(subscription);
}

void Session::End(Subscription* subscription) {
  turns_.Forget(subscription);
  subscriptions_.erase(std::string(subscription->channel()));
}

void Session::OnSubscribed(Subscription* subscription, absl::optional<bool> recovered) {
  Tell(subscription, SubscribedControl(subscription->command_id(), subscription->channel(),
                                       subscription->told(), recovered));
}

void Session::OnEvent(Subscription* subscription, const FramePtr& frame) {
  transport_->Advance(subscription->slot, subscription->told());
  Send(InFormat(frame, format_));
}

void Session::OnGap(Subscription* subscription, const channel::Gap& gap) {
  Tell(subscription, GapControl(subscription->channel(), gap));
}

void Session::OnLive(Subscription* subscription) {
  Tell(subscription, LiveControl(subscription->channel(), subscription->told()));
}

void Session::OnPosition(Subscription* subscription) {
  Tell(subscription, PositionControl(subscription->channel(), subscription->told()));
}

void Session::OnTransient(Subscription*, const FramePtr& frame) { Send(InFormat(frame, format_)); }

void Session::Tell(Subscription* subscription, absl::string_view json) {
  transport_->Advance(subscription->slot, subscription->told());
  Send(MakeControl(json));
}

FramePtr Session::MakeControl(absl::string_view json) {
  return Frame::Make(format_ == Format::kCloudEvents
                         ? ControlCloudEvent(json, connection_, ++controls_)
                         : std::string(json));
}

void Session::Send(FramePtr frame) {
  sent_ = hub_->executor()->Uptime();
  const bool room = transport_->Send(std::move(frame));
  if (!room && !std::exchange(slow_told_, true)) transport_->Send(MakeControl(SlowControl()));
}

void Session::Reply(absl::string_view json) {
  if (transport_->congested()) reply_bytes_ += json.size();
  Send(MakeControl(json));
}

void Session::ReplyError(absl::optional<int64_t> id, absl::optional<absl::string_view> channel,
                         const absl::Status& why) {
  Reply(ErrorControl(id, channel, why));
}

}  // namespace spanwire::bridge
