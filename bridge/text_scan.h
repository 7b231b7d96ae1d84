// Fast walks over text: runs that need no care in JSON, and UTF-8 sequences as RFC 3629 defines
// them.
//
// Thread safety: stateless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace spanwire::bridge {

// Whether `c` needs care inside a JSON string: a control character, a quote, a backslash, or not
// ASCII.
inline bool NeedsCare(char c) {
  const uint8_t byte = static_cast<uint8_t>(c);
  return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
}

// The first character from `p` on that needs care, or `end`. Eight at a time: a byte's high bit is
// set by the subtraction when it is below what is subtracted, and borrows from its neighbour only
// then.
inline const char* SkipPlain(const char* p, const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighBits = kOnes * 0x80;
  while (end - p >= 8) {
    uint64_t word;
    std::memcpy(&word, p, sizeof(word));
    const uint64_t control = word - kOnes * 0x20;
    const uint64_t quote = (word ^ kOnes * '"') - kOnes;
    const uint64_t backslash = (word ^ kOnes * '\\') - kOnes;
    if ((word | control | quote | backslash) & kHighBits) break;
    p += 8;
  }
  while (p != end && !NeedsCare(*p)) ++p;
  return p;
}

// The length, 2 to 4, of the valid multi-byte sequence that begins at `p`, where `*p` is 0x80 or
// more; 0: none begins there. Never overlong, never a surrogate, never above U+10FFFF.
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
