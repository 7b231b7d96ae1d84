#include "core/base/backoff.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"

namespace spanwire::base {
namespace {

double SystemRandom() {
  thread_local absl::BitGen generator;
  return absl::Uniform(generator, 0.0, 1.0);
}

}  // namespace

Backoff::Backoff(absl::Duration first, absl::Duration last) : Backoff(first, last, SystemRandom) {}

Backoff::Backoff(absl::Duration first, absl::Duration last, Random random)
    : first_(first), last_(last), random_(std::move(random)) {}

absl::Duration Backoff::Next() {
  absl::Duration bound = first_;
  for (int i = 0; i < attempts_ && bound < last_; ++i) bound *= 2;
  if (bound < last_) ++attempts_;  // beyond that, one attempt is as good as another
  return std::min(bound, last_) * random_();
}

}  // namespace spanwire::base
