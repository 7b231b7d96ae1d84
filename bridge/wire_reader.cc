#include "bridge/wire_reader.h"

#include <bit>
#include <cstddef>

namespace spanwire::bridge {
namespace {

// Fixed numbers are copied as they stand.
static_assert(std::endian::native == std::endian::little);

constexpr ptrdiff_t kTagBytes = 5;
constexpr uint8_t kGroupEnd = 4;
constexpr int kGroupDepth = 100;  // as protobuf's own parser

}  // namespace

bool WireReader::Next(WireField* field) {
  for (;;) {
    if (p_ == end_) return false;
    uint8_t type;
    if (!ReadTag(&field->number, &type)) return false;
    if (type != static_cast<uint8_t>(WireType::kGroup)) return ReadValue(type, field);
    if (!SkipGroup(field->number, 0)) return false;
  }
}

bool WireReader::ReadTag(uint32_t* number, uint8_t* type) {
  const char* const begin = p_;
  uint64_t value;
  if (!ReadVarint(&value)) return false;
  // Bits beyond 32 are dropped, as in protobuf's own parser.
  const uint32_t tag = static_cast<uint32_t>(value);
  if (p_ - begin > kTagBytes || tag < 8) return Malformed();
  *number = tag >> 3;
  *type = static_cast<uint8_t>(tag & 7);
  return true;
}

bool WireReader::ReadValue(uint8_t type, WireField* field) {
  field->type = static_cast<WireType>(type);
  switch (field->type) {
    case WireType::kVarint:
      return ReadVarint(&field->value);
    case WireType::kFixed64:
      return ReadFixed(8, &field->value);
    case WireType::kBytes:
      return ReadBytes(&field->bytes);
    case WireType::kFixed32:
      return ReadFixed(4, &field->value);
    default:
      return Malformed();
  }
}

bool WireReader::ReadLongVarint(uint64_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (p_ == end_) return Malformed();
    const uint8_t byte = static_cast<uint8_t>(*p_++);
    result |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return Malformed();
}

bool WireReader::ReadFixed(size_t size, uint64_t* value) {
  if (static_cast<size_t>(end_ - p_) < size) return Malformed();
  *value = 0;
  std::memcpy(value, p_, size);
  p_ += size;
  return true;
}

bool WireReader::ReadBytes(absl::string_view* bytes) {
  uint64_t length;
  if (!ReadVarint(&length)) return false;
  if (length > static_cast<uint64_t>(end_ - p_)) return Malformed();
  *bytes = absl::string_view(p_, static_cast<size_t>(length));
  p_ += length;
  return true;
}

// Skips up to the end of the group `number`, which has begun.
bool WireReader::SkipGroup(uint32_t number, int depth) {
  if (depth == kGroupDepth) return Malformed();
  for (;;) {
    uint8_t type;
    WireField field;
    if (!ReadTag(&field.number, &type)) return false;
    if (type == kGroupEnd) return field.number == number || Malformed();
    if (type == static_cast<uint8_t>(WireType::kGroup)) {
      if (!SkipGroup(field.number, depth + 1)) return false;
    } else if (!ReadValue(type, &field)) {
      return false;
    }
  }
}

}  // namespace spanwire::bridge
