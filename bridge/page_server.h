// Serves pages of one channel's log to subscriptions that are behind. However many of them come
// back at once, one read is under way, from the lowest position asked; its rows, rendered once,
// serve all whose place lies within.
//
// Owner: a Feed. Thread: the feed loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "bridge/delivery.h"
#include "core/channel/follower.h"
#include "core/channel/log_reader.h"

namespace spanwire::bridge {

class PageServer {
 public:
  using Answer = absl::AnyInvocable<void(FramePage)>;
  // The lowest position that any reader who stands at `position` or behind was told last, or
  // `position`: nobody of them is shown anything between the two.
  using Told = absl::FunctionRef<channel::Position(channel::Position position)>;
  using OnLogPage = absl::AnyInvocable<void(channel::LogPage)>;
  // Reads from the log; renders a log page.
  using Read = absl::AnyInvocable<void(const channel::Ask&, OnLogPage)>;
  using Render = absl::AnyInvocable<FramePage(channel::LogPage, const channel::Ask&, Told)>;

  // Names one who waits: a connection loop and its number there.
  using Reader = std::pair<size_t, uint64_t>;

  // `total`: counts those who wait, here and elsewhere; outlives this.
  PageServer(Read read, Render render, size_t* total);
  ~PageServer();
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;

  // `answer` comes later, exactly once unless this is destroyed or it is cancelled before. A reader
  // has one question at a time.
  void Ask(Reader reader, const channel::Ask& ask, Answer answer);
  // The reader left.
  void Cancel(Reader reader);

  size_t waiting() const { return waiting_.size() + round_.size(); }

 private:
  struct Waiter {
    Reader reader;
    channel::Ask ask;
    Answer answer;
    bool in_round;
  };
  using Waiters = std::list<Waiter>;

  void Next();
  void OnPage(const channel::Ask& ask, channel::LogPage page);
  void Serve(const channel::Ask& ask, channel::LogPage page);
  channel::Position LowestTold(channel::Position position) const;

  Read read_;
  Render render_;
  size_t* const total_;
  Waiters waiting_;  // for the next round
  Waiters round_;    // those that are served now: nobody who came later delays them
  absl::flat_hash_map<Reader, Waiters::iterator> places_;  // of all of them
  bool reading_ = false;
};

}  // namespace spanwire::bridge
