#include "broker/publish_stream.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/duration.h"
#include "core/channel/name.h"

namespace spanwire::broker {
namespace {

absl::Status CheckOpen(const v1::Open& open) {
  const auto bad = [](absl::string_view field, absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("open.", field, " ", what));
  };
  if (!open.producer_id().empty()) {
    const absl::Status id = channel::CheckId(open.producer_id());
    if (!id.ok()) return bad("producer_id", id.message());
    if (absl::StartsWith(open.producer_id(), kIdempotentPrefix)) {
      return bad("producer_id", absl::StrCat("must not begin with \"", kIdempotentPrefix, "\""));
    }
  }
  if (open.producer_epoch() > limits::kMaxEpoch) {
    return bad("producer_epoch", absl::StrCat("is more than ", limits::kMaxEpoch));
  }
  if (open.producer_epoch() > 0 && open.producer_id().empty()) {
    return bad("producer_id", "is empty; a producer_epoch belongs to one");
  }
  if (!v1::AckLevel_IsValid(open.ack_level()))
    return bad("ack_level", "is none that this broker knows");
  if (!open.agent().empty()) {
    const absl::Status agent = channel::CheckId(open.agent());
    if (!agent.ok()) return bad("agent", agent.message());
  }
  return absl::OkStatus();
}

}  // namespace

PublishStream::PublishStream(base::Executor* executor, channel::Appender* appender, Host* host,
                             Transport* transport, BrokerMetrics* metrics, uint32_t credits)
    : executor_(executor),
      appender_(appender),
      host_(host),
      transport_(transport),
      metrics_(metrics),
      credits_(credits) {
  open_deadline_ = executor_->After(limits::kOpenDeadline, [this] {
    End(absl::FailedPreconditionError(
        absl::StrCat("no Open came within ", absl::FormatDuration(limits::kOpenDeadline))));
  });
}

void PublishStream::OnFrame(PublishFrame frame) {
  reading_ = false;
  if (ended()) return;
  if ((frame.kind == PublishFrame::Kind::kOpen) != (state_ == State::kWaitsForOpen)) {
    return End(absl::FailedPreconditionError(state_ == State::kWaitsForOpen
                                                 ? "the first frame must be Open"
                                                 : "Open must be the first frame"));
  }
  switch (frame.kind) {
    case PublishFrame::Kind::kOpen:
      return OnOpen(frame.open);
    case PublishFrame::Kind::kBatch:
      return OnBatch(std::move(frame.events), frame.first_sequence);
    case PublishFrame::Kind::kCommandResult:  // the answer to no Command of ours: nobody waits for
                                              // it
      return MaybeRead();
  }
}

void PublishStream::OnBadFrame(const absl::Status& why) {
  reading_ = false;
  End(why);
}

void PublishStream::OnHalfClose() {
  reading_ = false;
  if (ended()) return;
  if (state_ == State::kWaitsForOpen) {
    return End(absl::FailedPreconditionError("the stream ended without Open"));
  }
  half_closed_ = true;
  MaybeComplete();
}

void PublishStream::OnCancelled() { End(absl::CancelledError("the agent went away")); }

void PublishStream::OnOpen(const v1::Open& open) {
  open_deadline_.reset();
  if (absl::Status status = CheckOpen(open); !status.ok()) return End(status);
  state_ = State::kOpening;
  want_positions_ = open.want_positions();
  host_->OnOpen(this, open);
}

void PublishStream::Accept(std::shared_ptr<const channel::Producer> producer) {
  state_ = State::kOpen;
  producer_ = std::move(producer);
  v1::Opened& opened = *unwritten_.emplace_back().mutable_opened();
  opened.set_producer_id(producer_->id);
  opened.set_producer_epoch(producer_->epoch);
  opened.set_credits(credits_);
  v1::Limits& bounds = *opened.mutable_limits();
  bounds.set_event_bytes(limits::kEventBytes);
  bounds.set_batch_events(limits::kBatchEvents);
  bounds.set_batch_bytes(limits::kBatchBytes);
  bounds.set_channels(limits::kChannelsPerEvent);
  WriteSoon();
  MaybeRead();
}

absl::Status PublishStream::CheckBatch(uint64_t first_sequence, uint64_t count) const {
  if (first_sequence == 0)
    return absl::InvalidArgumentError("batch.first_sequence must be at least 1");
  if (first_sequence > limits::kMaxSequence || count > limits::kMaxSequence - first_sequence + 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "batch.first_sequence leads beyond the highest sequence, ", limits::kMaxSequence));
  }
  if (expected_ != 0 && first_sequence != expected_) {
    return absl::OutOfRangeError(
        absl::StrCat("batch.first_sequence is ", first_sequence, ", expected ", expected_));
  }
  if (unacknowledged() + count > credits_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", credits_, " events are unacknowledged"));
  }
  return absl::OkStatus();
}

void PublishStream::OnBatch(std::vector<RoutedEvent> events, uint64_t first_sequence) {
  if (absl::Status status = CheckBatch(first_sequence, events.size()); !status.ok())
    return End(status);
  if (expected_ == 0) acked_ = first_sequence - 1;
  expected_ = first_sequence + events.size();
  metrics_->events.Increment(static_cast<double>(events.size()));
  for (size_t i = 0; i < events.size(); ++i) Take(std::move(events[i]), first_sequence + i);
  WriteSoon();
  MaybeRead();
}

void PublishStream::Take(RoutedEvent event, uint64_t sequence) {
  Sent& sent = window_.emplace_back();
  sent.taken = executor_->Uptime();
  if (!event.violations.empty()) return PushNack(sequence, event.violations);
  metrics_->event_bytes.Increment(static_cast<double>(event.event->size()));
  sent.outstanding = static_cast<uint32_t>(event.channels.size());
  for (const std::string& channel : event.channels) {
    appender_->Append(this, producer_, channel, sequence, event.transient, event.event);
  }
}

void PublishStream::PushNack(uint64_t sequence, const std::vector<Violation>& violations) {
  metrics_->nacks.Increment();
  v1::Nack& nack = *unwritten_.emplace_back().mutable_nack();
  nack.set_sequence(sequence);
  nack.set_code(static_cast<int32_t>(absl::StatusCode::kInvalidArgument));
  nack.set_message(Describe(violations));
  for (const Violation& violation : violations) {
    v1::FieldViolation& added = *nack.add_violations();
    added.set_field(violation.field);
    added.set_description(violation.description);
  }
}

void PublishStream::OnCommitted(uint64_t sequence, absl::string_view channel,
                                absl::optional<channel::Position> position) {
  if (ended()) return;
  Sent& sent = window_[sequence - acked_ - 1];
  if (want_positions_ && position) sent.positions.emplace_back(std::string(channel), *position);
  if (--sent.outstanding == 0 && sequence == acked_ + 1) WriteSoon();
}

void PublishStream::OnFenced(uint64_t newer) {
  if (ended()) return;
  host_->OnFenced(this, newer);
  End(absl::AbortedError(absl::StrCat(
      "fenced: a newer instance of this producer has taken over (epoch ", newer, ")")));
}

void PublishStream::MaybeRead() {
  if (state_ != State::kOpen || reading_ || half_closed_ || draining_ ||
      unwritten_.size() >= limits::kUnwrittenFrames) {
    return;
  }
  if (appender_->over_bound(this) || !host_->HasRoom(this)) {
    if (!std::exchange(stopped_, true)) PushFlow(v1::Flow::LEVEL_STOP, absl::ZeroDuration());
    return;
  }
  if (std::exchange(stopped_, false)) PushFlow(v1::Flow::LEVEL_OK, absl::ZeroDuration());
  reading_ = true;
  transport_->Read();
}

void PublishStream::Resume() { MaybeRead(); }

void PublishStream::OnRoom() { MaybeRead(); }

void PublishStream::Drain(absl::Duration retry_after) {
  if (ended() || draining_) return;
  if (state_ != State::kOpen) return End(absl::UnavailableError("the broker is going down"));
  draining_ = true;
  PushFlow(v1::Flow::LEVEL_DRAIN, retry_after);
}

void PublishStream::PushFlow(v1::Flow::Level level, absl::Duration retry_after) {
  v1::Flow& flow = flow_.emplace();
  flow.set_credits(credits_);
  flow.set_level(level);
  if (level == v1::Flow::LEVEL_DRAIN) *flow.mutable_retry_after() = base::FromDuration(retry_after);
  WriteSoon();
}

// At the end of the loop's turn: what is committed in one turn goes into one Ack.
void PublishStream::WriteSoon() {
  if (writing_ || std::exchange(write_posted_, true)) return;
  executor_->Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    write_posted_ = false;
    WriteNext();
  });
}

void PublishStream::WriteNext() {
  if (ended() || writing_) return;
  v1::PublishStreamResponse response;
  if (!NextResponse(&response)) return MaybeComplete();
  writing_ = true;
  transport_->Write(response);
}

// A Nack stands before the Ack that covers it.
bool PublishStream::NextResponse(v1::PublishStreamResponse* response) {
  if (!unwritten_.empty()) {
    *response = std::move(unwritten_.front());
    unwritten_.pop_front();
    return true;
  }
  if (flow_) {
    *response->mutable_flow() = *std::exchange(flow_, absl::nullopt);
    return true;
  }
  return NextAck(response->mutable_ack());
}

bool PublishStream::NextAck(v1::Ack* ack) {
  if (window_.empty() || window_.front().outstanding > 0) return false;
  metrics_->ack_seconds.Observe(absl::ToDoubleSeconds(executor_->Uptime() - window_.front().taken));
  while (!window_.empty() && window_.front().outstanding == 0 &&
         ack->positions_size() < static_cast<int>(limits::kAckPositions)) {
    ++acked_;
    for (const auto& [channel, position] : window_.front().positions) {
      v1::EventPosition& added = *ack->add_positions();
      added.set_sequence(acked_);
      added.set_channel(channel);
      added.set_position(position.ToString());
    }
    window_.pop_front();
  }
  ack->set_sequence(acked_);
  return true;
}

void PublishStream::OnWritten(bool ok) {
  writing_ = false;
  if (ended()) return transport_->Finish(end_);
  if (!ok) return End(absl::CancelledError("the agent went away"));
  WriteNext();
  MaybeRead();
}

void PublishStream::MaybeComplete() {
  if (state_ != State::kOpen || writing_ || write_posted_ || !window_.empty() ||
      !unwritten_.empty() || flow_) {
    return;
  }
  if (half_closed_) return End(absl::OkStatus());
  if (draining_) End(absl::UnavailableError("the broker is going down; open a stream elsewhere"));
}

void PublishStream::End(const absl::Status& status) {
  if (ended()) return;
  state_ = State::kEnded;
  end_ = status;
  open_deadline_.reset();
  window_.clear();
  unwritten_.clear();
  flow_.reset();
  appender_->Forget(this);
  host_->OnEnd(this, status);
  if (!writing_) transport_->Finish(end_);
}

}  // namespace spanwire::broker
