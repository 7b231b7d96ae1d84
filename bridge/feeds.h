// All feeds of a bridge: made when a connection loop first asks for a channel, kept a while after
// the last one left, read again now and then to find what pub/sub lost without a trace.
//
// Owner: the bridge's server. Thread: the feed loop; the connection loops reach it by mailbox.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bridge/delivery.h"
#include "bridge/feed.h"
#include "bridge/renderer.h"
#include "core/base/executor.h"
#include "core/channel/log_reader.h"
#include "core/redis/pubsub.h"

namespace spanwire::bridge {

class Feeds final : public redis::PubSubListener, public Feed::Sink {
 public:
  // Hands a delivery to a connection loop.
  using Post = absl::AnyInvocable<void(size_t loop, Delivery delivery)>;

  // All outlive the feeds; `pubsub` may be set later, but before the first request. `plain_json`:
  // take the record's JSON.
  Feeds(base::Executor* executor, channel::LogReader* reader, Post post, bool plain_json);
  ~Feeds() override;
  void set_pubsub(redis::PubSub* pubsub) { pubsub_ = pubsub; }

  // What a connection loop asks for. `request.what` names a valid channel: who may ask was decided
  // before.
  void OnRequest(FeedRequest request);
  // Every feed is read again at once: the data set is another one.
  void VerifyAll();

  void OnPubSubUp() override {}
  void OnPubSubDown(const absl::Status&) override {}
  void OnSubscribed(absl::string_view channel) override;
  void OnSubscribeFailed(absl::string_view channel, const absl::Status& why) override;
  void OnMessage(absl::string_view channel, std::string payload) override;

  size_t size() const { return feeds_.size(); }
  const Feed::Counters& counters() const { return counters_; }
  uint64_t unreadable() const { return renderer_.unreadable(); }

 private:
  struct Slot;

  void Deliver(const Feed::Outlet& outlet, Delivery delivery) override;
  void OnUnreadable(const std::string& channel, const absl::Status& why) override;
  void Attach(const Feed::Outlet& outlet, const std::string& channel);
  void Detach(const Feed::Outlet& outlet, Slot* slot);
  void Refuse(absl::string_view channel, const absl::Status& why);
  void Remove(absl::string_view channel);
  void Tick();
  void EndIdle();

  base::Executor* const executor_;
  channel::LogReader* const reader_;
  redis::PubSub* pubsub_ = nullptr;
  Post post_;
  Renderer renderer_;
  Feed::Counters counters_;
  absl::flat_hash_map<std::string, std::unique_ptr<Slot>> feeds_;
  std::list<Slot*> order_;  // all feeds, the one that is verified next first
  double due_ = 0;          // feeds that the round still owes
  std::list<Slot*> idle_;   // those that nobody follows, the longest so first
  std::vector<std::pair<std::string, absl::Status>>
      unreadable_;  // to be refused when refuse_ fires
  absl::flat_hash_map<std::pair<size_t, uint64_t>, Slot*> topics_;
  base::Executor::Timer tick_;
  base::Executor::Timer refuse_;
};

}  // namespace spanwire::bridge
