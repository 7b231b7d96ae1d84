#include "bridge/page_turns.h"

#include <algorithm>

#include "bridge/subscription.h"
#include "core/base/limits.h"

namespace spanwire::bridge {

void PageTurns::OnWantsPage(Subscription* subscription) {
  wanting_.push_back(subscription);
  // Who asks on while it takes a page gives others their turn first.
  if (!std::count(reading_.begin(), reading_.end(), subscription)) Next();
}

void PageTurns::OnPageTaken(Subscription* subscription) {
  std::erase(reading_, subscription);
  Next();
}

void PageTurns::Forget(Subscription* subscription) {
  std::erase(wanting_, subscription);
  std::erase(reading_, subscription);
  Next();
}

void PageTurns::TakeHeld() {
  for (Subscription* subscription : std::vector<Subscription*>(reading_)) {
    if (!congested_()) subscription->TakeHeldPage();
  }
}

void PageTurns::Next() {
  while (!wanting_.empty() && reading_.size() < limits::kSessionReads && !congested_()) {
    Subscription* const next = wanting_.front();
    wanting_.pop_front();
    reading_.push_back(next);
    next->ReadPage();
  }
}

}  // namespace spanwire::bridge
