#include "core/redis/link.h"

#include <utility>

#include "core/base/limits.h"
#include "core/base/log.h"

namespace spanwire::redis {

Link::Link(base::Loop* loop, RedisOptions options, std::string name, Owner* owner)
    : loop_(loop),
      options_(std::move(options)),
      name_(std::move(name)),
      owner_(owner),
      health_(absl::UnavailableError("redis is not connected yet")) {}

void Link::Start() {
  running_ = true;
  Retry(absl::ZeroDuration());
}

void Link::Stop() {
  if (!running_) return;
  running_ = false;
  if (up_) Lose(absl::UnavailableError("the redis connection was closed: shutting down"));
  next_.reset();
  connection_.reset();
  TellDown();
}

void Link::Reset(absl::Status why) {
  if (!up_) return;
  Lose(std::move(why));
  // In a turn of its own: the caller may be in the middle of something that OnLinkDown would
  // change.
  next_ = loop_->After(absl::ZeroDuration(), [this] {
    TellDown();
    if (running_) Retry(delay_);
  });
}

void Link::Send(absl::Span<const absl::string_view> args) {
  connection_->Send(args);
  stats_.unsent_bytes.store(connection_->unsent_bytes(), std::memory_order_relaxed);
}

void Link::Connect() {
  Connection::Listener* const listener = this;
  connection_ = std::make_unique<Connection>(loop_, options_, listener);
}

void Link::OnReady() {
  up_ = true;
  up_since_ = loop_->Uptime();
  health_ = absl::OkStatus();
  logged_.clear();
  stats_.up = true;
  ++stats_.connects;
  base::LogInfo("redis connected", {{"connection", name_},
                                    {"address", options_.address.ToString()},
                                    {"version", connection_->server_version()}});
  owner_->OnLinkUp();
}

void Link::OnReply(Reply reply) {
  stats_.unsent_bytes.store(connection_->unsent_bytes(), std::memory_order_relaxed);
  owner_->OnReply(std::move(reply));
}

void Link::OnClosed(const absl::Status& why) {
  if (up_) {
    Lose(why);
    TellDown();
  } else {
    ++stats_.failures;
    health_ = why;
    connection_.reset();
    delay_ = backoff_.Next();
    LogFailure();
  }
  if (running_) Retry(delay_);
}

void Link::Lose(absl::Status why) {
  const absl::Duration lasted = loop_->Uptime() - up_since_;
  if (running_) {
    base::LogWarning("redis connection lost", {{"connection", name_},
                                               {"address", options_.address.ToString()},
                                               {"after", lasted},
                                               {"why", why.message()}});
  }
  up_ = false;
  down_untold_ = true;
  health_ = std::move(why);
  connection_.reset();
  stats_.up = false;
  stats_.unsent_bytes = 0;
  ++stats_.losses;
  // One that worked for a while is replaced at once. One that never does (a demoted master, which
  // shakes hands and then refuses to write) must not be replaced in a tight circle.
  if (lasted >= limits::kReconnectSteady) {
    backoff_.Reset();
    delay_ = absl::ZeroDuration();
  } else {
    delay_ = backoff_.Next();
  }
}

void Link::TellDown() {
  if (std::exchange(down_untold_, false)) owner_->OnLinkDown(health_);
}

void Link::Retry(absl::Duration delay) {
  next_ = loop_->After(delay, [this] { Connect(); });
}

void Link::LogFailure() {
  std::string failure(health_.message());
  if (failure == logged_) return;
  logged_ = std::move(failure);
  base::LogWarning(
      "redis cannot be reached, will be tried again",
      {{"connection", name_}, {"address", options_.address.ToString()}, {"why", logged_}});
}

}  // namespace spanwire::redis
