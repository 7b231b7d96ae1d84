// Serves pages of one channel's log to subscriptions that are behind. However many of them come
// back at once, one read is under way, from the lowest position asked; its rows, rendered once,
// serve all whose place lies within.
//
// Owner: a Feed. Thread: the feed loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "bridge/delivery.h"
#include "core/channel/follower.h"
#include "core/channel/log_reader.h"

namespace spanwire::bridge {

class PageServer {
 public:
  using Answer = absl::AnyInvocable<void(FramePage)>;
  // Reads from the log; renders a log page (`after`: where it was asked from).
  using Read = absl::AnyInvocable<void(const channel::Ask&, channel::LogReader::Callback)>;
  using Render = absl::AnyInvocable<FramePage(channel::LogPage, const channel::Ask&)>;

  PageServer(Read read, Render render);

  // `answer` comes later, exactly once unless this is destroyed.
  void Ask(const channel::Ask& ask, Answer answer);

  size_t waiting() const { return waiting_.size() + round_.size(); }

 private:
  struct Waiter {
    channel::Ask ask;
    Answer answer;
  };

  void Next();
  void OnPage(const channel::Ask& ask, channel::LogPage page);

  Read read_;
  Render render_;
  std::vector<Waiter> waiting_;  // for the next round
  std::vector<Waiter> round_;    // those that are served now: nobody who came later delays them
  bool reading_ = false;
};

}  // namespace spanwire::bridge
