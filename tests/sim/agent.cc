#include "tests/sim/agent.h"

#include <algorithm>
#include <utility>

#include "broker/frames.h"
#include "spanwire/v1/event.pb.h"
#include "tests/sim/broker_node.h"

namespace spanwire::sim {
namespace {

constexpr absl::Duration kLatency = absl::Milliseconds(3);

double Uniform(Random* random) { return std::uniform_real_distribution<double>(0, 1)(*random); }

}  // namespace

AgentStream::AgentStream(base::Executor* executor, Random* random, BrokerNode* broker,
                         Client* client)
    : executor_(executor),
      broker_(broker),
      client_(client),
      up_(executor, random, kLatency),
      down_(executor, random, kLatency) {
  broker_->open.insert(this);
  stream_ = broker_->streams.Add(this);
}

AgentStream::~AgentStream() {
  if (broker_ == nullptr) return;
  broker_->open.erase(this);
  if (stream_ != nullptr) broker_->streams.Remove(stream_.get());
}

void AgentStream::Send(std::string frame) {
  up_.Send([this, frame = std::move(frame)]() mutable {
    arrived_.push_back(std::move(frame));
    Feed();
  });
}

void AgentStream::HalfClose() {
  up_.Send([this] {
    half_closed_ = true;
    Feed();
  });
}

void AgentStream::Feed() {
  if (!wanted_ || stream_ == nullptr || broker_ == nullptr) return;
  if (arrived_.empty()) {
    if (!half_closed_) return;
    wanted_ = false;
    return stream_->OnHalfClose();
  }
  wanted_ = false;
  const std::string bytes = std::move(arrived_.front());
  arrived_.pop_front();
  absl::StatusOr<broker::PublishFrame> frame =
      broker::ReadPublishFrame(bytes, broker_->router, {agent_, broker_->clock.Now()});
  if (!frame.ok()) return stream_->OnBadFrame(frame.status());
  if (frame->kind == broker::PublishFrame::Kind::kOpen) agent_ = frame->open.agent();
  stream_->OnFrame(*std::move(frame));
}

void AgentStream::Read() {
  executor_->Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    wanted_ = true;
    Feed();
  });
}

void AgentStream::Write(const v1::PublishStreamResponse& response) {
  down_.Send([this, response] {
    if (client_ != nullptr) client_->OnResponse(response);
  });
  executor_->Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired() && stream_ != nullptr && broker_ != nullptr) stream_->OnWritten(true);
  });
}

void AgentStream::Finish(const absl::Status& status) {
  down_.Send([this, status] {
    if (client_ != nullptr) std::exchange(client_, nullptr)->OnEnded(status);
  });
}

void AgentStream::Cancel() {
  client_ = nullptr;
  up_.Cut();
  executor_->Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired() && stream_ != nullptr && broker_ != nullptr) stream_->OnCancelled();
  });
}

void AgentStream::OnBrokerDied() {
  stream_.reset();
  broker_ = nullptr;
  up_.Cut();
  Finish(absl::UnavailableError("the broker is gone"));
}

Agent::Agent(base::Executor* executor, Random* random, Truth* truth, std::string producer,
             bool replicated, std::function<BrokerNode*()> pick)
    : executor_(executor),
      random_(random),
      truth_(truth),
      instance_(truth->NewInstance(producer, replicated)),
      pick_(std::move(pick)),
      session_({"agent",
                producer,
                replicated ? v1::ACK_LEVEL_REPLICATED : v1::ACK_LEVEL_REDIS,
                {},
                [random] { return Uniform(random); }}) {
  Advance();
}

Agent::~Agent() {
  if (stream_) stream_->Cancel();
}

void Agent::Publish(const std::vector<std::string>& channels) {
  if (stopped()) return;
  Instance::Published published;
  const size_t first =
      static_cast<size_t>(Between(*random_, 0, static_cast<int64_t>(channels.size()) - 1));
  published.channels.push_back(channels[first]);
  if (Chance(*random_, 0.3)) published.channels.push_back(channels[(first + 1) % channels.size()]);
  published.transient = Chance(*random_, 0.15);
  const std::string name = Truth::Name(*instance_, instance_->events.size() + 1);
  v1::Event event;
  for (const std::string& channel : published.channels) event.add_channels(channel);
  if (published.transient) {
    event.mutable_typing()->set_user(name);
  } else {
    event.mutable_log_line()->set_text(name);
  }
  if (done()) waits_since_ = executor_->Uptime();
  instance_->events.push_back(published);
  if (!session_.Push(event.SerializeAsString()).ok()) instance_->events.pop_back();
  Advance();
}

bool Agent::done() const {
  return stopped() || session_.window().first() == session_.window().end();
}

void Agent::Advance() {
  while (true) {
    client::Step step = session_.Next(executor_->Uptime());
    if (step.action == client::Step::kNone) break;
    Take(std::move(step));
  }
  if (instance_->epoch == 0) instance_->epoch = session_.producer_epoch();
  for (const client::Report& report : session_.TakeReports()) {
    if (const auto* acked = std::get_if<client::Acked>(&report))
      truth_->OnAcked(instance_, acked->sequence);
    if (const auto* nack = std::get_if<v1::Nack>(&report))
      truth_->Bad("nacked: " + nack->message());
  }
  if (session_.wake_at() == absl::InfiniteDuration()) {
    wake_.reset();
  } else {
    wake_ =
        executor_->After(std::max(session_.wake_at() - executor_->Uptime(), absl::ZeroDuration()),
                         [this] { Advance(); });
  }
}

void Agent::Take(client::Step step) {
  const auto written = [this, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    session_.OnWritten();
    Advance();
  };
  switch (step.action) {
    case client::Step::kStart: {
      BrokerNode* const broker = pick_();
      if (broker == nullptr) {
        return executor_->Post([this, alive = std::weak_ptr<char>(alive_)] {
          if (!alive.expired()) OnEnded(absl::UnavailableError("no broker answers"));
        });
      }
      stream_ = std::make_shared<AgentStream>(executor_, random_, broker,
                                              static_cast<AgentStream::Client*>(this));
      waits_since_ = executor_->Uptime();
      stream_->Send(std::move(step.frame));
      return executor_->Post(written);
    }
    case client::Step::kWrite:
      stream_->Send(std::move(step.frame));
      return executor_->Post([written, stream = std::weak_ptr<AgentStream>(stream_)] {
        if (!stream.expired()) written();
      });
    case client::Step::kHalfClose:
      return stream_->HalfClose();
    case client::Step::kCancel: {
      const std::shared_ptr<AgentStream> stream = std::move(stream_);
      stream->Cancel();
      return executor_->Post([this, stream, alive = std::weak_ptr<char>(alive_)] {
        if (!alive.expired()) OnEnded(absl::CancelledError("cancelled"));
      });
    }
    case client::Step::kNone:
      return;
  }
}

void Agent::OnResponse(const v1::PublishStreamResponse& response) {
  const uint64_t first = session_.window().first();
  session_.OnResponse(response, executor_->Uptime());
  if (session_.window().first() != first) waits_since_ = executor_->Uptime();
  Advance();
}

void Agent::OnEnded(const absl::Status& status) {
  // The stream calls us from within: it goes when it has returned.
  executor_->Post([stream = std::move(stream_)] {});
  absl::optional<absl::Duration> hint;
  if (absl::IsUnavailable(status)) hint = absl::Milliseconds(Between(*random_, 1, 1000));
  session_.OnEnded(status, hint, executor_->Uptime());
  Advance();
}

}  // namespace spanwire::sim
