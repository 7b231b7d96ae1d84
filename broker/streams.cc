#include "broker/streams.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/log.h"
#include "core/base/random.h"

namespace spanwire::broker {

Streams::Streams(base::Executor* executor, redis::Commands* redis, const channel::Names* names,
                 BrokerMetrics* metrics, channel::Appender::Options options,
                 channel::ReplicaBarrier* replicas)
    : executor_(executor),
      redis_(redis),
      metrics_(metrics),
      offers_replicated_(replicas != nullptr),
      epochs_(redis, names),
      appender_(executor, redis, names, this, std::move(options), replicas),
      random_(base::FreshSeed()) {
  own_id_ = absl::StrCat("broker:", RandomId(), ":");
  appender_.set_on_room([this] { ResumeSome(); });
}

Streams::~Streams() = default;

absl::Status TooManyCalls() {
  return absl::ResourceExhaustedError(absl::StrCat("the broker has ", limits::kPublishCalls,
                                                   " calls under way, more are not served"));
}

std::string Streams::RandomId() {
  return absl::StrCat(absl::Hex(random_(), absl::kZeroPad16),
                      absl::Hex(random_(), absl::kZeroPad16));
}

absl::Status Streams::Refusal() const {
  if (draining_) return absl::UnavailableError("the broker is going down");
  if (!redis_->up()) return absl::UnavailableError("redis is not connected");
  return gate_;
}

absl::Status Streams::CheckLevel(absl::string_view field, v1::AckLevel level) const {
  if (level != v1::ACK_LEVEL_REPLICATED || offers_replicated_) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field,
      " ACK_LEVEL_REPLICATED is not offered by this broker: its setting replication.replicas "
      "is 0"));
}

std::unique_ptr<PublishStream> Streams::Add(PublishStream::Transport* transport) {
  auto stream = std::make_unique<PublishStream>(executor_, &appender_, this, transport, metrics_);
  ++alive_streams_;
  const uint64_t key = next_key_++;
  streams_[key] = stream.get();
  keys_[stream.get()] = key;
  metrics_->streams.Set(static_cast<double>(streams_.size()));
  if (draining_) {
    stream->End(Refusal());
  } else if (alive_streams_ > limits::kStreams) {
    stream->End(absl::ResourceExhaustedError(
        absl::StrCat("the broker has ", limits::kStreams, " streams, more are not served")));
  }
  return stream;
}

void Streams::Remove(PublishStream* stream) {
  // Nobody is left to be told.
  stream->OnCancelled();
  --alive_streams_;
}

void Streams::OnOpen(PublishStream* stream, const v1::Open& open) {
  if (absl::Status refusal = Refusal(); !refusal.ok()) return stream->End(refusal);
  if (absl::Status bad = CheckLevel("open.ack_level", open.ack_level()); !bad.ok()) {
    return stream->End(bad);
  }
  channel::Producer producer;
  producer.id = open.producer_id().empty() ? RandomId() : open.producer_id();
  producer.replicated = open.ack_level() == v1::ACK_LEVEL_REPLICATED;
  epochs_.Claim(
      producer.id, open.producer_epoch(),
      [this, key = keys_.at(stream), producer](const absl::StatusOr<uint64_t>& epoch) mutable {
        producer.epoch = epoch.value_or(0);
        OnClaimed(key, producer, epoch.status());
      });
}

void Streams::OnClaimed(uint64_t key, const channel::Producer& producer,
                        const absl::Status& status) {
  const auto found = streams_.find(key);
  if (found == streams_.end()) return;
  PublishStream* const stream = found->second;
  if (absl::IsAborted(status)) metrics_->fenced.Increment();
  if (!status.ok()) return stream->End(status);
  // What was so when it asked may have changed: the verdict on this Redis comes after OnUp.
  if (absl::Status refusal = Refusal(); !refusal.ok()) return stream->End(refusal);
  // The stream of an older instance, or an older stream of this one, may live on this broker.
  const std::vector<PublishStream*> others = by_producer_[producer.id];
  for (PublishStream* other : others) {
    if (other->producer()->epoch > producer.epoch) continue;
    metrics_->fenced.Increment();
    other->End(other->producer()->epoch == producer.epoch
                   ? absl::AbortedError("replaced: this instance has opened another stream")
                   : absl::AbortedError(absl::StrCat(
                         "fenced: a newer instance of this producer has taken over (epoch ",
                         producer.epoch, ")")));
  }
  by_producer_[producer.id].push_back(stream);
  stream->Accept(std::make_shared<channel::Producer>(producer));
}

void Streams::OnEnd(PublishStream* stream, const absl::Status& status) {
  const auto key = keys_.find(stream);
  streams_.erase(key->second);
  waiting_keys_.erase(key->second);
  keys_.erase(key);
  if (stream->producer() != nullptr) {
    const auto found = by_producer_.find(stream->producer()->id);
    auto& same = found->second;
    same.erase(std::remove(same.begin(), same.end(), stream), same.end());
    if (same.empty()) by_producer_.erase(found);
  }
  metrics_->streams.Set(static_cast<double>(streams_.size()));
  metrics_->StreamEnds(status.code()).Increment();
  base::LogDebug("stream ended",
                 {{"code", absl::StatusCodeToString(status.code())}, {"why", status.message()}});
  CheckIdle();
}

// Whoever was fenced by a channel raises the producer's epoch, so that the old instance is refused
// at its next Open.
void Streams::OnFenced(PublishStream* stream, uint64_t newer) {
  metrics_->fenced.Increment();
  epochs_.Claim(stream->producer()->id, newer, [](const absl::StatusOr<uint64_t>&) {});
}

void Streams::OnFenceHint(absl::string_view producer_id, uint64_t newer) {
  const auto found = by_producer_.find(producer_id);
  if (found == by_producer_.end()) return;
  for (PublishStream* stream : found->second) {
    const uint64_t epoch = stream->producer()->epoch;
    if (epoch >= newer) continue;
    epochs_.Claim(producer_id, epoch,
                  [this, key = keys_.at(stream)](const absl::StatusOr<uint64_t>& claim) {
                    const auto fenced = streams_.find(key);
                    if (!absl::IsAborted(claim.status()) || fenced == streams_.end()) return;
                    metrics_->fenced.Increment();
                    fenced->second->End(claim.status());
                  });
  }
}

bool Streams::HasRoom(PublishStream* stream) {
  if (!appender_.over_bound()) return true;
  const uint64_t key = keys_.at(stream);
  if (waiting_keys_.insert(key).second) waiting_.push_back(key);
  return false;
}

// A few at a time: what each of them reads has to be counted before the next ones.
void Streams::ResumeSome() {
  for (size_t i = 0; i < limits::kResumedStreams && !waiting_.empty() && !appender_.over_bound();) {
    const uint64_t key = waiting_.front();
    waiting_.pop_front();
    if (waiting_keys_.erase(key) == 0) continue;
    ++i;
    streams_.at(key)->Resume();
  }
  if (waiting_.empty() || appender_.over_bound()) return;
  executor_->Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) ResumeSome();
  });
}

void Streams::Publish(UnaryPublish* call) {
  if (absl::Status refusal = Refusal(); !refusal.ok()) return call->End(refusal);
  if (absl::Status bad = CheckLevel("ack_level", call->ack_level()); !bad.ok()) {
    return call->End(bad);
  }
  if (calls_.size() >= limits::kPublishCalls) return call->End(TooManyCalls());
  if (appender_.over_bound()) {
    return call->End(absl::ResourceExhaustedError("the broker's queue for redis is full"));
  }
  calls_.insert(call);
  // Each is a producer of its own, so that one that fails takes no other along.
  channel::Producer producer{absl::StrCat(kIdempotentPrefix, call->idempotency_key()), 1,
                             limits::kIdempotencyTtl,
                             call->ack_level() == v1::ACK_LEVEL_REPLICATED};
  if (call->idempotency_key().empty()) {
    producer.id = absl::StrCat(own_id_, ++own_calls_);
    producer.ttl = limits::kCallTtl;
  }
  call->Start(&appender_, std::make_shared<channel::Producer>(std::move(producer)));
}

void Streams::OnCallEnd(UnaryPublish* call, const absl::Status& status) {
  calls_.erase(call);
  metrics_->Calls(status.code()).Increment();
  CheckIdle();
}

void Streams::OnUp() {
  metrics_->redis_up.Set(1);
  if (gate_.ok()) appender_.Recall();
}

// Nothing may be acknowledged that a failover took away in between, so nothing survives the
// connection.
void Streams::OnDown(const absl::Status& why) {
  metrics_->redis_up.Set(0);
  metrics_->redis_losses.Increment();
  appender_.Clear();
  EndAll(absl::UnavailableError(absl::StrCat("redis is lost: ", why.message())));
}

void Streams::OnProducerFailed(absl::string_view producer_id, const absl::Status& why) {
  base::LogWarning("producer failed", {{"producer", producer_id}, {"why", why.message()}});
  const auto found = by_producer_.find(producer_id);
  if (found != by_producer_.end()) {
    for (PublishStream* stream : std::vector<PublishStream*>(found->second)) stream->End(why);
  }
  for (UnaryPublish* call : std::vector<UnaryPublish*>(calls_.begin(), calls_.end())) {
    if (call->producer()->id == producer_id) call->End(why);
  }
}

void Streams::SetGate(const absl::Status& gate) {
  gate_ = gate;
  if (gate_.ok()) {
    if (redis_->up()) appender_.Recall();
    return;
  }
  appender_.Clear();
  EndAll(gate_);
}

void Streams::EndAll(const absl::Status& status) {
  std::vector<PublishStream*> streams;
  for (const auto& [key, stream] : streams_) streams.push_back(stream);
  for (PublishStream* stream : streams) {
    // One that waits for its Open is told when it comes.
    if (stream->producer() != nullptr) stream->End(status);
  }
  for (UnaryPublish* call : std::vector<UnaryPublish*>(calls_.begin(), calls_.end()))
    call->End(status);
}

void Streams::Drain(base::Task idle) {
  draining_ = true;
  idle_ = std::move(idle);
  std::vector<PublishStream*> streams;
  for (const auto& [key, stream] : streams_) streams.push_back(stream);
  for (PublishStream* stream : streams) {
    stream->Drain(limits::kRetryAfter * std::uniform_real_distribution<double>(0, 1)(random_));
  }
  CheckIdle();
}

void Streams::CheckIdle() {
  if (!draining_ || !idle_ || !streams_.empty() || !calls_.empty()) return;
  executor_->Post(std::exchange(idle_, nullptr));
}

void Streams::Report() {
  const auto add = [](base::Counter& metric, uint64_t now, uint64_t before) {
    metric.Increment(static_cast<double>(now - before));
  };
  const channel::Appender::Counters now = appender_.counters();
  add(metrics_->appended, now.appended, reported_.appended);
  add(metrics_->transient, now.transient, reported_.transient);
  add(metrics_->duplicates, now.duplicates, reported_.duplicates);
  add(metrics_->unpublished, now.unpublished, reported_.unpublished);
  add(metrics_->append_calls, now.calls, reported_.calls);
  add(metrics_->append_refusals, now.refused, reported_.refused);
  add(metrics_->epochs, now.epochs, reported_.epochs);
  add(metrics_->replicated, now.replicated, reported_.replicated);
  add(metrics_->unreplicated, now.unreplicated, reported_.unreplicated);
  add(metrics_->appended_again, now.again, reported_.again);
  metrics_->queue_bytes.Set(static_cast<double>(appender_.queued_bytes()));
  reported_ = now;
}

}  // namespace spanwire::broker
