// Reads the fields of one encoded protobuf message, in the order in which they stand, without
// knowing its schema.
//
// Owner: whoever reads. It points into the message's bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace spanwire::bridge {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroup = 3, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;       // of a varint or fixed field
  absl::string_view bytes;  // of a field with length
};

class WireReader {
 public:
  explicit WireReader(absl::string_view bytes) : p_(bytes.data()), end_(p_ + bytes.size()) {}

  // Reads the next field; a group is skipped as a whole. False: the message has ended, or is
  // malformed (then ok is false).
  bool Next(WireField* field);
  // The same for what packs numbers one behind the other: one varint.
  bool NextVarint(uint64_t* value) { return p_ != end_ && ReadVarint(value); }
  // Likewise, one fixed number of `size` bytes, 4 or 8.
  bool NextFixed(size_t size, uint64_t* value) { return p_ != end_ && ReadFixed(size, value); }

  bool ok() const { return ok_; }

 private:
  bool ReadTag(uint32_t* number, uint8_t* type);
  bool ReadValue(uint8_t type, WireField* field);
  bool ReadVarint(uint64_t* value);
  bool ReadLongVarint(uint64_t* value);
  bool ReadFixed(size_t size, uint64_t* value);
  bool ReadBytes(absl::string_view* bytes);
  bool SkipGroup(uint32_t number, int depth);
  bool Malformed() {
    ok_ = false;
    return false;
  }

  const char* p_;
  const char* const end_;
  bool ok_ = true;
};

inline bool WireReader::ReadVarint(uint64_t* value) {
  if (p_ != end_ && static_cast<uint8_t>(*p_) < 0x80) {
    *value = static_cast<uint8_t>(*p_++);
    return true;
  }
  return ReadLongVarint(value);
}

// An embedded message as it stands on the wire: one run of bytes nearly always. Several merge,
// which is what putting them one behind the other means in protobuf.
class MergedBytes {
 public:
  void Set(absl::string_view bytes) { bytes_ = bytes; }
  void Add(absl::string_view bytes) {
    if (joined_ == nullptr || joined_->data() != bytes_.data()) {
      joined_ = std::make_unique<std::string>(bytes_);
    }
    joined_->append(bytes.data(), bytes.size());
    bytes_ = *joined_;
  }
  absl::string_view get() const { return bytes_; }

 private:
  absl::string_view bytes_;
  std::unique_ptr<std::string> joined_;
};

}  // namespace spanwire::bridge
