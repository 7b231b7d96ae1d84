#include "clients/cpp/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace spanwire::client {
namespace {

absl::Duration HintOf(const v1::Flow& flow) {
  return absl::Seconds(flow.retry_after().seconds()) +
         absl::Nanoseconds(flow.retry_after().nanos());
}

}  // namespace

Session::Session(Options options)
    : options_(std::move(options)), window_(options_.bounds), producer_id_(options_.producer_id) {}

absl::StatusOr<uint64_t> Session::Push(std::string event) {
  if (!stopped_.ok()) return stopped_;
  if (!window_.HasRoom(event.size())) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the queue is full: at most ", options_.bounds.events, " events and ",
                     options_.bounds.bytes, " bytes may be unacknowledged"));
  }
  return window_.Push(std::move(event));
}

bool Session::CanWrite() const {
  return state_ == State::kOpen && !writing_ && !paused_ && !draining_ && !cancelled_;
}

Step Session::Next(absl::Duration now) {
  if (!stopped_.ok()) return {};
  if (!streaming_) return now < wake_at_ ? Step{} : StartStream(now);
  if (cancelled_) return {};
  if (now >= wake_at_) {
    Confused(state_ == State::kOpen ? "the broker fell silent" : "the broker did not answer");
  }
  if (!verdict_.ok()) {
    cancelled_ = true;
    wake_at_ = absl::InfiniteDuration();
    return {Step::kCancel, ""};
  }
  if (writing_ || half_closed_) return {};
  if (draining_) {
    half_closed_ = true;
    Expect(now);
    return {Step::kHalfClose, ""};
  }
  if (!CanWrite() || !window_.Sendable()) return {};
  const bool idle = window_.in_flight() == 0;
  Step step{Step::kWrite, window_.TakeBatch()};
  writing_ = true;
  if (idle) Expect(now);
  return step;
}

Step Session::StartStream(absl::Duration now) {
  streaming_ = writing_ = true;
  paused_ = draining_ = half_closed_ = cancelled_ = false;
  hint_.reset();
  verdict_ = absl::OkStatus();
  window_.Rewind();
  wake_at_ = now + kOpenTimeout;

  v1::PublishStreamRequest request;
  v1::Open* open = request.mutable_open();
  open->set_producer_id(producer_id_);
  open->set_producer_epoch(producer_epoch_);
  open->set_agent(options_.agent);
  open->set_ack_level(options_.ack_level);
  return {Step::kStart, request.SerializeAsString()};
}

void Session::OnWritten() { writing_ = false; }

void Session::OnResponse(const v1::PublishStreamResponse& response, absl::Duration now) {
  if (cancelled_) return;
  if ((state_ != State::kOpen) != response.has_opened()) {
    return Confused("the broker's first answer, and only that, must be Opened");
  }
  switch (response.frame_case()) {
    case v1::PublishStreamResponse::kOpened:
      opened_at_ = now;
      OnOpened(response.opened());
      break;
    case v1::PublishStreamResponse::kAck: {
      const uint64_t before = window_.first();
      if (!window_.Acknowledge(response.ack().sequence())) {
        return Confused(absl::StrCat("the broker acknowledged ", response.ack().sequence(),
                                     ", which was not sent"));
      }
      if (window_.first() == before) break;
      attempts_ = 0;
      reports_.emplace_back(Acked{response.ack().sequence()});
      break;
    }
    case v1::PublishStreamResponse::kNack:
      if (window_.Nack(response.nack().sequence())) reports_.push_back(response.nack());
      break;
    case v1::PublishStreamResponse::kFlow:
      OnFlow(response.flow());
      break;
    default:
      break;  // a newer broker's
  }
  Expect(now);
}

void Session::OnOpened(const v1::Opened& opened) {
  producer_id_ = opened.producer_id();
  producer_epoch_ = opened.producer_epoch();
  window_.LimitBatch(opened.limits().batch_events(), opened.limits().batch_bytes());
  window_.Grant(opened.credits());
  if (ever_opened_) ++reconnects_;
  ever_opened_ = true;
  Change(State::kOpen, absl::OkStatus());
}

void Session::OnFlow(const v1::Flow& flow) {
  window_.Grant(flow.credits());
  paused_ = flow.level() == v1::Flow::LEVEL_STOP;
  if (flow.level() != v1::Flow::LEVEL_DRAIN) return;
  draining_ = true;
  if (flow.has_retry_after()) hint_ = HintOf(flow);
}

void Session::Expect(absl::Duration now) {
  const bool owed = window_.in_flight() > 0 || half_closed_;
  wake_at_ = owed ? now + kSilence : absl::InfiniteDuration();
}

void Session::Confused(absl::string_view what) { verdict_ = absl::UnavailableError(what); }

void Session::OnEnded(absl::Status status, absl::optional<absl::Duration> hint,
                      absl::Duration now) {
  const bool was_open = state_ == State::kOpen;
  streaming_ = writing_ = false;
  if (!verdict_.ok()) status = verdict_;
  if (was_open && now - opened_at_ > kBackoffLast) attempts_ = 0;

  // An epoch that is refused is never taken up again, nor a new one asked for: two instances would
  // fence each other for ever.
  if (absl::IsAborted(status)) return Stop(std::move(status));
  if (absl::IsInvalidArgument(status)) {
    if (!was_open) return Stop(std::move(status));
    if (const uint64_t culprit = window_.DropCulprit(); culprit != 0) {
      v1::Nack nack;
      nack.set_sequence(culprit);
      nack.set_code(static_cast<int>(status.code()));
      nack.set_message(std::string(status.message()));
      reports_.push_back(std::move(nack));
      reports_.emplace_back(Acked{culprit});
      attempts_ = 0;
    } else {
      window_.Suspect();
    }
  }
  if (status.ok() && !draining_) status = absl::UnavailableError("the broker ended the stream");
  Change(State::kConnecting, std::move(status));
  Wait(hint.has_value() ? hint : hint_, now);
}

void Session::Wait(absl::optional<absl::Duration> hint, absl::Duration now) {
  const absl::Duration most =
      std::min(kBackoffLast, kBackoffFirst * (1 << std::min(attempts_, 10)));
  ++attempts_;
  const absl::Duration delay = hint.has_value() ? std::clamp(*hint, absl::ZeroDuration(), kHintMost)
                                                : most * options_.random();
  wake_at_ = now + delay;
}

void Session::Stop(absl::Status why) {
  stopped_ = why;
  wake_at_ = absl::InfiniteDuration();
  Change(State::kStopped, std::move(why));
}

void Session::Change(State state, absl::Status why) {
  state_ = state;
  reports_.push_back(Changed{state, std::move(why)});
}

std::vector<Report> Session::TakeReports() { return std::exchange(reports_, {}); }

}  // namespace spanwire::client
