// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
//
// Thread safety: stateless.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spanwire::bridge {

// The length, 2 to 4, of the valid multi-byte sequence that begins at `p`, where `*p` is 0x80 or more; 0: none begins there.
inline size_t Utf8SequenceBytes(const char* p, const char* end) {
  const auto at = [p](size_t i) { return static_cast<uint8_t>(p[i]); };
  const auto continues = [&](size_t i) { return (at(i) & 0xC0) == 0x80; };
  const size_t left = static_cast<size_t>(end - p);
  const uint8_t lead = at(0);
  if (lead < 0xC2 || lead > 0xF4) return 0;
  if (lead < 0xE0) return left >= 2 && continues(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (left < 3 || !continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && at(1) < 0xA0) return 0;   // overlong
    if (lead == 0xED && at(1) >= 0xA0) return 0;  // surrogates
    return 3;
  }
  if (left < 4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  if (lead == 0xF0 && at(1) < 0x90) return 0;   // overlong
  if (lead == 0xF4 && at(1) >= 0x90) return 0;  // above U+10FFFF
  return 4;
}

}  // namespace spanwire::bridge
