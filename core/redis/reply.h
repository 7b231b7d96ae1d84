// A reply of Redis, or a message it pushed: RESP2, as a plain tree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace spanwire::redis {

struct Reply {
  enum class Type : uint8_t { kNil, kStatus, kError, kInteger, kString, kArray };

  Type type = Type::kNil;
  int64_t integer = 0;          // kInteger
  std::string text;             // kStatus, kError, kString
  std::vector<Reply> elements;  // kArray

  bool is_nil() const { return type == Type::kNil; }
  bool is_error() const { return type == Type::kError; }
  bool is_array() const { return type == Type::kArray; }
  bool is_string() const { return type == Type::kString || type == Type::kStatus; }
  // The first word of an error: "OOM", "NOSCRIPT", "READONLY"…; empty when it is none.
  absl::string_view error_code() const {
    return is_error() ? absl::string_view(text).substr(0, text.find(' ')) : absl::string_view();
  }
};

}  // namespace spanwire::redis
