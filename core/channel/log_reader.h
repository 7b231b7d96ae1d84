// Reads pages of channels' logs from Redis: what a Follower asks for. It tries until it has an
// answer: over lost connections, LOADING and the like; a follower asks once.
//
// Owner: a bridge's feed loop. Thread: that loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/executor.h"
#include "core/base/limits.h"
#include "core/channel/follower.h"
#include "core/channel/name.h"
#include "core/redis/commands.h"
#include "core/redis/redis_clock.h"

namespace spanwire::channel {

// A row as the log holds it: the body is an encoded Event without id and prev.
using LogPage = Page<std::string>;
using LogEntry = Entry<std::string>;

class LogReader final {
 public:
  using Callback = absl::AnyInvocable<void(LogPage)>;

  // All outlive the reader. `log_ttl`: how long a channel without events keeps the position that it
  // is given.
  LogReader(base::Executor* executor, redis::Commands* redis, const redis::RedisClock* clock,
            const Names* names, absl::Duration log_ttl);
  ~LogReader();
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  // Reads what `ask` wants, at most `page_events` rows. `callback` comes later, from the executor,
  // unless the reader is gone.
  void Read(std::string channel, Ask ask, size_t page_events, Callback callback);

  // How many rows make a page of about limits::kPageBytes. A mean of 0: not known yet.
  static size_t PageEvents(double mean_event_bytes);

  // Calls that Redis answered with an error, or not at all.
  uint64_t failures() const { return failures_; }
  size_t waiting() const { return waiting_; }

 private:
  struct Request;

  void Try(std::shared_ptr<Request> request);
  void SendTail(const std::shared_ptr<Request>& request);
  void SendRange(const std::shared_ptr<Request>& request);
  bool Failed(const std::shared_ptr<Request>& request, const absl::StatusOr<redis::Reply>& reply);
  void Done(Request& request);

  base::Executor* const executor_;
  redis::Commands* const redis_;
  const redis::RedisClock* const clock_;
  const Names* const names_;
  const absl::Duration log_ttl_;
  std::mt19937_64 random_;
  uint64_t failures_ = 0;
  size_t waiting_ = 0;
  std::vector<std::shared_ptr<Request>> failed_;  // to be tried again when retry_ fires
  base::Executor::Timer retry_;
  std::shared_ptr<char> alive_;
};

}  // namespace spanwire::channel
