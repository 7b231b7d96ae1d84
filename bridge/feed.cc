#include "bridge/feed.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/envelope.h"
#include "core/base/limits.h"
#include "core/base/log.h"

namespace spanwire::bridge {

Feed::Feed(std::string channel, Renderer* renderer, channel::LogReader* reader, Sink* sink,
           Counters* counters)
    : channel_(std::move(channel)),
      renderer_(renderer),
      reader_(reader),
      sink_(sink),
      counters_(counters),
      follower_(this, limits::kFeedQueueEntries),
      pages_([this](const channel::Ask& ask,
                    PageServer::OnLogPage callback) { ReadLog(ask, std::move(callback)); },
             [this](channel::LogPage page, const channel::Ask& ask, PageServer::Told told) {
               return RenderPage(std::move(page), ask, told);
             },
             &counters->readers),
      alive_(std::make_shared<char>()) {}

void Feed::OnSubscribed() {
  if (std::exchange(started_, true)) return follower_.Verify();
  follower_.StartAtTail();
}

void Feed::Verify() {
  if (started_) follower_.Verify();
}

void Feed::OnMessage(absl::string_view payload) {
  Message message = ParseMessage(payload);
  switch (message.kind) {
    case Message::Kind::kEvent:
      if (!message.id) {
        ++counters_->transient;
        const FramePtr frame = renderer_->RenderTransient(channel_, message.event);
        if (frame) Deliver(Delivery::Transient{frame});
        return;
      }
      // Before the start is asked for there is nothing to follow: the tail will be behind this
      // event.
      if (!started_) return;
      queued_bytes_ = follower_.reading() ? queued_bytes_ + message.event.size() : 0;
      if (queued_bytes_ > limits::kFeedQueueBytes) {
        queued_bytes_ = 0;
        return follower_.DropQueue();
      }
      return follower_.Offer({*message.id, message.prev, std::string(message.event)});
    case Message::Kind::kPlainJson: {
      const absl::StatusOr<FramePtr> frame = renderer_->RenderPlainJson(channel_, payload);
      if (frame.ok()) {
        ++counters_->plain_json;
        return Deliver(Delivery::Transient{*frame});
      }
      ++counters_->refused_messages;
      base::LogWarning("plain JSON refused",
                       {{"channel", channel_}, {"error", frame.status().message()}});
      return;
    }
    case Message::Kind::kInvalid:
      ++counters_->refused_messages;
      base::LogWarning("message is neither an event nor plain JSON", {{"channel", channel_}});
      return;
  }
}

void Feed::Refuse(const absl::Status& why) {
  Deliver(Delivery::Refused{why});
  outlets_.clear();
}

void Feed::Attach(const Outlet& outlet) {
  outlets_.push_back(outlet);
  Tell(outlet);
}

void Feed::Tell(const Outlet& outlet) {
  if (follower_.last())
    sink_->Deliver(outlet, {outlet.topic, Delivery::Started{*follower_.last()}});
}

void Feed::Detach(const Outlet& outlet) { std::erase(outlets_, outlet); }

void Feed::Read(const Outlet& outlet, uint64_t reader, const channel::Ask& ask) {
  if (ReadRing(outlet, reader, ask)) return;
  if (counters_->readers >= limits::kReadersWaiting) {
    const absl::Status full = absl::ResourceExhaustedError(
        absl::StrCat(limits::kReadersWaiting, " subscriptions wait for their logs already"));
    return sink_->Deliver(outlet, {outlet.topic, Delivery::NoAnswer{reader, full}});
  }
  pages_.Ask({outlet.loop, reader}, ask, [this, outlet, reader](FramePage page) {
    sink_->Deliver(outlet, {outlet.topic, Delivery::Answer{reader, std::move(page)}});
  });
}

// The ring and the feed's output after it are one unbroken run, so a reader whose position stands
// in the ring has missed nothing but what it is given here. The ring's frames speak for readers who
// were told of its origin: a `prev` names no lower position.
bool Feed::ReadRing(const Outlet& outlet, uint64_t reader, const channel::Ask& ask) {
  const absl::optional<channel::Position>& last = follower_.last();
  if (!last || ask.kind != channel::Ask::Kind::kRange || !ask.after) return false;
  if (ask.told && *ask.told < origin_) return false;
  auto from = ring_.begin();
  if (*ask.after != base_) {
    from = std::find_if(ring_.begin(), ring_.end(),
                        [&](const FrameEntry& entry) { return entry.position == *ask.after; });
    if (from == ring_.end()) return false;
    ++from;
  }
  ++counters_->ring_reads;
  FramePage page;
  page.rows.assign(from, ring_.end());
  page.tail = channel::Tail{last, *last};
  sink_->Deliver(outlet, {outlet.topic, Delivery::Answer{reader, std::move(page)}});
  return true;
}

void Feed::OnAsk(const channel::Ask& ask) {
  ReadLog(ask, [this](channel::LogPage page) { follower_.OnPage(std::move(page)); });
}

void Feed::ReadLog(const channel::Ask& ask, absl::AnyInvocable<void(channel::LogPage)> done) {
  ++counters_->log_reads;
  reader_->Read(channel_, ask, channel::LogReader::PageEvents(mean_bytes_), alive_,
                [this, done = std::move(done)](absl::StatusOr<channel::LogPage> page) mutable {
                  if (!page.ok()) return sink_->OnUnreadable(channel_, page.status());
                  done(*std::move(page));
                });
}

void Feed::OnStart(channel::Position position) {
  ResetRing(position);
  Deliver(Delivery::Started{position});
}

void Feed::OnEntry(channel::LogEntry& entry) {
  ++counters_->events;
  Measure(entry);
  const FrameEntry rendered = renderer_->Render(channel_, entry, &visible_);
  Keep(rendered);
  Deliver(rendered);
}

void Feed::Measure(const channel::LogEntry& entry) {
  const double size = static_cast<double>(entry.body.size());
  mean_bytes_ += mean_bytes_ == 0 ? size : (size - mean_bytes_) / 16;
}

void Feed::OnGap(const channel::Gap& gap) {
  ++counters_->gaps;
  base::LogWarning("gap", {{"channel", channel_},
                           {"reason", channel::GapReasonName(gap.reason)},
                           {"after", gap.after.ToString()},
                           {"position", gap.position.ToString()}});
  ResetRing(gap.position);
  Deliver(gap);
}

void Feed::OnLive() {}

void Feed::Keep(const FrameEntry& entry) {
  ring_.push_back(entry);
  if (entry.body) ring_bytes_ += entry.body->bytes();
  while (ring_.size() > limits::kFeedRingFrames || ring_bytes_ > limits::kFeedRingBytes) {
    base_ = ring_.front().position;
    if (ring_.front().body) ring_bytes_ -= ring_.front().body->bytes();
    ring_.pop_front();
  }
}

void Feed::ResetRing(channel::Position base) {
  ring_.clear();
  ring_bytes_ = 0;
  base_ = base;
  origin_ = base;
  visible_ = base;
}

// One `prev` must be right for everybody whom the page serves, also for those who stand further on
// and were shown nothing for a while.
FramePage Feed::RenderPage(channel::LogPage page, const channel::Ask& ask, PageServer::Told told) {
  FramePage rendered;
  rendered.full = page.full;
  rendered.tail = page.tail;
  rendered.start = page.start;
  rendered.rows.reserve(page.rows.size());
  absl::optional<channel::Position> last = ask.after;
  channel::Position visible = ask.after ? told(*ask.after) : channel::Position{};
  for (const channel::LogEntry& row : page.rows) {
    if (row.position == ask.after) {  // only proves that nothing is missing
      rendered.rows.push_back({row.position, row.prev, nullptr});
      continue;
    }
    // Behind a hole the reader is told a new position: nothing that the view shows lies between
    // that and this row.
    if (!last || !channel::Follows(*last, row.position, row.prev)) {
      visible = told(row.position.Before());
    }
    Measure(row);
    rendered.rows.push_back(renderer_->Render(channel_, row, &visible));
    last = row.position;
  }
  return rendered;
}

template <typename What>
void Feed::Deliver(const What& what) {
  for (const Outlet& outlet : outlets_) sink_->Deliver(outlet, {outlet.topic, what});
}

}  // namespace spanwire::bridge
