// Reads pages of channels' logs from Redis: what a Follower asks for. It tries until it has an
// answer: over lost connections, LOADING and the like; a follower asks once. Only what no waiting
// mends is an error: a key that is not the log's, or a right that the bridge has not.
//
// Owner: a bridge's feed loop. Thread: that loop's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
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
  // The page; PERMISSION_DENIED or FAILED_PRECONDITION when it can never be had.
  using Callback = absl::AnyInvocable<void(absl::StatusOr<LogPage>)>;

  // All outlive the reader. `log_ttl`: how long a channel without events keeps the position that it
  // is given, if that is longer than limits::kQuietTtlFloor.
  LogReader(base::Executor* executor, redis::Commands* redis, const redis::RedisClock* clock,
            const Names* names, absl::Duration log_ttl);
  ~LogReader();
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  // Reads what `ask` wants, at most `page_events` rows. Of the last N events, which may be more,
  // the oldest come that make a page: the others follow them in the log. Since a time no rows come,
  // but the place before the first of them. `callback` comes later, from the executor, unless
  // `owner` or the reader is gone.
  void Read(std::string channel, Ask ask, size_t page_events, std::weak_ptr<const void> owner,
            Callback callback);

  // How many rows make a page of about limits::kPageBytes. A mean of 0: not known yet.
  static size_t PageEvents(double mean_event_bytes);

  // Calls that Redis answered with an error, or not at all.
  uint64_t failures() const { return failures_; }
  size_t waiting() const { return waiting_; }

 private:
  struct Request;
  using RequestPtr = std::shared_ptr<Request>;

  void Try(const RequestPtr& request);
  void SendTail(const RequestPtr& request);
  void SendRange(const RequestPtr& request);
  void SendLast(const RequestPtr& request);
  template <typename Done>
  redis::Commands::Callback On(const RequestPtr& request, Done done);
  void OnTail(const RequestPtr& request, Tail tail);
  void OnLast(const RequestPtr& request, size_t wanted, redis::Reply& reply);
  void SendSince(const RequestPtr& request);
  void OnEnds(const RequestPtr& request, const absl::optional<LogEntry>& newest);
  Position Oldest(const Request& request) const;
  void Bisect(const RequestPtr& request);
  void FinishAt(Request& request, Position start);
  void OnError(const RequestPtr& request, const absl::StatusOr<redis::Reply>& reply);
  void OnRefusal(const RequestPtr& request, absl::string_view why);
  void RetryAfter(const RequestPtr& request, absl::Duration ceiling);
  void Retry();
  void Finish(Request& request, absl::StatusOr<LogPage> result);

  base::Executor* const executor_;
  redis::Commands* const redis_;
  const redis::RedisClock* const clock_;
  const Names* const names_;
  const absl::Duration log_ttl_;
  const absl::Duration quiet_ttl_;
  std::mt19937_64 random_;
  uint64_t failures_ = 0;
  size_t waiting_ = 0;
  std::multimap<absl::Duration, RequestPtr> failed_;  // by the time of their next attempt
  base::Executor::Timer retry_;                       // for the first of them
  std::shared_ptr<char> alive_;
};

}  // namespace spanwire::channel
