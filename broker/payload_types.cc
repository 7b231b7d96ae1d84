#include "broker/payload_types.h"

#include "absl/container/flat_hash_map.h"
#include "core/channel/payload_number.h"
#include "spanwire/v1/event.pb.h"
#include "spanwire/v1/options.pb.h"

namespace spanwire::broker {
namespace {

const google::protobuf::OneofDescriptor& Payload() {
  return *v1::Event::descriptor()->FindOneofByName("payload");
}

absl::flat_hash_map<uint32_t, PayloadType> ReadTypes() {
  absl::flat_hash_map<uint32_t, PayloadType> types;
  for (int i = 0; i < Payload().field_count(); ++i) {
    const auto& field = *Payload().field(i);
    const auto& options = field.message_type()->options();
    types[static_cast<uint32_t>(field.number())] = {
        field.name(), options.GetExtension(v1::delivery) == v1::DELIVERY_TRANSIENT,
        options.GetExtension(v1::also_global)};
  }
  return types;
}

const absl::flat_hash_map<uint32_t, PayloadType>& Types() {
  static const auto* const types = new absl::flat_hash_map<uint32_t, PayloadType>(ReadTypes());
  return *types;
}

}  // namespace

const PayloadType* FindPayloadType(uint32_t field_number) {
  const auto found = Types().find(field_number);
  return found == Types().end() ? nullptr : &found->second;
}

bool IsLaterPayload(uint32_t field_number) {
  return channel::IsPayloadNumber(field_number) && FindPayloadType(field_number) == nullptr;
}

bool IsBuiltInType(absl::string_view name) {
  for (const auto& [number, type] : Types()) {
    if (type.name == name) return true;
  }
  return false;
}

}  // namespace spanwire::broker
