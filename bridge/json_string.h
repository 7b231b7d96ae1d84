// What the escapes within a JSON string stand for.
//
// Thread safety: stateless.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace spanwire::bridge {

inline bool IsHighSurrogate(uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
inline bool IsLowSurrogate(uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

// The UTF-16 unit that \uXXXX at `p` names; -1: there is none.
int EscapedUnit(const char* p, const char* end);

// What a string's token says. `token` has its quotes and is right JSON, such as a JsonMember's
// value of kind kString.
std::string DecodeJsonString(absl::string_view token);

}  // namespace spanwire::bridge
