// One connection loop's side of the feeds: which subscriptions of this loop follow which channel,
// and the way in and out of the feed loop. It passes each delivery to the subscriptions of its
// topic: no lock and no allocation per recipient.
//
// Owner: the bridge's server, one per connection loop. Thread: that loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "bridge/delivery.h"
#include "core/base/executor.h"
#include "core/base/random.h"

namespace spanwire::bridge {

class Subscription;

class Hub {
 public:
  class Member {
   public:
    virtual ~Member() = default;
    // About once a second.
    virtual void OnTick() {}
    // The bridge goes down: the browser is to come back after that time.
    virtual void OnDrain(absl::Duration after) = 0;
  };
  // Hands a request to the feed loop. False: an Attach that was not taken.
  using Post = absl::AnyInvocable<bool(FeedRequest request)>;
  struct Topic {
    uint64_t id = 0;
    std::string channel;
    absl::optional<channel::Position>
        position;  // where this loop's deliveries stand; empty: not started
    std::vector<Subscription*> subscriptions;

    // The event for a view that was told of `prev` last. All of that view get the same frame.
    FramePtr Bridge(const FramePtr& event, channel::Position prev);
    FramePtr bridged_event, bridged;  // the last one that was asked for, and what became of it
    channel::Position bridged_prev;
  };

  // `loop`: this loop's number, as the feed loop knows it.
  Hub(size_t loop, base::Executor* executor, Post post);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // From the feed loop.
  void OnDeliveries(std::vector<Delivery>&& deliveries);
  // Deliveries were lost behind the last ones, since this loop was held up: after a pause, so that
  // the recovery does not hold it up as well, every topic is asked about and every subscription
  // reads on from its position. Only transient events are gone.
  void OnOverflow();

  // A subscription comes and goes. What it hears of `topic` comes by its On… functions, never from
  // within Join.
  Topic* Join(absl::string_view channel, Subscription* subscription);
  void Leave(Topic* topic, Subscription* subscription);
  // A page for a subscription; its OnPage is called later, unless it leaves. One at a time. Returns
  // the number under which the subscription waits.
  uint64_t Read(const Topic& topic, Subscription* subscription, const channel::Ask& ask);

  // Sessions and polls of this loop, for what concerns them all.
  void Add(Member* member) { members_.insert(member); }
  void Remove(Member* member) { members_.erase(member); }
  size_t members() const { return members_.size(); }
  // Tells everybody to close and to come back, here or elsewhere, at a random moment of `window`.
  void Drain(absl::Duration window);

  base::Executor* executor() const { return executor_; }

 private:
  void Deliver(Delivery& delivery);
  Subscription* TakeReader(uint64_t number);
  void Recover();
  void TellRefused();
  void Tick();

  const size_t loop_;
  base::Executor* const executor_;
  Post post_;
  absl::flat_hash_map<std::string, std::unique_ptr<Topic>> topics_;
  absl::flat_hash_map<uint64_t, Topic*> topics_by_id_;
  absl::flat_hash_map<uint64_t, Subscription*> readers_;  // those that wait for a page
  absl::flat_hash_set<Member*> members_;
  std::vector<uint64_t> refused_;  // topics whose Attach was not taken, until they are told
  base::Executor::Timer refusal_;
  base::Executor::Timer recovery_;
  std::minstd_rand random_{static_cast<uint32_t>(base::FreshSeed())};
  uint64_t last_topic_ = 0;
  uint64_t last_reader_ = 0;
  base::Executor::Timer tick_;
};

}  // namespace spanwire::bridge
