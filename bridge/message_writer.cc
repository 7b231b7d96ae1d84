#include "bridge/message_writer.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "bridge/json_writer.h"
#include "bridge/wire_reader.h"

namespace spanwire::bridge {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using Field = MessageTable::Field;
using Shape = MessageTable::Shape;

// What was read of a field: its last value, or that it has elements.
struct Slot {
  bool set = false;
  uint64_t value = 0;
  MergedBytes bytes;
};
using Slots = absl::InlinedVector<Slot, 8>;

// Whether the wire holds a value of `field` here; anything else under its number is an unknown
// field.
bool IsValueOf(const Field& field, const WireField& wire) {
  const bool packed = field.shape == Shape::kRepeated && wire.type == WireType::kBytes;
  return wire.type == field.wire || (packed && !wire.bytes.empty());
}

// One pass over the message that leaves in each field's slot what counts by protobuf's rules.
bool ReadSlots(const MessageTable& table, absl::string_view bytes, Slots* slots) {
  WireReader reader(bytes);
  WireField wire;
  while (reader.Next(&wire)) {
    const int place = table.Find(wire.number);
    if (place < 0) continue;
    const Field& field = table.fields[static_cast<size_t>(place)];
    if (!IsValueOf(field, wire)) continue;
    Slot& slot = (*slots)[static_cast<size_t>(place)];
    if (field.oneof >= 0 && !slot.set) {
      for (size_t i = 0; i < slots->size(); ++i) {
        if (table.fields[i].oneof == field.oneof) (*slots)[i].set = false;
      }
    }
    if (slot.set && field.message != nullptr) {
      slot.bytes.Add(wire.bytes);
    } else {
      slot.bytes.Set(wire.bytes);
    }
    slot.value = wire.value;
    slot.set = true;
  }
  return reader.ok();
}

int32_t ZigZag32(uint64_t value) {
  const uint32_t bits = static_cast<uint32_t>(value);
  return static_cast<int32_t>((bits >> 1) ^ (0u - (bits & 1)));
}
int64_t ZigZag64(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (uint64_t{0} - (value & 1)));
}

void AppendEnum(const Field& field, int32_t number, std::string* out) {
  const EnumValueDescriptor* const value = field.enumeration->FindValueByNumber(number);
  if (value == nullptr) return AppendJsonInt32(number, out);
  out->push_back('"');
  out->append(value->name());
  out->push_back('"');
}

// One value: `value` of a varint or fixed field, `bytes` of the others.
bool AppendOne(const Field& field, uint64_t value, absl::string_view bytes, int depth,
               std::string* out) {
  switch (field.type) {
    case FieldDescriptor::TYPE_STRING:
      return AppendJsonString(bytes, out);
    case FieldDescriptor::TYPE_MESSAGE:
      return AppendMessage(*field.message, bytes, depth + 1, out);
    case FieldDescriptor::TYPE_BYTES:
      AppendJsonBase64(bytes, out);
      return true;
    case FieldDescriptor::TYPE_ENUM:
      AppendEnum(field, static_cast<int32_t>(value), out);
      return true;
    case FieldDescriptor::TYPE_BOOL:
      out->append(value != 0 ? "true" : "false");
      return true;
    case FieldDescriptor::TYPE_DOUBLE:
      AppendJsonDouble(std::bit_cast<double>(value), out);
      return true;
    case FieldDescriptor::TYPE_FLOAT:
      AppendJsonFloat(std::bit_cast<float>(static_cast<uint32_t>(value)), out);
      return true;
    case FieldDescriptor::TYPE_INT32:
    case FieldDescriptor::TYPE_SFIXED32:
      AppendJsonInt32(static_cast<int32_t>(value), out);
      return true;
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_FIXED32:
      AppendJsonUint32(static_cast<uint32_t>(value), out);
      return true;
    case FieldDescriptor::TYPE_SINT32:
      AppendJsonInt32(ZigZag32(value), out);
      return true;
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_SFIXED64:
      AppendJsonInt64(static_cast<int64_t>(value), out);
      return true;
    case FieldDescriptor::TYPE_UINT64:
    case FieldDescriptor::TYPE_FIXED64:
      AppendJsonUint64(value, out);
      return true;
    case FieldDescriptor::TYPE_SINT64:
      AppendJsonInt64(ZigZag64(value), out);
      return true;
    case FieldDescriptor::TYPE_GROUP:
      return false;
  }
  return false;
}

// The numbers packed into one field.
bool AppendPacked(const Field& field, absl::string_view bytes, int depth, std::string* out) {
  WireReader reader(bytes);
  uint64_t value;
  const auto next = [&] {
    if (field.wire == WireType::kVarint) return reader.NextVarint(&value);
    return reader.NextFixed(field.wire == WireType::kFixed64 ? 8 : 4, &value);
  };
  while (next()) {
    if (!AppendOne(field, value, {}, depth, out)) return false;
    out->push_back(',');
  }
  return reader.ok();
}

// Replaces the comma behind the last element, or adds the end behind the beginning of an empty
// value.
void Close(char end, std::string* out) {
  if (out->back() == ',') {
    out->back() = end;
  } else {
    out->push_back(end);
  }
}

// The elements of the repeated `field` among those of the message in `bytes`.
bool AppendList(const Field& field, absl::string_view bytes, int depth, std::string* out) {
  out->push_back('[');
  WireReader reader(bytes);
  WireField wire;
  while (reader.Next(&wire)) {
    if (wire.number != field.number || !IsValueOf(field, wire)) continue;
    if (wire.type != field.wire) {
      if (!AppendPacked(field, wire.bytes, depth, out)) return false;
      continue;
    }
    if (!AppendOne(field, wire.value, wire.bytes, depth, out)) return false;
    out->push_back(',');
  }
  Close(']', out);
  return reader.ok();
}

struct MapEntry {
  absl::string_view key;
  absl::string_view bytes;  // the whole entry
};
using MapEntries = absl::InlinedVector<MapEntry, 16>;

// Of entries with the same key the last one counts.
void DropOverridden(MapEntries* entries) {
  absl::flat_hash_set<absl::string_view> seen;
  size_t kept = entries->size();
  for (size_t i = entries->size(); i-- > 0;) {
    if (seen.insert((*entries)[i].key).second) (*entries)[--kept] = (*entries)[i];
  }
  entries->erase(entries->begin(), entries->begin() + static_cast<ptrdiff_t>(kept));
}

bool HasDuplicates(const MapEntries& entries) {
  constexpr size_t kFew = 12;  // up to here comparing each with each is quicker than hashing
  if (entries.size() > kFew) return true;
  for (size_t i = 1; i < entries.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (entries[i].key == entries[j].key) return true;
    }
  }
  return false;
}

bool ReadMap(const Field& field, absl::string_view bytes, MapEntries* entries) {
  WireReader reader(bytes);
  WireField wire;
  while (reader.Next(&wire)) {
    if (wire.number != field.number || wire.type != WireType::kBytes) continue;
    Slots slots(field.message->fields.size());
    if (!ReadSlots(*field.message, wire.bytes, &slots)) return false;
    entries->push_back({slots[0].bytes.get(), wire.bytes});
  }
  if (HasDuplicates(*entries)) DropOverridden(entries);
  return reader.ok();
}

// The entries of the map `field` among the fields of the message in `bytes`.
bool AppendMap(const Field& field, absl::string_view bytes, int depth, std::string* out) {
  MapEntries entries;
  if (!ReadMap(field, bytes, &entries)) return false;
  const Field& value = field.message->fields[1];
  out->push_back('{');
  for (const MapEntry& entry : entries) {
    Slots slots(field.message->fields.size());
    if (!ReadSlots(*field.message, entry.bytes, &slots)) return false;
    if (!AppendJsonString(entry.key, out)) return false;
    out->push_back(':');
    if (!AppendOne(value, slots[1].value, slots[1].bytes.get(), depth, out)) return false;
    out->push_back(',');
  }
  Close('}', out);
  return true;
}

// google.protobuf.Value: whichever of its kinds is set.
bool AppendValue(const MessageTable& table, absl::string_view bytes, int depth, std::string* out) {
  Slots slots(table.fields.size());
  if (!ReadSlots(table, bytes, &slots)) return false;
  const auto set =
      std::find_if(slots.begin(), slots.end(), [](const Slot& slot) { return slot.set; });
  const size_t place = static_cast<size_t>(set - slots.begin());
  if (set == slots.end() || table.fields[place].type == FieldDescriptor::TYPE_ENUM) {
    out->append("null");
    return true;
  }
  return AppendOne(table.fields[place], set->value, set->bytes.get(), depth, out);
}

bool AppendFields(const MessageTable& table, absl::string_view bytes, int depth, std::string* out) {
  Slots slots(table.fields.size());
  if (!ReadSlots(table, bytes, &slots)) return false;
  out->push_back('{');
  for (size_t i = 0; i < slots.size(); ++i) {
    const Field& field = table.fields[i];
    const Slot& slot = slots[i];
    if (!slot.set && !field.always) continue;
    out->append(field.key);
    bool written = false;
    switch (field.shape) {
      case Shape::kSingular:
        written = AppendOne(field, slot.value, slot.bytes.get(), depth, out);
        break;
      case Shape::kRepeated:
        written = AppendList(field, bytes, depth, out);
        break;
      case Shape::kMap:
        written = AppendMap(field, bytes, depth, out);
        break;
    }
    if (!written) return false;
    out->push_back(',');
  }
  Close('}', out);
  return true;
}

}  // namespace

bool AppendMessage(const MessageTable& table, absl::string_view bytes, int depth,
                   std::string* out) {
  if (depth > kMessageDepth) return false;
  switch (table.kind) {
    case MessageTable::Kind::kStruct:
      return AppendMap(table.fields[0], bytes, depth, out);
    case MessageTable::Kind::kListValue:
      return AppendList(table.fields[0], bytes, depth, out);
    case MessageTable::Kind::kValue:
      return AppendValue(table, bytes, depth, out);
    case MessageTable::Kind::kPlain:
      return AppendFields(table, bytes, depth, out);
  }
  return false;
}

}  // namespace spanwire::bridge
