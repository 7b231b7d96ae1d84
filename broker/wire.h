// Protobuf's wire format, read field by field at one level, without copying and without knowing the
// message: what lets an agent's bytes travel on untouched.
//
// Thread safety: a plain value.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace spanwire::broker {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

class WireReader {
 public:
  explicit WireReader(absl::string_view bytes) : rest_(bytes) {}

  // Goes on to the next field. False: the end, or what follows is no field (then ok() is false).
  // The tags of a group count as fields of their own.
  bool Next() {
    if (rest_.empty() || !ok_) return false;
    uint64_t tag;
    ok_ = Varint(&tag) && tag <= 0xFFFFFFFF && (tag >> 3) != 0 &&
          Value(static_cast<uint32_t>(tag) & 7);
    number_ = static_cast<uint32_t>(tag >> 3);
    return ok_;
  }

  bool ok() const { return ok_; }
  uint32_t number() const { return number_; }
  WireType type() const { return type_; }
  // The value of a kVarint.
  uint64_t varint() const { return varint_; }
  // The value of a kBytes, within the bytes that are read.
  absl::string_view bytes() const { return bytes_; }

 private:
  bool Varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      *value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool Skip(uint64_t count) {
    if (count > rest_.size()) return false;
    bytes_ = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return true;
  }

  bool Value(uint32_t type) {
    type_ = static_cast<WireType>(type);
    bytes_ = {};
    switch (type_) {
      case WireType::kVarint:
        return Varint(&varint_);
      case WireType::kFixed64:
        return Skip(8);
      case WireType::kBytes: {
        uint64_t length;
        return Varint(&length) && Skip(length);
      }
      case WireType::kStartGroup:
      case WireType::kEndGroup:
        return true;
      case WireType::kFixed32:
        return Skip(4);
    }
    return false;
  }

  absl::string_view rest_;
  bool ok_ = true;
  uint32_t number_ = 0;
  WireType type_ = WireType::kVarint;
  uint64_t varint_ = 0;
  absl::string_view bytes_;
};

}  // namespace spanwire::broker
