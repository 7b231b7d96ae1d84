// A connection that is kept up: connects, connects again after every loss, and remembers why there
// is none.
//
// Owner: a Client or a Subscriber. Thread: the loop's; Start also before the loop runs.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/base/backoff.h"
#include "core/base/executor.h"
#include "core/base/loop.h"
#include "core/redis/connection.h"
#include "core/redis/options.h"
#include "core/redis/reply.h"
#include "core/redis/stats.h"

namespace spanwire::redis {

class Link final : private Connection::Listener {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnLinkUp() = 0;
    virtual void OnReply(Reply reply) = 0;
    // Only after OnLinkUp. Another attempt is under way.
    virtual void OnLinkDown(const absl::Status& why) = 0;
  };

  // `name` tells connections apart in the log: "commands". Loop and owner outlive the link.
  Link(base::Loop* loop, RedisOptions options, std::string name, Owner* owner);
  ~Link() override = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void Start();
  // The owner hears OnLinkDown, if it was up, before this returns.
  void Stop();
  // Closes the connection at once; OnLinkDown comes in a turn of its own. No effect unless up.
  void Reset(absl::Status why);

  // While up.
  void Send(absl::Span<const absl::string_view> args);
  size_t unsent_bytes() const { return connection_ ? connection_->unsent_bytes() : 0; }
  bool up() const { return up_; }
  // OK while up; else why there is no connection.
  const absl::Status& health() const { return health_; }
  ConnectionStats& stats() { return stats_; }
  const ConnectionStats& stats() const { return stats_; }

 private:
  void OnReady() override;
  void OnReply(Reply reply) override;
  void OnClosed(const absl::Status& why) override;

  void Connect();
  void Lose(absl::Status why);
  void TellDown();
  void Retry(absl::Duration delay);
  void LogFailure();

  base::Loop* const loop_;
  const RedisOptions options_;
  const std::string name_;
  Owner* const owner_;
  std::unique_ptr<Connection> connection_;
  bool running_ = false;
  bool up_ = false;
  bool down_untold_ = false;  // lost, and the owner has not heard of it
  absl::Duration up_since_;
  base::Backoff backoff_;
  absl::Duration delay_;        // before the next attempt
  base::Executor::Timer next_;  // the next attempt, or the telling
  absl::Status health_;
  std::string logged_;  // the last failure that was logged: the same one is not logged again
  ConnectionStats stats_;
};

}  // namespace spanwire::redis
