// A mailbox: the only way from one thread to another. Any thread posts, the owning loop takes all
// that gathered at once.
//
// Posting costs a lock and a push; only the first post into an empty mailbox wakes the loop. The
// handler is called on the loop's thread with everything posted since its last call, in order (in
// order for each posting thread, and in one order for all). The mailbox must outlive its posters;
// after Close nothing is delivered any more. The handler may close or destroy its own mailbox.
//
// What waits for a loop that is held up is bounded. Once something was refused, everything is,
// until the loop takes what waits: so what it gets is unbroken up to the refusal, of which it
// hears.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "core/base/executor.h"
#include "core/base/limits.h"

namespace spanwire::base {

template <typename T>
class Mailbox {
 public:
  using Handler = absl::AnyInvocable<void(std::vector<T>&&)>;
  struct Bound {
    size_t items = limits::kMailboxItems;
    size_t bytes = SIZE_MAX;  // as the posters count them
  };

  Mailbox(Executor* owner, Handler handler) : Mailbox(owner, std::move(handler), nullptr, {}) {}
  // `on_overflow` is called on the loop's thread when something was refused, behind the handler's
  // call for all that was taken before it.
  Mailbox(Executor* owner, Handler handler, Task on_overflow, Bound bound)
      : owner_(owner),
        state_(std::make_shared<State>(std::move(handler), std::move(on_overflow), bound)) {}
  ~Mailbox() { Close(); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // From any thread. Whether it was taken: the bound is not reached, nor was it since the loop last
  // took what waits.
  bool Post(T item, size_t bytes = 0) { return Push(std::move(item), bytes, false); }
  // From any thread: takes it whatever the bound. For what must not be lost, where something else
  // bounds how much of it there is; the call says what.
  void PostAnyway(T item) { Push(std::move(item), 0, true); }

  // On the owner's thread, or when it no longer runs.
  void Close() {
    state_->closed = true;
    state_->handler = nullptr;
    state_->on_overflow = nullptr;
  }

 private:
  struct State {
    State(Handler handler, Task on_overflow, Bound bound)
        : bound(bound), handler(std::move(handler)), on_overflow(std::move(on_overflow)) {}

    void Deliver() {
      std::vector<T> batch;
      bool was_refusing;
      {
        std::lock_guard<std::mutex> lock(mutex);
        batch.swap(items);
        bytes = 0;
        was_refusing = std::exchange(refusing, false);
      }
      if (closed) return;
      // Out of Close's reach while it runs.
      Handler running = std::move(handler);
      running(std::move(batch));
      if (closed) return;
      handler = std::move(running);
      if (!was_refusing || !on_overflow) return;
      Task telling = std::move(on_overflow);
      telling();
      if (!closed) on_overflow = std::move(telling);
    }

    const Bound bound;
    std::mutex mutex;  // guards the next three
    std::vector<T> items;
    size_t bytes = 0;
    bool refusing = false;
    Handler handler;
    Task on_overflow;
    bool closed = false;
  };

  bool Push(T item, size_t bytes, bool anyway) {
    {
      std::lock_guard<std::mutex> lock(state_->mutex);
      // One item always fits, however large.
      const bool full = state_->items.size() >= state_->bound.items ||
                        (!state_->items.empty() && state_->bytes + bytes > state_->bound.bytes);
      if (!anyway && (state_->refusing || full)) return !(state_->refusing = true);
      state_->bytes += bytes;
      state_->items.push_back(std::move(item));
      if (state_->items.size() > 1) return true;
    }
    owner_->Post([state = state_] { state->Deliver(); });
    return true;
  }

  Executor* const owner_;
  const std::shared_ptr<State> state_;
};

}  // namespace spanwire::base
