// The process's end: SIGTERM or SIGINT starts the drain, a second one ends the process at once,
// unless it comes within limits::kSignalEcho of the first.
//
//     PrepareProcess();
//     Loop admin("admin"); …
//     Lifecycle lifecycle(&admin);
//     lifecycle.OnDrain(timeout, [&] { … });  // the last loop to end calls lifecycle.Finish(0)
//     admin.Run();                            // returns after Finish
//     return lifecycle.exit_code();
//
// Owner: main; at most one exists. Thread safety: Finish and draining from any thread; the rest on
// the admin loop or before it runs.
#pragma once

#include <atomic>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "core/base/loop.h"

namespace spanwire::base {

// Ignores SIGPIPE and raises the soft limit of open files to the hard one. First thing in main.
void PrepareProcess();

class Lifecycle {
 public:
  // From here on the two signals no longer end the process by themselves: the first one waits for
  // OnDrain if need be, the second one calls _exit(128 + signal) from within the signal handler,
  // whatever the loops are doing.
  explicit Lifecycle(Loop* admin);
  ~Lifecycle();
  Lifecycle(const Lifecycle&) = delete;
  Lifecycle& operator=(const Lifecycle&) = delete;

  // `drain` is called once, on the admin loop, at the first signal. If Finish has not come
  // `timeout` after that, the process finishes with exit code 1.
  void OnDrain(absl::Duration timeout, absl::AnyInvocable<void()> drain);

  // A drain as if by signal; further calls do nothing. Does not count as the first signal.
  void Drain();
  // Stops the admin loop, so that its Run returns. The first call's exit code stands.
  void Finish(int exit_code);

  // Whether a drain has begun.
  bool draining() const;
  // 0 until Finish.
  int exit_code() const;

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace spanwire::base
