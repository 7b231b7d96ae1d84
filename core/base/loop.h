// An event loop: one thread, one asio::io_context, and the Executor that the machines on that
// thread are given.
//
// Owner: the daemon's main; it outlives every timer and socket made on it. Thread safety: Post,
// Stop, InThisThread and the clocks from any thread; io() and After on the loop's own thread, or
// while it does not run.
#pragma once

#include <string>
#include <thread>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "core/base/executor.h"

namespace spanwire::base {

class Loop final : public Executor {
 public:
  // `name` is the thread's, at most 15 characters.
  explicit Loop(std::string name);
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Starts the thread. Without Start, the caller's thread is the loop's while it runs Run.
  void Start();
  void Run();
  // Ends Run soon; what is still queued is not run. Join waits for the thread.
  void Stop();
  void Join();

  bool InThisThread() const;
  asio::io_context& io() { return io_; }

  absl::Time Now() const override;
  absl::Duration Uptime() const override;
  [[nodiscard]] Timer After(absl::Duration delay, Task task) override;
  void Post(Task task) override;

 private:
  const std::string name_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace spanwire::base
