// The rule for an event's `type` where a publisher chooses it: ^[A-Za-z][A-Za-z0-9_.:-]{0,127}$. No
// such type begins with the
// `$` of the server's own frames.
//
// Thread safety: stateless.
#pragma once

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "core/base/limits.h"

namespace spanwire::bridge {

inline bool IsEventType(absl::string_view type) {
  if (type.empty() || type.size() > limits::kTypeBytes || !absl::ascii_isalpha(type[0]))
    return false;
  return std::all_of(type.begin(), type.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == ':' || c == '-';
  });
}

}  // namespace spanwire::bridge
