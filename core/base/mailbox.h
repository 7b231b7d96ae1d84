// A mailbox: the only way from one thread to another. Any thread posts, the owning loop takes all
// that gathered at once.
//
// Posting costs a lock and a push; only the first post into an empty mailbox wakes the loop. The
// handler is called on the loop's thread with everything posted since its last call, in order (in
// order for each posting thread, and in one order for all). The mailbox must outlive its posters;
// after Close nothing is delivered any more. The handler may close or destroy its own mailbox.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "core/base/executor.h"

namespace spanwire::base {

template <typename T>
class Mailbox {
 public:
  using Handler = absl::AnyInvocable<void(std::vector<T>&&)>;

  Mailbox(Executor* owner, Handler handler)
      : owner_(owner), state_(std::make_shared<State>(std::move(handler))) {}
  ~Mailbox() { Close(); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // From any thread.
  void Post(T item) {
    {
      std::lock_guard<std::mutex> lock(state_->mutex);
      state_->items.push_back(std::move(item));
      if (state_->items.size() > 1) return;
    }
    owner_->Post([state = state_] { state->Deliver(); });
  }

  // On the owner's thread, or when it no longer runs.
  void Close() {
    state_->closed = true;
    state_->handler = nullptr;
  }

 private:
  struct State {
    explicit State(Handler handler) : handler(std::move(handler)) {}
    void Deliver() {
      std::vector<T> batch;
      {
        std::lock_guard<std::mutex> lock(mutex);
        batch.swap(items);
      }
      if (closed) return;
      // Out of Close's reach while it runs.
      Handler running = std::move(handler);
      running(std::move(batch));
      if (!closed) handler = std::move(running);
    }
    std::mutex mutex;  // guards items
    std::vector<T> items;
    Handler handler;
    bool closed = false;
  };

  Executor* const owner_;
  const std::shared_ptr<State> state_;
};

}  // namespace spanwire::base
