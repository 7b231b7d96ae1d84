// The bookkeeping of a pipelined connection: whose answer comes next, until when, and how much may
// be outstanding. A pure machine: it sees no socket and no clock.
//
// Owner: a Client. Thread: its loop's.
#pragma once

#include <cstddef>
#include <deque>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "core/base/limits.h"
#include "core/redis/commands.h"
#include "core/redis/reply.h"

namespace spanwire::redis {

class Pipeline {
 public:
  explicit Pipeline(size_t max_unsent_bytes = limits::kRedisUnsentBytes,
                    size_t max_unanswered = limits::kRedisUnansweredCommands);

  // Whether one more command of `command_bytes` may be added when `unsent_bytes` wait; else
  // RESOURCE_EXHAUSTED.
  absl::Status Admit(size_t unsent_bytes, size_t command_bytes) const;
  // A command was sent, to be answered until `due`; these never decrease.
  void Add(Commands::Callback callback, absl::Duration due);
  // An answer came: calls the oldest callback. INTERNAL: nobody asked.
  absl::Status OnReply(Reply reply);
  // Until when the oldest is due.
  absl::optional<absl::Duration> due() const;
  // The connection is lost: calls every callback with `why`. What callbacks add meanwhile is not
  // touched.
  void Fail(const absl::Status& why);
  size_t unanswered() const { return waiting_.size(); }

 private:
  struct Waiting {
    Commands::Callback callback;
    absl::Duration due;
  };
  const size_t max_unsent_bytes_;
  const size_t max_unanswered_;
  std::deque<Waiting> waiting_;
};

}  // namespace spanwire::redis
