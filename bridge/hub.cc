#include "bridge/hub.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "bridge/subscription.h"
#include "bridge/view.h"
#include "core/base/limits.h"
#include "core/base/log.h"

namespace spanwire::bridge {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);

}  // namespace

FramePtr Hub::Topic::Bridge(const FramePtr& event, channel::Position prev) {
  if (event != bridged_event || prev != bridged_prev) {
    bridged = WithPrev(*event, prev);
    bridged_event = event;
    bridged_prev = prev;
  }
  return bridged;
}

Hub::Hub(size_t loop, base::Executor* executor, Post post)
    : loop_(loop), executor_(executor), post_(std::move(post)) {
  tick_ = executor_->After(kTick, [this] { Tick(); });
}

Hub::~Hub() = default;

void Hub::OnDeliveries(std::vector<Delivery>&& deliveries) {
  for (Delivery& delivery : deliveries) Deliver(delivery);
}

// Who waits under this number, no longer; null: it left.
Subscription* Hub::TakeReader(uint64_t number) {
  const auto reader = readers_.find(number);
  if (reader == readers_.end()) return nullptr;
  Subscription* const subscription = reader->second;
  readers_.erase(reader);
  return subscription;
}

void Hub::Deliver(Delivery& delivery) {
  if (auto* answer = std::get_if<Delivery::Answer>(&delivery.what)) {
    if (Subscription* const reader = TakeReader(answer->reader))
      reader->OnPage(std::move(answer->page));
    return;
  }
  if (const auto* none = std::get_if<Delivery::NoAnswer>(&delivery.what)) {
    if (Subscription* const reader = TakeReader(none->reader)) reader->OnTopicRefused(none->why);
    return;
  }
  const auto found = topics_by_id_.find(delivery.topic);
  if (found == topics_by_id_.end()) {  // everybody left, or were refused
    // One that was attached once more while a refusal was on its way nobody else would detach.
    if (std::holds_alternative<Delivery::Started>(delivery.what))
      post_({loop_, delivery.topic, FeedRequest::Detach{}});
    return;
  }
  Topic& topic = *found->second;
  if (const auto* entry = std::get_if<FrameEntry>(&delivery.what)) {
    topic.position = entry->position;
    for (Subscription* subscription : topic.subscriptions) subscription->OnEvent(*entry);
  } else if (const auto* transient = std::get_if<Delivery::Transient>(&delivery.what)) {
    for (Subscription* subscription : topic.subscriptions)
      subscription->OnTransient(transient->frame);
  } else if (const auto* gap = std::get_if<channel::Gap>(&delivery.what)) {
    topic.position = gap->position;
    for (Subscription* subscription : topic.subscriptions) subscription->OnFeedGap(*gap);
  } else if (const auto* started = std::get_if<Delivery::Started>(&delivery.what)) {
    topic.position = started->position;
    for (Subscription* subscription : topic.subscriptions) subscription->OnTopicStarted();
  } else if (const auto* refused = std::get_if<Delivery::Refused>(&delivery.what)) {
    const std::vector<Subscription*> subscriptions = std::move(topic.subscriptions);
    topic.subscriptions.clear();
    // The feed loop forgot the topic: nothing is to be detached. Subscriptions still read its name
    // while they end.
    const auto node = topics_.find(topic.channel);
    const std::unique_ptr<Topic> ended = std::move(node->second);
    topics_.erase(node);
    topics_by_id_.erase(found);
    for (Subscription* subscription : subscriptions) subscription->OnTopicRefused(refused->why);
  }
}

void Hub::OnOverflow() {
  base::LogWarning("a connection loop was held up, its subscriptions will read what they missed",
                   {{"loop", loop_}, {"topics", topics_.size()}});
  if (!recovery_) recovery_ = executor_->After(limits::kOverflowPause, [this] { Recover(); });
}

void Hub::Recover() {
  recovery_.reset();
  // An answer that is still on its way is nobody's: its page is asked for under another number.
  const auto unanswered = std::exchange(readers_, {});
  std::vector<std::pair<uint64_t, Topic*>> topics(topics_by_id_.begin(), topics_by_id_.end());
  std::sort(topics.begin(), topics.end());
  std::vector<Subscription*> subscriptions;
  for (const auto& [id, topic] : topics) {
    subscriptions.insert(subscriptions.end(), topic->subscriptions.begin(),
                         topic->subscriptions.end());
  }
  // Each time others come first: should the answers be too many again, nobody is always too late.
  std::shuffle(subscriptions.begin(), subscriptions.end(), random_);
  for (Subscription* subscription : subscriptions) {
    subscription->OnOverflow(unanswered.contains(subscription->reader()));
  }
  for (const auto& [id, topic] : topics) {
    // Whether it was refused meanwhile, or where it stands, the feed loop says once more.
    if (post_({loop_, id, FeedRequest::Attach{topic->channel}})) {
      topic->position.reset();
    } else if (!recovery_) {
      recovery_ = executor_->After(limits::kOverflowPause, [this] { Recover(); });
    }
  }
}

// Refusals come in a turn of their own: never from within Join.
void Hub::TellRefused() {
  refusal_.reset();
  for (const uint64_t topic : std::exchange(refused_, {})) {
    Delivery refusal{
        topic,
        Delivery::Refused{absl::UnavailableError("too many requests wait for the bridge's feeds")}};
    Deliver(refusal);
  }
}

Hub::Topic* Hub::Join(absl::string_view channel, Subscription* subscription) {
  std::unique_ptr<Topic>& topic = topics_[channel];
  if (!topic) {
    topic = std::make_unique<Topic>();
    topic->id = ++last_topic_;
    topic->channel = std::string(channel);
    topics_by_id_[topic->id] = topic.get();
    if (!post_({loop_, topic->id, FeedRequest::Attach{topic->channel}})) {
      refused_.push_back(topic->id);
      if (!refusal_) refusal_ = executor_->After(absl::ZeroDuration(), [this] { TellRefused(); });
    }
  }
  topic->subscriptions.push_back(subscription);
  return topic.get();
}

void Hub::Leave(Topic* topic, Subscription* subscription) {
  // Who asks and leaves, again and again, must not leave its questions behind.
  if (readers_.erase(subscription->reader()) > 0) {
    post_({loop_, topic->id, FeedRequest::Cancel{subscription->reader()}});
  }
  std::erase(topic->subscriptions, subscription);
  // A topic that was refused is no longer ours to end.
  if (!topic->subscriptions.empty() || !topics_by_id_.contains(topic->id)) return;
  post_({loop_, topic->id, FeedRequest::Detach{}});
  topics_by_id_.erase(topic->id);
  topics_.erase(std::string(topic->channel));
}

uint64_t Hub::Read(const Topic& topic, Subscription* subscription, const channel::Ask& ask) {
  const uint64_t reader = ++last_reader_;
  readers_[reader] = subscription;
  post_({loop_, topic.id, FeedRequest::Read{reader, ask}});
  return reader;
}

void Hub::Drain(absl::Duration window) {
  std::uniform_int_distribution<int64_t> after_ms(0, absl::ToInt64Milliseconds(window));
  for (Member* member : std::vector<Member*>(members_.begin(), members_.end())) {
    member->OnDrain(absl::Milliseconds(after_ms(random_)));
  }
}

void Hub::Tick() {
  tick_ = executor_->After(kTick, [this] { Tick(); });
  for (Member* member : std::vector<Member*>(members_.begin(), members_.end())) member->OnTick();
}

}  // namespace spanwire::bridge
