#include "core/base/loop.h"

#include <memory>
#include <utility>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <pthread.h>

#include "absl/time/clock.h"

namespace spanwire::base {
namespace {

// The task lives as long as either the caller's handle or Asio's completion, so cancelling from
// within is safe.
class LoopTimer final : public Executor::Pending {
 public:
  LoopTimer(asio::io_context& io, absl::Duration delay, Task task)
      : state_(std::make_shared<State>(io, std::move(task))) {
    state_->timer.expires_after(absl::ToChronoNanoseconds(delay));
    state_->timer.async_wait([state = state_](const asio::error_code& error) {
      if (error || !state->task) return;
      Task run = std::exchange(state->task, nullptr);
      run();
    });
  }
  ~LoopTimer() override {
    state_->task = nullptr;
    state_->timer.cancel();
  }

 private:
  struct State {
    State(asio::io_context& io, Task task) : timer(io), task(std::move(task)) {}
    asio::steady_timer timer;
    Task task;
  };
  std::shared_ptr<State> state_;
};

}  // namespace

Loop::Loop(std::string name) : name_(std::move(name)), io_(1), work_(io_.get_executor()) {}

Loop::~Loop() {
  Stop();
  Join();
}

void Loop::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), name_.c_str());
    Run();
  });
}

void Loop::Run() { io_.run(); }

void Loop::Stop() { io_.stop(); }

void Loop::Join() {
  if (thread_.joinable()) thread_.join();
}

bool Loop::InThisThread() const { return work_.get_executor().running_in_this_thread(); }

absl::Time Loop::Now() const { return absl::Now(); }

absl::Duration Loop::Uptime() const {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

Executor::Timer Loop::After(absl::Duration delay, Task task) {
  return std::make_unique<LoopTimer>(io_, delay, std::move(task));
}

void Loop::Post(Task task) {
  asio::post(io_, [task = std::move(task)]() mutable { task(); });
}

}  // namespace spanwire::base
