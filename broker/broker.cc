#include "broker/broker.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/redis/preflight.h"

namespace spanwire::broker {
namespace {

std::string RandomInstance() {
  return absl::StrCat("broker-", absl::Hex(base::FreshSeed(), absl::kZeroPad16));
}

// A WAIT may take its timeout, and follow another one.
redis::RedisOptions OfWaits(redis::RedisOptions options, absl::Duration timeout) {
  options.timeout += timeout * 2;
  return options;
}

}  // namespace

Broker::Broker(base::Loop* loop, Options options, BrokerMetrics* metrics, OnVerdict on_verdict,
               OnUnfit on_unfit)
    : loop_(loop),
      metrics_(metrics),
      on_verdict_(std::move(on_verdict)),
      on_unfit_(std::move(on_unfit)),
      names_(std::move(options.prefix)),
      router_(&names_),
      client_(loop, options.redis),
      waits_(options.replication
                 ? std::make_unique<redis::Client>(
                       loop, OfWaits(options.redis, options.replication->timeout), "waits")
                 : nullptr),
      replicas_(options.replication ? std::make_unique<channel::ReplicaBarrier>(
                                          loop, &client_, waits_.get(),
                                          names_.MarkerKey(RandomInstance()), *options.replication)
                                    : nullptr),
      clock_(loop, &client_),
      streams_(loop, &client_, &names_, metrics, options.appender, replicas_.get()),
      probe_(loop, &client_, &names_, RandomInstance(), options.appender.verb, [this] { Judge(); }),
      control_(
          loop, &subscriber_, &names_, metrics,
          [this](absl::string_view producer, uint64_t newer) {
            streams_.OnFenceHint(producer, newer);
          },
          [this] { Judge(); }),
      subscriber_(loop, options.redis, &control_),
      mailbox_(loop, [this](std::vector<base::Task>&& tasks) {
        const absl::Duration ahead = clock_.offset().value_or(absl::ZeroDuration());
        redis_ahead_us_.store(absl::ToInt64Microseconds(ahead));
        for (base::Task& task : tasks) task();
      }) {
  client_.AddListener(&clock_);
  client_.AddListener(&streams_);
  client_.AddListener(this);
}

Broker::~Broker() = default;

void Broker::Start() {
  client_.Start();
  if (waits_ != nullptr) waits_->Start();
  control_.Start();
  subscriber_.Start();
  Tick();
}

void Broker::Stop() {
  tick_.reset();
  client_.Stop();
  if (waits_ != nullptr) waits_->Stop();
  subscriber_.Stop();
}

absl::Time Broker::Now() const { return absl::Now() + absl::Microseconds(redis_ahead_us_.load()); }

void Broker::OnUp() {
  CheckEviction();
  probe_.OnUp();
}

void Broker::OnDown(const absl::Status&) { probe_.OnDown(); }

void Broker::CheckEviction() {
  redis::CheckEviction(&client_, [this](absl::Status verdict) {
    if (absl::IsUnavailable(verdict)) return;  // the next connection is asked
    const bool first = !std::exchange(judged_, true);
    const bool changed = verdict.code() != eviction_.code();
    eviction_ = std::move(verdict);
    if (!changed) return;
    if (!eviction_.ok()) base::LogError("redis cannot be used", {{"error", eviction_.message()}});
    if (first && !eviction_.ok()) on_unfit_();
    streams_.SetGate(eviction_.ok() ? absl::OkStatus()
                                    : absl::UnavailableError(eviction_.message()));
    Judge();
  });
}

void Broker::Tick() {
  tick_ = loop_->After(limits::kProbeInterval, [this] { Tick(); });
  streams_.Report();
  // An operator may have changed it.
  if (client_.up() && !eviction_.ok()) CheckEviction();
  if (!client_.up()) Judge();
}

void Broker::Judge() {
  if (!client_.up()) return on_verdict_(client_.health());
  if (!eviction_.ok()) return on_verdict_(eviction_);
  on_verdict_(probe_.verdict().ok() ? control_.verdict() : probe_.verdict());
}

}  // namespace spanwire::broker
