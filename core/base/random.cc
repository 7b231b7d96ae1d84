#include "core/base/random.h"

#include <random>

namespace spanwire::base {
namespace {

uint64_t FromSystem() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

uint64_t (*seed_source)() = FromSystem;

}  // namespace

uint64_t FreshSeed() { return seed_source(); }

void SetSeedSource(uint64_t (*source)()) { seed_source = source != nullptr ? source : FromSystem; }

}  // namespace spanwire::base
