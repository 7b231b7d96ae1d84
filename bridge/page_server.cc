#include "bridge/page_server.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace spanwire::bridge {
namespace {

using channel::Ask;

// Asks of one kind are served together, the lowest position first.
auto Order(const Ask& ask) { return std::make_tuple(ask.kind, ask.after, ask.count); }

bool Starts(const Ask& ask, channel::Position position) {
  return !ask.after || position >= *ask.after;
}

// Whether the page read for `asked` answers `ask` as well. Rows were read up to `last`, to the
// log's end unless `full`.
bool Serves(const Ask& asked, const FramePage& page, const Ask& ask) {
  if (ask.kind != asked.kind || ask.count != asked.count) return false;
  if (ask.after == asked.after || !page.full) return true;
  return !page.rows.empty() && ask.after <= page.rows.back().position;
}

}  // namespace

PageServer::PageServer(Read read, Render render)
    : read_(std::move(read)), render_(std::move(render)) {}

void PageServer::Ask(const channel::Ask& ask, Answer answer) {
  waiting_.push_back({ask, std::move(answer)});
  if (!reading_) Next();
}

void PageServer::Next() {
  if (round_.empty()) round_.swap(waiting_);
  if (round_.empty()) return;
  const auto lowest = std::min_element(
      round_.begin(), round_.end(),
      [](const Waiter& a, const Waiter& b) { return Order(a.ask) < Order(b.ask); });
  reading_ = true;
  const channel::Ask ask = lowest->ask;
  read_(ask, [this, ask](channel::LogPage page) { OnPage(ask, std::move(page)); });
}

void PageServer::OnPage(const channel::Ask& ask, channel::LogPage log_page) {
  const FramePage page = render_(std::move(log_page), ask);
  std::vector<Waiter> served;
  const auto rest = std::stable_partition(round_.begin(), round_.end(), [&](const Waiter& waiter) {
    return !Serves(ask, page, waiter.ask);
  });
  std::move(rest, round_.end(), std::back_inserter(served));
  round_.erase(rest, round_.end());
  for (Waiter& waiter : served) {
    FramePage part;
    part.full = page.full;
    part.tail = page.tail;
    const auto first = std::find_if(page.rows.begin(), page.rows.end(), [&](const FrameEntry& row) {
      return Starts(waiter.ask, row.position);
    });
    part.rows.assign(first, page.rows.end());
    waiter.answer(std::move(part));
  }
  reading_ = false;
  Next();
}

}  // namespace spanwire::bridge
