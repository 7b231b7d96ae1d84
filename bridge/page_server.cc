#include "bridge/page_server.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace spanwire::bridge {
namespace {

using channel::Ask;

// Asks of one kind are served together, the lowest position first.
auto Order(const Ask& ask) { return std::make_tuple(ask.kind, ask.after, ask.count, ask.since); }

bool Starts(const Ask& ask, channel::Position position) {
  return !ask.after || position >= *ask.after;
}

// Whether the page read for `asked` answers `ask` as well. Rows were read up to `last`, to the
// log's end unless `full`.
bool Serves(const Ask& asked, const FramePage& page, const Ask& ask) {
  if (ask.kind != asked.kind || ask.count != asked.count || ask.since != asked.since) return false;
  if (ask.after == asked.after || !page.full) return true;
  return !page.rows.empty() && ask.after <= page.rows.back().position;
}

}  // namespace

PageServer::PageServer(Read read, Render render, size_t* total)
    : read_(std::move(read)), render_(std::move(render)), total_(total) {}

PageServer::~PageServer() { *total_ -= places_.size(); }

void PageServer::Ask(Reader reader, const channel::Ask& ask, Answer answer) {
  waiting_.push_back({reader, ask, std::move(answer), false});
  places_.emplace(reader, std::prev(waiting_.end()));
  ++*total_;
  if (!reading_) Next();
}

void PageServer::Cancel(Reader reader) {
  const auto found = places_.find(reader);
  if (found == places_.end()) return;
  const Waiters::iterator place = found->second;
  places_.erase(found);
  --*total_;
  (place->in_round ? round_ : waiting_).erase(place);
}

void PageServer::Next() {
  if (round_.empty()) {
    round_.swap(waiting_);
    for (Waiter& waiter : round_) waiter.in_round = true;
  }
  if (round_.empty()) return;
  const auto lowest = std::min_element(
      round_.begin(), round_.end(),
      [](const Waiter& a, const Waiter& b) { return Order(a.ask) < Order(b.ask); });
  reading_ = true;
  const channel::Ask ask = lowest->ask;
  read_(ask, [this, ask](channel::LogPage page) { OnPage(ask, std::move(page)); });
}

void PageServer::OnPage(const channel::Ask& ask, channel::LogPage log_page) {
  if (!round_.empty()) Serve(ask, std::move(log_page));  // else all of them left
  reading_ = false;
  Next();
}

void PageServer::Serve(const channel::Ask& ask, channel::LogPage log_page) {
  const FramePage page = render_(std::move(log_page), ask, [this](channel::Position position) {
    return LowestTold(position);
  });
  Waiters served;
  for (auto next = round_.begin(); next != round_.end();) {
    const auto waiter = next++;
    if (!Serves(ask, page, waiter->ask)) continue;
    places_.erase(waiter->reader);
    --*total_;
    served.splice(served.end(), round_, waiter);
  }
  for (Waiter& waiter : served) {
    FramePage part;
    part.full = page.full;
    part.tail = page.tail;
    part.start = page.start;
    const auto first = std::find_if(page.rows.begin(), page.rows.end(), [&](const FrameEntry& row) {
      return Starts(waiter.ask, row.position);
    });
    part.rows.assign(first, page.rows.end());
    waiter.answer(std::move(part));
  }
}

channel::Position PageServer::LowestTold(channel::Position position) const {
  channel::Position lowest = position;
  for (const Waiter& waiter : round_) {
    if (waiter.ask.told && waiter.ask.after >= position) {
      lowest = std::min(lowest, *waiter.ask.told);
    }
  }
  return lowest;
}

}  // namespace spanwire::bridge
