// Whether the daemon can do its work now: named conditions, all of which must hold. /readyz reads
// it.
//
// Owner: the daemon's main; it outlives all that call Set. Thread safety: Set from any thread (it
// is posted to the admin loop, so it takes effect a moment later, in order); the rest on the admin
// loop only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/base/executor.h"

namespace spanwire::base {

class Readiness {
 public:
  // `conditions` are all there are, none holds yet; the reason of each is "starting".
  Readiness(Executor* admin, const std::vector<std::string>& conditions);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  // `reason` says on one line why not: "connection refused". Ignored when ready. A change is
  // logged, another reason too.
  void Set(absl::string_view condition, bool ready, absl::string_view reason = "");

  bool ready() const;
  // "ready", or the conditions that do not hold: "redis: connection refused; listener: starting".
  // One line.
  std::string Describe() const;

 private:
  struct State;
  Executor* const admin_;
  const std::shared_ptr<State> state_;
};

}  // namespace spanwire::base
