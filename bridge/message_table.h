// What the JSON of a message needs to know of its schema, prepared once: a flat table of fields,
// with their keys ready to be copied.
//
// Owner of all tables: a MessageTables. Thread safety: a table is immutable once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "bridge/wire_reader.h"
#include "google/protobuf/descriptor.h"

namespace spanwire::bridge {

struct MessageTable {
  // Types of google.protobuf whose JSON is not an object of their fields.
  enum class Kind : uint8_t { kPlain, kStruct, kValue, kListValue };
  enum class Shape : uint8_t { kSingular, kRepeated, kMap };

  struct Field {
    uint32_t number = 0;
    google::protobuf::FieldDescriptor::Type type = google::protobuf::FieldDescriptor::TYPE_STRING;
    WireType wire = WireType::kBytes;  // of one value
    Shape shape = Shape::kSingular;
    bool always = false;                    // is written even when it is not there: no presence
    int oneof = -1;                         // which oneof of the message it belongs to
    std::string key;                        // `"name":`
    const MessageTable* message = nullptr;  // of a message; a map's has the fields key and value
    const google::protobuf::EnumDescriptor* enumeration = nullptr;
  };

  // The place of the field `number` in `fields`, or -1.
  int Find(uint32_t number) const;

  Kind kind = Kind::kPlain;
  std::vector<Field> fields;    // in the order of their numbers
  std::vector<int8_t> numbers;  // from number to place, for the first kDirect numbers

  static constexpr uint32_t kDirect = 64;
  static constexpr size_t kFields = 64;  // more a message may not have
};

class MessageTables {
 public:
  MessageTables() = default;
  MessageTables(const MessageTables&) = delete;
  MessageTables& operator=(const MessageTables&) = delete;

  // The table of `descriptor`, made at the first call; it lives as long as this, and no longer than
  // the descriptor's pool. Aborts on a schema that this JSON does not know: groups, maps whose key
  // is not a string, google.protobuf types other than Struct, Value and ListValue, more than
  // MessageTable::kFields fields.
  const MessageTable* Add(const google::protobuf::Descriptor* descriptor);

 private:
  MessageTable::Field MakeField(const google::protobuf::FieldDescriptor* descriptor);

  absl::flat_hash_map<const google::protobuf::Descriptor*, std::unique_ptr<MessageTable>> tables_;
};

inline int MessageTable::Find(uint32_t number) const {
  if (number < numbers.size()) return numbers[number];
  if (number < kDirect) return -1;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].number == number) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace spanwire::bridge
