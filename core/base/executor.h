// One thread's time: its clocks, its timers and its queue of things to do.
//
// Every machine of the project (appender, feed, session, subscriber…) is given an Executor and asks
// nobody else what time it is. `Loop` is the real one; tests and the simulator bring their own,
// whose time stands still until they move it.
//
// Thread safety: everything is for the owning thread only, except Post.
#pragma once

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace spanwire::base {

using Task = absl::AnyInvocable<void()>;

class Executor {
 public:
  // A timer that was asked for. Destroying it cancels it: its task then never runs. An empty one is
  // fine.
  class Pending {
   public:
    virtual ~Pending() = default;
  };
  using Timer = std::unique_ptr<Pending>;

  virtual ~Executor() = default;

  // The wall clock: for timestamps only, it may jump.
  virtual absl::Time Now() const = 0;
  // Time since some fixed moment, never backwards: for everything that waits or measures.
  virtual absl::Duration Uptime() const = 0;
  // Runs `task` once after `delay`, on this thread, never from within After.
  [[nodiscard]] virtual Timer After(absl::Duration delay, Task task) = 0;
  // Runs `task` later on this thread, in the order of the calls. From any thread.
  virtual void Post(Task task) = 0;
};

}  // namespace spanwire::base
