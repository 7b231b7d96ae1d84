// The pipelined client: one connection that carries every command of a loop, is kept up, and tells
// its listeners when it was lost. Commands called in one turn of the loop leave in one write.
//
// Owner: a daemon's main (or its server object). Thread: the loop's, for everything but stats();
// Start and AddListener also before the loop runs. The destructor drops what is unanswered without
// calling anybody: Stop comes first where it matters.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/base/executor.h"
#include "core/base/loop.h"
#include "core/redis/commands.h"
#include "core/redis/link.h"
#include "core/redis/options.h"
#include "core/redis/pipeline.h"
#include "core/redis/stats.h"

namespace spanwire::redis {

class Client final : public Commands, private Link::Owner {
 public:
  // `loop` outlives the client. `name` tells connections apart in the log.
  Client(base::Loop* loop, RedisOptions options, std::string name = "commands");
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Listeners are called in the order in which they were added; they outlive the client, or its
  // Stop.
  void AddListener(ConnectionListener* listener);
  // Connects, and connects again after every loss, until Stop.
  void Start();
  // Ends the connection: everything unanswered ends UNAVAILABLE and listeners hear OnDown before
  // this returns.
  void Stop();

  void Call(absl::Span<const absl::string_view> args, Callback callback) override;
  bool up() const override;
  // The connection is gone when this returns; the callbacks and OnDown come in a turn of their own.
  void Reset(absl::Status why) override;

  // OK while up; else why there is no connection: UNAVAILABLE (absent, lost, loading),
  // UNAUTHENTICATED (AUTH refused), PERMISSION_DENIED (a command that every client needs is
  // forbidden), FAILED_PRECONDITION (not a Redis ≥ 7.0).
  const absl::Status& health() const;
  const ConnectionStats& stats() const;

 private:
  void OnLinkUp() override;
  void OnReply(Reply reply) override;
  void OnLinkDown(const absl::Status& why) override;

  using Refusals = std::vector<std::pair<absl::Status, Callback>>;

  void Refuse(absl::Status why, Callback callback);
  void WatchDeadline();
  void OnDeadline(absl::Duration due);

  base::Loop* const loop_;
  const absl::Duration timeout_;
  std::vector<ConnectionListener*> listeners_;
  size_t told_ = 0;  // how many of them heard OnUp
  Link link_;
  Pipeline pipeline_;
  // The deadline of the oldest unanswered command.
  base::Executor::Timer deadline_;
  // Refused within this turn, called in the next one.
  std::shared_ptr<Refusals> refused_;
};

}  // namespace spanwire::redis
