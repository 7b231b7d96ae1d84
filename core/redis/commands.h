// What the machines above know of Redis: a pipelined connection that may be lost and come back.
// `Client` is the real one; tests and the simulator bring their own.
//
// Thread: the owning loop's, for every call and every callback.
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/redis/reply.h"

namespace spanwire::redis {

class Commands {
 public:
  // Called exactly once, never from within Call.
  //   a Reply            what Redis answered; an error reply too (Reply::is_error)
  //   UNAVAILABLE        there is no connection, or it was lost before the answer: nobody knows
  //                      whether Redis executed the command
  //   RESOURCE_EXHAUSTED a bound on unsent bytes or unanswered commands would be passed: it was
  //                      not sent
  // A command that is not answered within the client's timeout costs the connection, and so ends in
  // UNAVAILABLE.
  using Callback = absl::AnyInvocable<void(absl::StatusOr<Reply>)>;

  virtual ~Commands() = default;

  // Sends one command; `args` are copied before Call returns. Commands are executed, and answered,
  // in the order of the calls.
  virtual void Call(absl::Span<const absl::string_view> args, Callback callback) = 0;
  // Whether a connection is up (authenticated, of a supported version).
  virtual bool up() const = 0;
  // Gives the connection up and connects anew: for a caller that learned that the other side is not
  // what it should be (a demoted master). Everything unanswered ends UNAVAILABLE; listeners hear
  // OnDown.
  virtual void Reset(absl::Status why) = 0;
};

// Hears of the connection's fate. Every OnUp is a new connection; OnDown comes after the callbacks
// of all that was unanswered, and only after an OnUp.
class ConnectionListener {
 public:
  virtual ~ConnectionListener() = default;
  virtual void OnUp() = 0;
  virtual void OnDown(const absl::Status& why) = 0;
};

}  // namespace spanwire::redis
