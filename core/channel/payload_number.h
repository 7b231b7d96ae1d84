// The field numbers of Event that proto/spanwire/v1/event.proto gives to payloads, of today and of
// later schemas. `custom` lies beyond them and is known to every build.
#pragma once

#include <cstdint>

namespace spanwire::channel {

constexpr bool IsPayloadNumber(uint32_t number) { return number >= 20 && number <= 199; }

}  // namespace spanwire::channel
