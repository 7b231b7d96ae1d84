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
  size_t index = 0;           // in order_
  absl::Duration idle_since;  // when its last topic left
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
  slot.feed.Detach(outlet);
  slot.idle_since = executor_->Uptime();
  topics_.erase(topic);
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
    slot->index = order_.size();
    order_.push_back(slot.get());
    found = feeds_.emplace(channel, std::move(slot)).first;
    pubsub_->Subscribe(channel);
  }
  topics_.emplace(std::make_pair(outlet.loop, outlet.topic), found->second.get());
  found->second->feed.Attach(outlet);
}

void Feeds::Remove(absl::string_view channel) {
  const auto found = feeds_.find(channel);
  Slot* const last = order_.back();
  last->index = found->second->index;
  order_[last->index] = last;
  order_.pop_back();
  pubsub_->Unsubscribe(channel);
  feeds_.erase(found);
}

void Feeds::OnSubscribed(absl::string_view channel) {
  const auto found = feeds_.find(channel);
  if (found != feeds_.end()) found->second->feed.OnSubscribed();
}

void Feeds::OnSubscribeFailed(absl::string_view channel, const absl::Status& why) {
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

// Spreads the verification of all feeds evenly over the interval, and ends those that nobody
// follows any more.
void Feeds::Tick() {
  tick_ = executor_->After(kTick, [this] { Tick(); });
  due_ += static_cast<double>(order_.size()) * absl::FDivDuration(kTick, limits::kVerifyInterval);
  for (; due_ >= 1 && !order_.empty(); due_ -= 1) {
    cursor_ %= order_.size();
    Slot* const slot = order_[cursor_];
    if (slot->feed.idle() && executor_->Uptime() - slot->idle_since >= limits::kFeedLinger) {
      Remove(slot->feed.channel());
      continue;
    }
    slot->feed.Verify();
    ++cursor_;
  }
  if (order_.empty()) due_ = 0;
}

void Feeds::Deliver(const Feed::Outlet& outlet, Delivery delivery) {
  post_(outlet.loop, std::move(delivery));
}

}  // namespace spanwire::bridge
