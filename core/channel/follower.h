// Follows one channel: gets events from a source that may lose, repeat or reorder them, and gives
// them on once and in order, or says what is missing. A feed follows pub/sub, a session follows its
// feed; both by this machine.
//
// Sans-I/O: it asks its owner for pages of the log and is handed them back. Owner: a feed or a
// subscription. Thread: theirs.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "core/channel/history.h"
#include "core/channel/position.h"

namespace spanwire::channel {

// What a follower wants to know of the log.
struct Ask {
  enum class Kind : uint8_t {
    kTail,          // the channel's position; it is given one if it has none
    kRange,         // XRANGE from `after`, inclusive; from the log's beginning without `after`
    kTailAndRange,  // both, in this order, in one pipeline
    kLast,          // the last `count` events
    kSince,         // where the events begin that were accepted at `since` or later
  };
  Kind kind = Kind::kRange;
  absl::optional<Position> after;
  size_t count = 0;  // of kLast; for the others the reader chooses the page's size
  // What the browser behind the follower was told last, if that is not `after`: everything in
  // (told, after] is hidden from it.
  absl::optional<Position> told = absl::nullopt;
  absl::optional<absl::Time> since = absl::nullopt;
};

// One event of a channel. `Body`: what the owner makes of it.
template <typename Body>
struct Entry {
  Position position;
  absl::optional<Position> prev;  // the log's p: at seq 1 only
  Body body;
};

// What a channel's tail key said: its position before, and what it is now.
struct Tail {
  absl::optional<Position> before;
  Position now;
};

template <typename Body>
struct Page {
  std::vector<Entry<Body>> rows;
  bool full = false;          // there may be more rows
  absl::optional<Tail> tail;  // when it was asked for; then it was read before the rows
  absl::optional<Position> start = absl::nullopt;  // of kSince: what is wanted lies behind it
};

template <typename Body>
class Follower {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // Wants a page; the answer comes by OnPage, later, or never if the follower is gone. One is out
    // at a time.
    virtual void OnAsk(const Ask& ask) = 0;
    // The first position: following starts here.
    virtual void OnStart(Position position) = 0;
    // The next event.
    virtual void OnEntry(Entry<Body>& entry) = 0;
    // What is missing here; following goes on at gap.position.
    virtual void OnGap(const Gap& gap) = 0;
    // A Read has ended and what had queued was given on: this follower is live, unless it reads
    // again.
    virtual void OnLive() = 0;
  };

  // `queue_limit`: the most events that wait for a Read; more: they are dropped, and the Read is
  // done again.
  Follower(Owner* owner, size_t queue_limit) : owner_(owner), queue_limit_(queue_limit) {}
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Exactly one of these begins it. At the channel's present position:
  void StartAtTail() { Send({Ask::Kind::kTail, absl::nullopt, 0}); }
  // At a position that the source stands at now:
  void StartLive(Position position) {
    last_ = position;
    owner_->OnStart(position);
  }
  // At a position that was seen before; what came since is read.
  void StartAfter(Position position) {
    last_ = position;
    Read();
  }
  // At the oldest event of the log, or the channel's position if there is none.
  void StartAtOldest() { Send({Ask::Kind::kRange, absl::nullopt, 0}); }
  // `count` events back.
  void StartAtLast(size_t count) { Send({Ask::Kind::kLast, absl::nullopt, count}); }
  // At the first event that was accepted at `time` or later.
  void StartSince(absl::Time time) {
    Send({Ask::Kind::kSince, absl::nullopt, 0, absl::nullopt, time});
  }

  // An event from the source.
  void Offer(Entry<Body> entry) {
    if (reading_) {
      if (queue_.size() < queue_limit_) {
        queue_.push_back(std::move(entry));
      } else {
        DropQueue();
      }
      return;
    }
    if (entry.position.epoch == last_->epoch && entry.position.seq <= last_->seq) return;
    if (Follows(*last_, entry.position, entry.prev)) return Deliver(entry);
    queue_.push_back(std::move(entry));
    Read();
  }

  // The source skipped (after, position] because it cannot be had.
  void OfferGap(const Gap& gap) {
    if (!reading_ && last_ == gap.after) return Skip(gap.position, gap.reason);
    Verify();
  }

  // Reads the log from the present position, once more if a Read is under way: finds what the
  // source did not bring.
  void Verify() {
    if (reading_) {
      again_ = true;
    } else {
      Read();
    }
  }

  // What waits is dropped; a Read will bring it.
  void DropQueue() {
    queue_.clear();
    mark_ = 0;
    again_ = true;
  }

  // The answer to the last OnAsk.
  void OnPage(Page<Body> page) {
    if (asked_ == Ask::Kind::kTail) {
      Begin(page.tail->before.value_or(page.tail->now));
      mark_ = 0;  // what arrived meanwhile is judged like anything else
      return Drain();
    }
    if (asked_ == Ask::Kind::kSince) {
      Begin(*page.start);
      return Read();
    }
    for (Entry<Body>& row : page.rows) Row(row);
    if (page.full || (asked_ == Ask::Kind::kLast && !page.rows.empty())) return Read();
    if (page.rows.empty()) {
      if (!page.tail) return Send({Ask::Kind::kTailAndRange, last_, 0});
      if (!last_) {
        Begin(page.tail->before.value_or(page.tail->now));
      } else if (const auto reason = JudgeTail(*last_, page.tail->before)) {
        Skip(page.tail->now, *reason);
      }
    }
    Drain();
  }

  bool reading() const { return reading_; }
  // Events that wait for the Read under way.
  size_t queued() const { return queue_.size(); }
  const absl::optional<Position>& last() const { return last_; }

 private:
  void Read() { Send({Ask::Kind::kRange, last_, 0}); }

  // What is queued by now was received before this page was asked for: the Read will have seen it,
  // or it is gone.
  void Send(const Ask& ask) {
    reading_ = true;
    asked_ = ask.kind;
    mark_ = queue_.size();
    owner_->OnAsk(ask);
  }

  void Begin(Position position) {
    last_ = position;
    owner_->OnStart(position);
  }

  void Deliver(Entry<Body>& entry) {
    last_ = entry.position;
    owner_->OnEntry(entry);
  }

  void Skip(Position to, GapReason reason) {
    const Gap gap{*last_, to, reason};
    last_ = to;
    owner_->OnGap(gap);
  }

  void Row(Entry<Body>& row) {
    if (!last_) {
      Begin(row.position.Before());
    } else if (row.position == *last_) {
      return;
    } else if (!Follows(*last_, row.position, row.prev)) {
      Skip(row.position.Before(), JudgeRow(*last_, row.position, row.prev));
    }
    Deliver(row);
  }

  void Drain() {
    std::deque<Entry<Body>> queue;
    queue.swap(queue_);
    reading_ = false;
    if (std::exchange(again_, false)) return Read();
    for (size_t i = mark_; i < queue.size(); ++i) Offer(std::move(queue[i]));
    if (!reading_) owner_->OnLive();
  }

  Owner* const owner_;
  const size_t queue_limit_;
  absl::optional<Position> last_;
  std::deque<Entry<Body>> queue_;
  size_t mark_ = 0;  // so many of the queue came before the last page was asked for
  bool reading_ = false;
  bool again_ = false;
  Ask::Kind asked_ = Ask::Kind::kRange;
};

}  // namespace spanwire::channel
