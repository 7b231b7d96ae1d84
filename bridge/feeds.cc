#include "bridge/feeds.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "core/base/log.h"

namespace spanwire::bridge {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);

}  // namespace

struct Feeds::Slot {
  Slot(std::string channel, Renderer* renderer, channel::LogReader* reader, Feed::Sink* sink,
       Feed::Counters* counters)
      : feed(std::move(channel), renderer, reader, sink, counters) {}
  Feed feed;
  std::list<Slot*>::iterator place;  // in order_
  // Its place in idle_, and since when; only while the feed is idle.
  std::list<Slot*>::iterator idle_place;
  absl::Duration idle_since;
};

Feeds::Feeds(base::Executor* executor, channel::LogReader* reader, Post post, bool plain_json)
    : executor_(executor), reader_(reader), post_(std::move(post)), renderer_(plain_json) {
  tick_ = executor_->After(kTick, [this] { Tick(); });
}

Feeds::~Feeds() = default;

void Feeds::OnRequest(FeedRequest request) {
  const Feed::Outlet outlet{request.loop, request.topic};
  if (auto* attach = std::get_if<FeedRequest::Attach>(&request.what))
    return Attach(outlet, attach->channel);
  const auto topic = topics_.find({request.loop, request.topic});
  if (topic == topics_.end()) return;  // refused meanwhile
  Slot& slot = *topic->second;
  if (const auto* read = std::get_if<FeedRequest::Read>(&request.what)) {
    return slot.feed.Read(outlet, read->reader, read->ask);
  }
  if (const auto* cancel = std::get_if<FeedRequest::Cancel>(&request.what)) {
    return slot.feed.Cancel(outlet, cancel->reader);
  }
  topics_.erase(topic);
  Detach(outlet, &slot);
}

void Feeds::Attach(const Feed::Outlet& outlet, const std::string& channel) {
  if (const auto topic = topics_.find({outlet.loop, outlet.topic}); topic != topics_.end())
    return topic->second->feed.Tell(outlet);
  auto found = feeds_.find(channel);
  if (found == feeds_.end()) {
    if (feeds_.size() >= limits::kFeeds) {
      const absl::Status full = absl::ResourceExhaustedError(
          absl::StrCat("this bridge follows ", limits::kFeeds, " channels already"));
      return Deliver(outlet, {outlet.topic, Delivery::Refused{full}});
    }
    auto slot = std::make_unique<Slot>(channel, &renderer_, reader_, this, &counters_);
    slot->place = order_.insert(order_.end(), slot.get());
    slot->idle_place = idle_.end();
    found = feeds_.emplace(channel, std::move(slot)).first;
    pubsub_->Subscribe(channel);
  }
  Slot& slot = *found->second;
  if (slot.feed.idle() && slot.idle_place != idle_.end()) {
    idle_.erase(std::exchange(slot.idle_place, idle_.end()));
  }
  topics_.emplace(std::make_pair(outlet.loop, outlet.topic), &slot);
  slot.feed.Attach(outlet);
}

void Feeds::Detach(const Feed::Outlet& outlet, Slot* slot) {
  slot->feed.Detach(outlet);
  if (!slot->feed.idle()) return;
  slot->idle_since = executor_->Uptime();
  slot->idle_place = idle_.insert(idle_.end(), slot);
}

void Feeds::Remove(absl::string_view channel) {
  const auto found = feeds_.find(channel);
  order_.erase(found->second->place);
  if (found->second->idle_place != idle_.end()) idle_.erase(found->second->idle_place);
  pubsub_->Unsubscribe(channel);
  feeds_.erase(found);
}

void Feeds::OnSubscribed(absl::string_view channel) {
  const auto found = feeds_.find(channel);
  if (found != feeds_.end()) found->second->feed.OnSubscribed();
}

void Feeds::OnSubscribeFailed(absl::string_view channel, const absl::Status& why) {
  Refuse(channel, why);
}

// A feed says so while it stands in the middle of something.
void Feeds::OnUnreadable(const std::string& channel, const absl::Status& why) {
  unreadable_.emplace_back(channel, why);
  refuse_ = executor_->After(absl::ZeroDuration(), [this] {
    for (const auto& [refused, reason] : std::exchange(unreadable_, {})) Refuse(refused, reason);
  });
}

// The feed is gone then: who asks for the channel again has a new one.
void Feeds::Refuse(absl::string_view channel, const absl::Status& why) {
  const auto found = feeds_.find(channel);
  if (found == feeds_.end()) return;
  base::LogError("channel cannot be followed", {{"channel", channel}, {"error", why.message()}});
  found->second->feed.Refuse(why);
  absl::erase_if(topics_, [&](const auto& topic) { return topic.second == found->second.get(); });
  Remove(std::string(channel));
}

void Feeds::OnMessage(absl::string_view channel, std::string payload) {
  const auto found = feeds_.find(channel);
  if (found != feeds_.end()) found->second->feed.OnMessage(payload);
}

void Feeds::VerifyAll() {
  for (Slot* slot : order_) slot->feed.Verify();
}

// Spreads the verification of all feeds evenly over the interval.
void Feeds::Tick() {
  tick_ = executor_->After(kTick, [this] { Tick(); });
  EndIdle();
  due_ += static_cast<double>(order_.size()) * absl::FDivDuration(kTick, limits::kVerifyInterval);
  for (; due_ >= 1 && !order_.empty(); due_ -= 1) {
    order_.front()->feed.Verify();
    order_.splice(order_.end(), order_, order_.begin());
  }
  if (order_.empty()) due_ = 0;
}

void Feeds::EndIdle() {
  const absl::Duration now = executor_->Uptime();
  for (size_t ended = 0; ended < limits::kFeedsEnded && !idle_.empty(); ++ended) {
    if (now - idle_.front()->idle_since < limits::kFeedLinger) return;
    Remove(std::string(idle_.front()->feed.channel()));
  }
}

void Feeds::Deliver(const Feed::Outlet& outlet, Delivery delivery) {
  post_(outlet.loop, std::move(delivery));
}

}  // namespace spanwire::bridge
