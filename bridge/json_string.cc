#include "bridge/json_string.h"

namespace spanwire::bridge {
namespace {

// -1: no hexadecimal digit.
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendUtf8(uint32_t code, std::string* out) {
  const auto add = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6);
    add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  }
}

char UnescapedLetter(char letter) {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;
  }
}

// Decodes the escape at `p` and returns what stands behind it.
const char* DecodeEscape(const char* p, const char* end, std::string* out) {
  if (p[1] != 'u') {
    out->push_back(UnescapedLetter(p[1]));
    return p + 2;
  }
  uint32_t code = static_cast<uint32_t>(EscapedUnit(p, end));
  p += 6;
  if (IsHighSurrogate(code)) {
    code =
        0x10000 + ((code - 0xD800) << 10) + (static_cast<uint32_t>(EscapedUnit(p, end)) - 0xDC00);
    p += 6;
  }
  AppendUtf8(code, out);
  return p;
}

}  // namespace

int EscapedUnit(const char* p, const char* end) {
  if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return -1;
  int unit = 0;
  for (int i = 2; i < 6; ++i) {
    const int digit = HexDigit(p[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

std::string DecodeJsonString(absl::string_view token) {
  const absl::string_view body = token.substr(1, token.size() - 2);
  const char* p = body.data();
  const char* const end = p + body.size();
  std::string decoded;
  decoded.reserve(body.size());
  while (p != end) {
    const char* const run = p;
    while (p != end && *p != '\\') ++p;
    decoded.append(run, static_cast<size_t>(p - run));
    if (p != end) p = DecodeEscape(p, end, &decoded);
  }
  return decoded;
}

}  // namespace spanwire::bridge
