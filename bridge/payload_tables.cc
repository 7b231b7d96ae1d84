#include "bridge/payload_tables.h"

#include "absl/strings/str_cat.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {

const PayloadTables& PayloadTables::Get() {
  static const PayloadTables* const tables = new PayloadTables;
  return *tables;
}

PayloadTables::PayloadTables()
    : struct_table_(tables_.Add(google::protobuf::Struct::descriptor())) {
  const google::protobuf::OneofDescriptor* const oneof =
      v1::Event::descriptor()->FindOneofByName("payload");
  for (int i = 0; i < oneof->field_count(); ++i) {
    const google::protobuf::FieldDescriptor* const field = oneof->field(i);
    const size_t number = static_cast<size_t>(field->number());
    if (payloads_.size() <= number) payloads_.resize(number + 1);
    payloads_[number] = std::make_unique<const Payload>(
        Payload{absl::StrCat("{\"type\":\"", field->name(), "\",\"timestamp\":"),
                tables_.Add(field->message_type())});
  }
}

}  // namespace spanwire::bridge
