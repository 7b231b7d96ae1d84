// A feed: one channel as this bridge follows it, for all its connection loops. It turns what
// pub/sub brings into an unbroken run of events, renders each once, and keeps the newest frames, so
// that most resumes never reach Redis.
//
// Owner: Feeds. Thread: the feed loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "bridge/delivery.h"
#include "bridge/page_server.h"
#include "bridge/renderer.h"
#include "core/channel/follower.h"
#include "core/channel/log_reader.h"

namespace spanwire::bridge {

class Feed final : private channel::Follower<std::string>::Owner {
 public:
  // Where a feed's output goes: a topic of a connection loop.
  struct Outlet {
    size_t loop = 0;
    uint64_t topic = 0;
    bool operator==(const Outlet&) const = default;
  };
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void Deliver(const Outlet& outlet, Delivery delivery) = 0;
    // Redis will never let the channel's log be read: the feed is to be refused, though not from
    // within this call.
    virtual void OnUnreadable(const std::string& channel, const absl::Status& why) = 0;
  };
  // Totals, shared by all feeds, for metrics.
  struct Counters {
    uint64_t events = 0;
    uint64_t transient = 0;
    uint64_t plain_json = 0;
    uint64_t refused_messages = 0;
    uint64_t gaps = 0;
    uint64_t ring_reads = 0;  // pages served from memory
    uint64_t log_reads = 0;   // pages asked of Redis
    size_t readers = 0;       // that wait for a page now
  };

  // All but `channel` outlive the feed.
  Feed(std::string channel, Renderer* renderer, channel::LogReader* reader, Sink* sink,
       Counters* counters);

  // Pub/sub is confirmed, for the first time or again: what comes from now on will be heard.
  void OnSubscribed();
  // A message of the channel.
  void OnMessage(absl::string_view payload);
  // Reads the log to see whether something was missed.
  void Verify();
  // The channel cannot be followed: everybody is told, and the feed is over.
  void Refuse(const absl::Status& why);

  void Attach(const Outlet& outlet);
  // Tells one that is attached where the feed stands, if it stands anywhere.
  void Tell(const Outlet& outlet);
  void Detach(const Outlet& outlet);
  // A page for `reader` at `outlet`.
  void Read(const Outlet& outlet, uint64_t reader, const channel::Ask& ask);
  void Cancel(const Outlet& outlet, uint64_t reader) { pages_.Cancel({outlet.loop, reader}); }

  const std::string& channel() const { return channel_; }
  bool idle() const { return outlets_.empty(); }
  const absl::optional<channel::Position>& position() const { return follower_.last(); }

 private:
  void OnAsk(const channel::Ask& ask) override;
  void OnStart(channel::Position position) override;
  void OnEntry(channel::LogEntry& entry) override;
  void OnGap(const channel::Gap& gap) override;
  void OnLive() override;

  void ReadLog(const channel::Ask& ask, absl::AnyInvocable<void(channel::LogPage)> done);
  bool ReadRing(const Outlet& outlet, uint64_t reader, const channel::Ask& ask);
  void Keep(const FrameEntry& entry);
  void ResetRing(channel::Position base);
  void Measure(const channel::LogEntry& entry);
  FramePage RenderPage(channel::LogPage page, const channel::Ask& ask, PageServer::Told told);
  template <typename What>
  void Deliver(const What& what);

  const std::string channel_;
  Renderer* const renderer_;
  channel::LogReader* const reader_;
  Sink* const sink_;
  Counters* const counters_;
  channel::Follower<std::string> follower_;
  PageServer pages_;
  std::vector<Outlet> outlets_;
  bool started_ = false;  // pub/sub was confirmed once
  // The newest events in order; base_ is the position before the first of them.
  std::deque<FrameEntry> ring_;
  channel::Position base_;
  channel::Position origin_;  // where the run began: by a start or a gap
  size_t ring_bytes_ = 0;
  // The last position that everybody of the view may have seen: what `prev` says after events that
  // it does not show.
  channel::Position visible_;
  double mean_bytes_ = 0;
  size_t queued_bytes_ = 0;      // at least what waits for the Read under way
  std::shared_ptr<char> alive_;  // reads are let go with it
};

}  // namespace spanwire::bridge
