#include "bridge/http_target.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace spanwire::bridge {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool PercentDecode(absl::string_view text, std::string* out) {
  out->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = HexValue(text[i + 1]);
    const int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return false;
    out->push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

std::string DecodedOrAsWritten(absl::string_view text) {
  std::string decoded;
  return PercentDecode(text, &decoded) ? decoded : std::string(text);
}

}  // namespace

bool ParseTarget(absl::string_view target, Request* request) {
  if (target.empty() || target.front() != '/') return false;
  for (const char c : target) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)) || c == '#') return false;
  }
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(target, absl::MaxSplits('?', 1));
  if (!PercentDecode(parts.first, &request->path)) return false;
  for (const absl::string_view pair : absl::StrSplit(parts.second, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> sides =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    request->query.emplace_back(DecodedOrAsWritten(sides.first), DecodedOrAsWritten(sides.second));
  }
  return true;
}

}  // namespace spanwire::bridge
