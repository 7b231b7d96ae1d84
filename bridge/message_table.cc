#include "bridge/message_table.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"

namespace spanwire::bridge {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

MessageTable::Kind KindOf(const Descriptor* descriptor) {
  const std::string& name = descriptor->full_name();
  if (name == "google.protobuf.Struct") return MessageTable::Kind::kStruct;
  if (name == "google.protobuf.Value") return MessageTable::Kind::kValue;
  if (name == "google.protobuf.ListValue") return MessageTable::Kind::kListValue;
  GOOGLE_CHECK(!absl::StartsWith(name, "google.protobuf.") ||
               absl::StartsWith(name, "google.protobuf.Struct."))
      << name << " has a JSON of its own, which bridge/message_writer.cc does not know";
  return MessageTable::Kind::kPlain;
}

WireType WireTypeOf(FieldDescriptor::Type type) {
  switch (type) {
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FIXED64:
    case FieldDescriptor::TYPE_SFIXED64:
      return WireType::kFixed64;
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_FIXED32:
    case FieldDescriptor::TYPE_SFIXED32:
      return WireType::kFixed32;
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
    case FieldDescriptor::TYPE_MESSAGE:
      return WireType::kBytes;
    case FieldDescriptor::TYPE_GROUP:
      GOOGLE_LOG(FATAL) << "groups have no JSON";
      return WireType::kGroup;
    default:
      return WireType::kVarint;
  }
}

}  // namespace

const MessageTable* MessageTables::Add(const Descriptor* descriptor) {
  std::unique_ptr<MessageTable>& made = tables_[descriptor];
  if (made != nullptr) return made.get();
  made = std::make_unique<MessageTable>();
  MessageTable* const table = made.get();  // `made` moves when the fields' tables are added
  table->kind = KindOf(descriptor);
  GOOGLE_CHECK_LE(static_cast<size_t>(descriptor->field_count()), MessageTable::kFields);
  for (int i = 0; i < descriptor->field_count(); ++i) {
    table->fields.push_back(MakeField(descriptor->field(i)));
  }
  std::sort(table->fields.begin(), table->fields.end(),
            [](const MessageTable::Field& a, const MessageTable::Field& b) {
              return a.number < b.number;
            });
  for (size_t i = 0; i < table->fields.size(); ++i) {
    const uint32_t number = table->fields[i].number;
    if (number >= MessageTable::kDirect) break;
    table->numbers.resize(number + 1, -1);
    table->numbers[number] = static_cast<int8_t>(i);
  }
  return table;
}

MessageTable::Field MessageTables::MakeField(const FieldDescriptor* descriptor) {
  MessageTable::Field field;
  field.number = static_cast<uint32_t>(descriptor->number());
  field.type = descriptor->type();
  field.wire = WireTypeOf(descriptor->type());
  if (descriptor->is_map()) {
    field.shape = MessageTable::Shape::kMap;
    GOOGLE_CHECK_EQ(descriptor->message_type()->map_key()->type(), FieldDescriptor::TYPE_STRING)
        << descriptor->full_name() << ": only strings are keys of maps here";
  } else if (descriptor->is_repeated()) {
    field.shape = MessageTable::Shape::kRepeated;
  } else {
    field.always = !descriptor->has_presence();
  }
  if (descriptor->real_containing_oneof() != nullptr) {
    field.oneof = descriptor->real_containing_oneof()->index();
  }
  field.key = absl::StrCat("\"", descriptor->name(), "\":");
  if (descriptor->message_type() != nullptr) field.message = Add(descriptor->message_type());
  field.enumeration = descriptor->enum_type();
  return field;
}

}  // namespace spanwire::bridge
