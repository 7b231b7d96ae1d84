#include "bridge/session.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/control.h"
#include "core/base/limits.h"
#include "core/base/random.h"

namespace spanwire::bridge {

Session::Session(Hub* hub, const channel::Names* names, Transport* transport,
                 const Options& options)
    : hub_(hub), names_(names), transport_(transport), pings_(options.pings) {
  sent_ = positions_ = hub_->executor()->Uptime();
  hub_->Add(this);
  Reply(HelloControl(options.connection));
  for (const std::string& channel : options.channels) {
    Command command;
    command.kind = Command::Kind::kSubscribe;
    command.channel = channel;
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
  }
}

void Session::OnDrained() {
  reply_bytes_ = 0;
  for (Subscription* subscription : std::vector<Subscription*>(reading_)) {
    if (!transport_->congested()) subscription->TakeHeldPage();
  }
  for (const auto& [channel, subscription] : subscriptions_) subscription->CatchUp();
  ReadNext();
}

void Session::OnWantsPage(Subscription* subscription) {
  wanting_.push_back(subscription);
  // Who asks on while it takes a page gives others their turn first.
  if (!std::count(reading_.begin(), reading_.end(), subscription)) ReadNext();
}

void Session::OnPageTaken(Subscription* subscription) {
  std::erase(reading_, subscription);
  ReadNext();
}

void Session::ReadNext() {
  while (!wanting_.empty() && reading_.size() < limits::kSessionReads && !transport_->congested()) {
    Subscription* const next = wanting_.front();
    wanting_.pop_front();
    reading_.push_back(next);
    next->ReadPage();
  }
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

void Session::Drain(absl::Duration window) {
  static thread_local std::mt19937_64 random(base::FreshSeed());
  const int64_t after_ms =
      std::uniform_int_distribution<int64_t>(0, absl::ToInt64Milliseconds(window))(random);
  transport_->Close(CloseCode::kDrain, "unavailable", absl::Milliseconds(after_ms));
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

void Session::OnRefused(Subscription* subscription, const absl::Status& why) {
  ReplyError(subscription->command_id(), subscription->channel(), why);
  End(subscription);
}

void Session::End(Subscription* subscription) {
  std::erase(wanting_, subscription);
  std::erase(reading_, subscription);
  subscriptions_.erase(std::string(subscription->channel()));
  ReadNext();
}

bool Session::SendFrame(FramePtr frame) {
  sent_ = hub_->executor()->Uptime();
  return transport_->Send(std::move(frame));
}

void Session::Reply(absl::string_view json) {
  if (transport_->congested()) reply_bytes_ += json.size();
  SendFrame(Frame::Make(json));
}

void Session::ReplyError(absl::optional<int64_t> id, absl::optional<absl::string_view> channel,
                         const absl::Status& why) {
  Reply(ErrorControl(id, channel, why));
}

}  // namespace spanwire::bridge
