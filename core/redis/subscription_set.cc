#include "core/redis/subscription_set.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"

namespace spanwire::redis {
namespace {

absl::Status Mismatch(absl::string_view what) {
  return absl::InternalError(
      absl::StrCat("redis sent a ", what, " that does not fit what was asked"));
}

}  // namespace

SubscriptionSet::SubscriptionSet(PubSubListener* listener) : listener_(listener) {}

void SubscriptionSet::Subscribe(absl::string_view name) {
  auto [it, fresh] = channels_.try_emplace(std::string(name));
  Channel& channel = it->second;
  SetWanted(channel, true);
  // A confirmation that is under way is that of this call too.
  if (channel.awaited == 0) Enqueue(it->first, channel);
}

void SubscriptionSet::Unsubscribe(absl::string_view name) {
  const auto it = channels_.find(name);
  if (it == channels_.end() || !it->second.wanted) return;
  Channel& channel = it->second;
  SetConfirmed(channel, false);
  SetWanted(channel, false);
  channel.awaited = 0;
  if (!up_) {
    channels_.erase(it);
  } else {
    Enqueue(it->first, channel);
  }
}

void SubscriptionSet::OnUp() {
  up_ = true;
  std::vector<Channels::value_type*> channels;
  channels.reserve(channels_.size());
  for (Channels::value_type& entry : channels_) channels.push_back(&entry);
  std::sort(channels.begin(), channels.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  for (Channels::value_type* entry : channels) Enqueue(entry->first, entry->second);
}

void SubscriptionSet::OnDown() {
  up_ = false;
  ping_wanted_ = ping_sent_ = false;
  dirty_.clear();
  sent_.clear();
  for (auto it = channels_.begin(); it != channels_.end();) {
    const auto here = it++;
    Channel& channel = here->second;
    if (!channel.wanted) {
      channels_.erase(here);
      continue;
    }
    SetConfirmed(channel, false);
    channel.queued = channel.subscribed = false;
    channel.awaited = 0;
  }
}

void SubscriptionSet::Ping() { ping_wanted_ = !ping_sent_; }

bool SubscriptionSet::ready() const {
  return up_ && (ping_wanted_ || (!dirty_.empty() && sent_.size() < limits::kSubscribeCommands));
}

std::vector<absl::string_view> SubscriptionSet::Next() {
  if (!up_) return {};
  if (std::exchange(ping_wanted_, false)) {
    ping_sent_ = true;
    sent_.push_back({Verb::kPing, ++commands_, {}});
    return {"PING"};
  }
  if (sent_.size() >= limits::kSubscribeCommands) return {};
  Command command{Verb::kSubscribe, ++commands_, {}};
  Fill(command);
  if (command.channels.empty()) return {};
  sent_.push_back(std::move(command));
  const Command& kept = sent_.back();
  std::vector<absl::string_view> args = {kept.verb == Verb::kSubscribe ? "SUBSCRIBE"
                                                                       : "UNSUBSCRIBE"};
  args.insert(args.end(), kept.channels.begin(), kept.channels.end());
  return args;
}

// Takes channels from the front of dirty_ as long as they want the same verb. What stands there is
// decided only now, so whatever was called since costs one command at most.
void SubscriptionSet::Fill(Command& command) {
  while (!dirty_.empty() && command.channels.size() < limits::kSubscribeChannels) {
    const auto it = channels_.find(dirty_.front());
    Channel& channel = it->second;
    if (!channel.wanted && !channel.subscribed) {
      channels_.erase(it);
      dirty_.pop_front();
      continue;
    }
    const Verb verb = channel.wanted ? Verb::kSubscribe : Verb::kUnsubscribe;
    if (!command.channels.empty() && (verb != command.verb || channel.alone)) return;
    command.verb = verb;
    command.channels.push_back(std::move(dirty_.front()));
    dirty_.pop_front();
    if (verb == Verb::kUnsubscribe) {
      channels_.erase(it);
      continue;
    }
    channel.queued = false;
    channel.subscribed = true;
    channel.awaited = command.number;
    if (channel.alone) return;
  }
}

absl::Status SubscriptionSet::OnReply(Reply reply) {
  if (reply.is_error()) return OnError(reply);
  if (!reply.is_array()) return reply.text == "PONG" ? OnPong() : Mismatch("reply");
  std::vector<Reply>& parts = reply.elements;
  if (parts.empty()) return Mismatch("message");
  const std::string& kind = parts[0].text;
  if (kind == "pong") return OnPong();
  if (parts.size() != 3) return Mismatch("message");
  if (kind == "subscribe") return OnConfirmation(Verb::kSubscribe, parts[1].text);
  if (kind == "unsubscribe") return OnConfirmation(Verb::kUnsubscribe, parts[1].text);
  if (kind != "message") return Mismatch("message");
  const auto it = channels_.find(parts[1].text);
  // Those of a subscription that is over, or is not confirmed again, are nobody's.
  if (it != channels_.end() && it->second.confirmed) {
    listener_->OnMessage(parts[1].text, std::move(parts[2].text));
  }
  return absl::OkStatus();
}

absl::Status SubscriptionSet::OnPong() {
  if (sent_.empty() || sent_.front().verb != Verb::kPing) return Mismatch("pong");
  sent_.pop_front();
  ping_sent_ = false;
  return absl::OkStatus();
}

absl::Status SubscriptionSet::OnConfirmation(Verb verb, const std::string& name) {
  if (sent_.empty() || sent_.front().verb != verb) return Mismatch("confirmation");
  Command& command = sent_.front();
  if (command.channels[command.answered] != name) return Mismatch("confirmation");
  const uint64_t number = command.number;
  if (++command.answered == command.channels.size()) sent_.pop_front();
  if (verb == Verb::kUnsubscribe) return absl::OkStatus();
  const auto it = channels_.find(name);
  if (it == channels_.end() || it->second.awaited != number) return absl::OkStatus();
  it->second.awaited = 0;
  it->second.alone = false;
  SetConfirmed(it->second, true);
  listener_->OnSubscribed(name);
  return absl::OkStatus();
}

// Redis checks all channels of a command before it subscribes to the first one, so an error speaks
// for the whole command.
absl::Status SubscriptionSet::OnError(const Reply& reply) {
  absl::Status why = absl::UnavailableError(absl::StrCat("redis refuses: ", reply.text));
  if (sent_.empty() || sent_.front().answered > 0) return why;
  if (sent_.front().verb == Verb::kPing) return OnPong();
  if (sent_.front().verb == Verb::kUnsubscribe || reply.error_code() != "NOPERM") return why;
  const Command command = std::move(sent_.front());
  sent_.pop_front();
  Refused(command,
          absl::PermissionDeniedError(absl::StrCat("redis refuses SUBSCRIBE: ", reply.text)));
  return absl::OkStatus();
}

void SubscriptionSet::Refused(const Command& command, const absl::Status& why) {
  for (const std::string& name : command.channels) {
    const auto it = channels_.find(name);
    if (it == channels_.end() || it->second.awaited != command.number) continue;
    Channel& channel = it->second;
    channel.awaited = 0;
    channel.subscribed = channel.confirmed;
    if (command.channels.size() > 1) {
      // Which of them it was, only trying each alone can tell; its neighbours shall not suffer.
      channel.alone = true;
      Enqueue(it->first, channel);
    } else {
      listener_->OnSubscribeFailed(name, why);
    }
  }
}

void SubscriptionSet::Enqueue(const std::string& name, Channel& channel) {
  if (!up_ || channel.queued) return;
  channel.queued = true;
  dirty_.push_back(name);
}

void SubscriptionSet::SetWanted(Channel& channel, bool wanted) {
  if (channel.wanted != wanted) wanted_ += wanted ? 1 : size_t{0} - 1;
  channel.wanted = wanted;
}

void SubscriptionSet::SetConfirmed(Channel& channel, bool confirmed) {
  if (channel.confirmed != confirmed) confirmed_ += confirmed ? 1 : size_t{0} - 1;
  channel.confirmed = confirmed;
}

}  // namespace spanwire::redis
