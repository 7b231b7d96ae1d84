// Whose turn it is to read a page, among the subscriptions of one connection. A page that is read
// while there is room finds room; what all of them wanted at once would mostly have to be read
// again.
//
// Owner: a listener of subscriptions. Thread: one connection loop.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace spanwire::bridge {

class Subscription;

class PageTurns {
 public:
  // `congested`: whether there is no room for pages now.
  explicit PageTurns(absl::AnyInvocable<bool()> congested) : congested_(std::move(congested)) {}

  // As Subscription::Listener's.
  void OnWantsPage(Subscription* subscription);
  void OnPageTaken(Subscription* subscription);
  // The subscription is over.
  void Forget(Subscription* subscription);
  // There is room again: for the pages that came without first, then for others.
  void TakeHeld();
  void Next();

 private:
  absl::AnyInvocable<bool()> congested_;
  std::deque<Subscription*> wanting_;
  std::vector<Subscription*> reading_;  // who was let ask for a page and has not taken it
};

}  // namespace spanwire::bridge
