// What crosses between the feed loop and the connection loops, by mailbox: requests one way,
// deliveries the other.
//
// A *topic* is one channel as one connection loop follows it; the loop numbers its topics, and
// never uses a number twice. A *reader* is one subscription that asks for pages; numbered likewise.
// Plain values: no thread owns them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "bridge/frame.h"
#include "core/channel/follower.h"
#include "core/channel/history.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

// An event as subscriptions get it. No frame: an event that this view does not show; its position
// counts all the same.
using FrameEntry = channel::Entry<FramePtr>;
using FramePage = channel::Page<FramePtr>;

// From the feed loop to a connection loop.
struct Delivery {
  // The feed has its first position; what follows, follows it.
  struct Started {
    channel::Position position;
  };
  // The channel cannot be followed (Redis refuses it); the topic is over.
  struct Refused {
    absl::Status why;
  };
  // An event without position: transient, or plain JSON.
  struct Transient {
    FramePtr frame;
  };
  // The answer to FeedRequest::Read.
  struct Answer {
    uint64_t reader = 0;
    FramePage page;
  };
  // Likewise, when too many wait for pages.
  struct NoAnswer {
    uint64_t reader = 0;
    absl::Status why;
  };
  uint64_t topic = 0;
  std::variant<Started, FrameEntry, Transient, channel::Gap, Answer, NoAnswer, Refused> what;
};

// What keeping it in memory costs, about. Of a page's frames only this delivery's share: one page
// is often the answer to very many.
size_t HeldBytes(const Delivery& delivery);

// From a connection loop to the feed loop.
struct FeedRequest {
  // Follow a channel: Started, or Refused, then its events. Once more: only says so again.
  struct Attach {
    std::string channel;
  };
  // Nobody on this loop follows it any more.
  struct Detach {};
  // A page for one reader.
  struct Read {
    uint64_t reader = 0;
    channel::Ask ask;
  };
  // The reader left: the page that it asked for and was not given is not wanted any more.
  struct Cancel {
    uint64_t reader = 0;
  };
  size_t loop = 0;  // who asks
  uint64_t topic = 0;
  std::variant<Attach, Detach, Read, Cancel> what;
};

}  // namespace spanwire::bridge
