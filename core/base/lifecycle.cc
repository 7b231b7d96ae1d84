#include "core/base/lifecycle.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <asio/posix/stream_descriptor.hpp>

#include "core/base/limits.h"
#include "core/base/log.h"

namespace spanwire::base {
namespace {

constexpr std::array<int, 2> kSignals = {SIGTERM, SIGINT};

// What the signal handler touches; lock-free atomics are all that it may.
std::atomic<int> signal_pipe{-1};
std::atomic<int64_t> first_signal_ns{0};  // 0: none so far
std::atomic<int64_t> echo_ns{0};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<int64_t>::is_always_lock_free);

// async-signal-safe, as absl's and C++'s clocks do not promise to be.
int64_t MonotonicNs() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Who starts us under timeout(1) stops us with two signals within microseconds: one to the process,
// one to its group. They mean one.
extern "C" void OnSignal(int signal) {
  const int64_t now_ns = MonotonicNs();
  int64_t first_ns = 0;
  if (!first_signal_ns.compare_exchange_strong(first_ns, now_ns)) {
    if (now_ns - first_ns < echo_ns.load()) return;
    ::_exit(128 + signal);
  }
  const int saved = errno;
  const char byte = static_cast<char>(signal);
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe.load(), &byte, 1);
  errno = saved;
}

void SetHandler(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
}

}  // namespace

void PrepareProcess() {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files = {};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

class Lifecycle::Impl : public std::enable_shared_from_this<Lifecycle::Impl> {
 public:
  explicit Impl(Loop* admin) : admin_(admin), pipe_(admin->io()) {}

  void Start() {
    std::array<int, 2> ends;
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
      std::perror("pipe2");
      std::abort();
    }
    pipe_.assign(ends[0]);
    first_signal_ns = 0;
    echo_ns = absl::ToInt64Nanoseconds(limits::kSignalEcho);
    signal_pipe = ends[1];
    SetHandler(OnSignal);
    WaitForSignal();
    FlushLogLater();
  }

  void Stop() {
    SetHandler(SIG_DFL);
    ::close(signal_pipe.exchange(-1));
    asio::error_code ignored;
    pipe_.close(ignored);
    deadline_.reset();
    flush_.reset();
    drain_ = nullptr;
  }

  void OnDrain(absl::Duration timeout, absl::AnyInvocable<void()> drain) {
    timeout_ = timeout;
    drain_ = std::move(drain);
    if (draining_) admin_->Post([self = shared_from_this()] { self->RunDrain(); });
  }

  void Drain() {
    if (draining_.exchange(true)) return;
    admin_->Post([self = shared_from_this()] { self->RunDrain(); });
  }

  void Finish(int exit_code) {
    if (finished_.exchange(true)) return;
    exit_code_ = exit_code;
    admin_->Stop();
  }

  bool draining() const { return draining_; }
  int exit_code() const { return exit_code_; }

 private:
  void WaitForSignal() {
    pipe_.async_read_some(asio::buffer(signal_),
                          [self = shared_from_this()](asio::error_code error, size_t) {
                            if (error) return;
                            LogInfo("signal", {{"number", static_cast<int>(self->signal_[0])}});
                            self->Drain();
                            self->WaitForSignal();
                          });
  }

  // Before OnDrain there is nothing to call yet; OnDrain comes back here.
  void RunDrain() {
    absl::AnyInvocable<void()> drain = std::exchange(drain_, nullptr);
    if (!drain) return;
    LogInfo("draining", {{"timeout", timeout_}});
    deadline_ = admin_->After(timeout_, [this] {
      LogWarning("drain timed out", {{"timeout", timeout_}});
      Finish(EXIT_FAILURE);
    });
    drain();
  }

  // The last burst before a silence is told as well.
  void FlushLogLater() {
    flush_ = admin_->After(limits::kLogRepeatWindow, [this] {
      FlushSuppressed();
      FlushLogLater();
    });
  }

  Loop* const admin_;
  asio::posix::stream_descriptor pipe_;
  std::array<char, 1> signal_ = {};
  absl::Duration timeout_;
  absl::AnyInvocable<void()> drain_;
  Executor::Timer deadline_;
  Executor::Timer flush_;
  std::atomic<bool> draining_{false};
  std::atomic<bool> finished_{false};
  std::atomic<int> exit_code_{0};
};

Lifecycle::Lifecycle(Loop* admin) : impl_(std::make_shared<Impl>(admin)) { impl_->Start(); }
Lifecycle::~Lifecycle() { impl_->Stop(); }

void Lifecycle::OnDrain(absl::Duration timeout, absl::AnyInvocable<void()> drain) {
  impl_->OnDrain(timeout, std::move(drain));
}
void Lifecycle::Drain() { impl_->Drain(); }
void Lifecycle::Finish(int exit_code) { impl_->Finish(exit_code); }
bool Lifecycle::draining() const { return impl_->draining(); }
int Lifecycle::exit_code() const { return impl_->exit_code(); }

}  // namespace spanwire::base
