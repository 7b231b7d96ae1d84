#include "bridge/feed_loop.h"

#include <utility>
#include <variant>

#include "core/base/log.h"
#include "core/redis/preflight.h"

namespace spanwire::bridge {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);

// On the keys of a channel that nobody writes to, so none of them changes anything.
std::vector<std::vector<std::string>> CallsOfAReader(const channel::Names& names,
                                                     absl::string_view channel) {
  const std::string log = names.LogKey(channel);
  const std::string tail = names.TailKey(channel);
  return {{"XRANGE", log, "-", "+", "COUNT", "1"},
          {"XREVRANGE", log, "+", "-", "COUNT", "1"},
          {"SET", tail, "0-0", "XX", "GET", "PX", "1"},
          {"PEXPIRE", tail, "1", "GT"}};
}

// Counts a total that somebody else keeps.
class Total {
 public:
  explicit Total(base::Counter& counter) : counter_(counter) {}
  void Set(uint64_t total) {
    counter_.Increment(static_cast<double>(total - std::exchange(last_, total)));
  }

 private:
  base::Counter& counter_;
  uint64_t last_ = 0;
};

}  // namespace

struct FeedLoop::Meters {
  explicit Meters(base::Metrics* m)
      : feeds(m->AddGauge("spanwire_bridge_feeds", "Channels that this bridge follows.")),
        redis_up(m->AddGauge("spanwire_bridge_redis_up", "Whether the command connection is up.")),
        pubsub_up(
            m->AddGauge("spanwire_bridge_pubsub_up", "Whether the pub/sub connection is up.")),
        pages_waiting(
            m->AddGauge("spanwire_bridge_pages_waiting", "Pages asked of Redis and not answered.")),
        redis_losses(
            m->AddCounter("spanwire_bridge_redis_losses_total", "Command connections lost.")),
        pubsub_losses(
            m->AddCounter("spanwire_bridge_pubsub_losses_total", "Pub/sub connections lost.")),
        events(m->AddCounter("spanwire_bridge_events_total", "Logged events followed.")),
        transient(
            m->AddCounter("spanwire_bridge_transient_events_total", "Transient events passed on.")),
        plain_json(
            m->AddCounter("spanwire_bridge_plain_json_total", "Plain JSON messages passed on.")),
        refused(m->AddCounter(
            "spanwire_bridge_refused_messages_total",
            "Messages on followed channels that were neither events nor valid plain JSON.")),
        unreadable(m->AddCounter("spanwire_bridge_unreadable_events_total",
                                 "Events that could not be shown.")),
        gaps(m->AddCounter("spanwire_bridge_feed_gaps_total", "Gaps that feeds had to tell.")),
        ring_reads(m->AddCounter("spanwire_bridge_ring_reads_total", "Pages served from memory.")),
        log_reads(m->AddCounter("spanwire_bridge_log_reads_total", "Pages asked of Redis.")) {}
  base::Gauge& feeds;
  base::Gauge& redis_up;
  base::Gauge& pubsub_up;
  base::Gauge& pages_waiting;
  Total redis_losses, pubsub_losses, events, transient, plain_json, refused, unreadable, gaps,
      ring_reads, log_reads;
};

// Attachments are what everything else follows from: each leads to one Detach, and each
// subscription of a topic has one Read out at a time. So it is enough to bound those.
bool FeedLoop::Post(FeedRequest request) {
  if (std::holds_alternative<FeedRequest::Attach>(request.what)) {
    return mailbox_.Post(std::move(request));
  }
  mailbox_.PostAnyway(std::move(request));
  return true;
}

FeedLoop::FeedLoop(Options options, const channel::Names* names, base::Metrics* metrics,
                   base::Readiness* readiness, Feeds::Post deliver,
                   absl::AnyInvocable<void(absl::Status)> on_first_up)
    : readiness_(readiness),
      on_first_up_(std::move(on_first_up)),
      loop_("feeds"),
      client_(&loop_, options.redis),
      clock_(&loop_, &client_),
      reader_(&loop_, &client_, &clock_, names, options.log_ttl),
      feeds_(&loop_, &reader_, std::move(deliver), options.plain_json),
      subscriber_(&loop_, options.redis, this),
      probe_(&loop_, &client_, &subscriber_, names->Probe(options.instance), this),
      mailbox_(&loop_,
               [this](std::vector<FeedRequest>&& requests) {
                 for (FeedRequest& request : requests) feeds_.OnRequest(std::move(request));
               }),
      meters_(std::make_unique<Meters>(metrics)),
      verdict_(absl::UnavailableError("starting")),
      rights_(CallsOfAReader(*names, names->Probe(options.instance))),
      forbidden_(absl::UnavailableError("the right to read logs is not known yet")) {
  feeds_.set_pubsub(&subscriber_);
}

FeedLoop::~FeedLoop() { Stop(); }

void FeedLoop::Start() {
  client_.AddListener(&clock_);
  client_.AddListener(this);
  client_.Start();
  subscriber_.Start();
  probe_.Start();
  tick_ = loop_.After(kTick, [this] { Tick(); });
  loop_.Start();
}

void FeedLoop::Stop() {
  loop_.Stop();
  loop_.Join();
}

void FeedLoop::OnUp() {
  probe_.OnUp();
  CheckFitness();
  CheckRights();
}

void FeedLoop::OnDown(const absl::Status&) { OnProbe(verdict_); }

// A Redis that evicts keys loses logs without a word: before the first event that is a reason not
// to start, later one not to be ready.
void FeedLoop::CheckFitness() {
  redis::CheckEviction(&client_, [this](absl::Status fitness) {
    if (absl::IsUnavailable(fitness)) return;  // asked again on the next connection
    unfit_ = std::move(fitness);
    if (!std::exchange(fit_, true)) on_first_up_(unfit_);
    OnProbe(verdict_);
  });
}

// The probe needs none of them, and without them every subscriber would be refused.
void FeedLoop::CheckRights() {
  redis::CheckRights(&client_, rights_, [this](absl::Status forbidden) {
    if (absl::IsUnavailable(forbidden)) return;  // asked again on the next connection
    forbidden_ = std::move(forbidden);
    OnProbe(verdict_);
  });
}

void FeedLoop::OnPubSubDown(const absl::Status& why) { probe_.OnPubSubDown(why); }

void FeedLoop::OnSubscribed(absl::string_view channel) {
  probe_.OnSubscribed(channel);
  feeds_.OnSubscribed(channel);
}

void FeedLoop::OnSubscribeFailed(absl::string_view channel, const absl::Status& why) {
  probe_.OnSubscribeFailed(channel, why);
  feeds_.OnSubscribeFailed(channel, why);
}

void FeedLoop::OnMessage(absl::string_view channel, std::string payload) {
  if (channel == probe_.name()) return probe_.OnMessage(channel, payload);
  feeds_.OnMessage(channel, std::move(payload));
}

void FeedLoop::OnProbe(const absl::Status& verdict) {
  verdict_ = verdict;
  const absl::Status& why = !client_.health().ok() ? client_.health()
                            : !unfit_.ok()         ? unfit_
                            : !verdict_.ok()       ? verdict_
                                                   : forbidden_;
  readiness_->Set("redis", why.ok(), why.message());
}

void FeedLoop::OnDataSetLost() {
  base::LogWarning("redis holds another data set, all channels are verified");
  feeds_.VerifyAll();
}

void FeedLoop::Tick() {
  tick_ = loop_.After(kTick, [this] { Tick(); });
  // An operator may have changed it.
  if (client_.up() && !unfit_.ok()) CheckFitness();
  if (client_.up() && !forbidden_.ok()) CheckRights();
  OnProbe(verdict_);
  const Feed::Counters& counters = feeds_.counters();
  meters_->feeds.Set(static_cast<double>(feeds_.size()));
  meters_->redis_up.Set(client_.up() ? 1 : 0);
  meters_->pubsub_up.Set(subscriber_.up() ? 1 : 0);
  meters_->pages_waiting.Set(static_cast<double>(reader_.waiting()));
  meters_->redis_losses.Set(client_.stats().losses);
  meters_->pubsub_losses.Set(subscriber_.stats().losses);
  meters_->events.Set(counters.events);
  meters_->transient.Set(counters.transient);
  meters_->plain_json.Set(counters.plain_json);
  meters_->refused.Set(counters.refused_messages);
  meters_->unreadable.Set(feeds_.unreadable());
  meters_->gaps.Set(counters.gaps);
  meters_->ring_reads.Set(counters.ring_reads);
  meters_->log_reads.Set(counters.log_reads);
}

}  // namespace spanwire::bridge
