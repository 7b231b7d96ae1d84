// Where machines that draw lots (salts, jitter, ids) get the seed of their generator: the operating
// system, or what a simulation puts in its place.
//
// Thread safety: FreshSeed from any thread; SetSeedSource before there are others.
#pragma once

#include <cstdint>

namespace spanwire::base {

uint64_t FreshSeed();
// Null: the operating system again.
void SetSeedSource(uint64_t (*source)());

}  // namespace spanwire::base
