#include "bridge/hub.h"

#include <algorithm>
#include <utility>

#include "bridge/session.h"
#include "bridge/subscription.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);

}  // namespace

Hub::Hub(size_t loop, base::Executor* executor, Post post)
    : loop_(loop), executor_(executor), post_(std::move(post)) {
  tick_ = executor_->After(kTick, [this] { Tick(); });
}

Hub::~Hub() = default;

void Hub::OnDeliveries(std::vector<Delivery>&& deliveries) {
  for (Delivery& delivery : deliveries) Deliver(delivery);
}

void Hub::Deliver(Delivery& delivery) {
  if (auto* answer = std::get_if<Delivery::Answer>(&delivery.what)) {
    const auto reader = readers_.find(answer->reader);
    if (reader == readers_.end()) return;  // it left
    Subscription* const subscription = reader->second;
    readers_.erase(reader);
    return subscription->OnPage(std::move(answer->page));
  }
  if (const auto* none = std::get_if<Delivery::NoAnswer>(&delivery.what)) {
    const auto reader = readers_.find(none->reader);
    if (reader == readers_.end()) return;
    Subscription* const subscription = reader->second;
    readers_.erase(reader);
    return subscription->OnTopicRefused(none->why);
  }
  const auto found = topics_by_id_.find(delivery.topic);
  if (found == topics_by_id_.end()) return;  // everybody left
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

Hub::Topic* Hub::Join(absl::string_view channel, Subscription* subscription) {
  std::unique_ptr<Topic>& topic = topics_[channel];
  if (!topic) {
    topic = std::make_unique<Topic>();
    topic->id = ++last_topic_;
    topic->channel = std::string(channel);
    topics_by_id_[topic->id] = topic.get();
    post_({loop_, topic->id, FeedRequest::Attach{topic->channel}});
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

void Hub::Read(const Topic& topic, Subscription* subscription, const channel::Ask& ask) {
  readers_[subscription->reader()] = subscription;
  post_({loop_, topic.id, FeedRequest::Read{subscription->reader(), ask}});
}

void Hub::Add(Session* session) { sessions_.insert(session); }

void Hub::Remove(Session* session) { sessions_.erase(session); }

void Hub::Drain(absl::Duration window) {
  for (Session* session : std::vector<Session*>(sessions_.begin(), sessions_.end())) {
    session->Drain(window);
  }
}

void Hub::Tick() {
  tick_ = executor_->After(kTick, [this] { Tick(); });
  for (Session* session : std::vector<Session*>(sessions_.begin(), sessions_.end()))
    session->OnTick();
}

}  // namespace spanwire::bridge
