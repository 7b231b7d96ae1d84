#include "bridge/event_reader.h"

#include "bridge/payload_tables.h"
#include "core/channel/payload_number.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {
namespace {

using v1::Custom;
using v1::Event;

bool ReadTime(absl::string_view bytes, EventTime* time) {
  WireReader reader(bytes);
  WireField field;
  while (reader.Next(&field)) {
    if (field.type != WireType::kVarint) continue;
    if (field.number == 1) time->seconds = static_cast<int64_t>(field.value);
    if (field.number == 2) time->nanos = static_cast<int32_t>(field.value);
  }
  time->set = true;
  return reader.ok();
}

void TakePayload(const WireField& field, bool known, EventFields* fields) {
  if (fields->payload == field.number) return fields->body.Add(field.bytes);
  if (!known && (fields->known || !channel::IsPayloadNumber(field.number))) return;
  fields->payload = field.number;
  fields->known = known;
  fields->body.Set(field.bytes);
}

// A field with length; the others mean nothing here.
bool TakeField(const WireField& field, EventFields* fields) {
  switch (field.number) {
    case Event::kTimestampFieldNumber:
      return ReadTime(field.bytes, &fields->timestamp);
    case Event::kAgentFieldNumber:
      fields->agent = field.bytes;
      return true;
    case Event::kSessionIdFieldNumber:
      fields->session_id = field.bytes;
      return true;
    case Event::kUserIdFieldNumber:
      fields->user_id = field.bytes;
      return true;
    case Event::kAudienceFieldNumber:
      fields->audience = true;
      return true;
    case Event::kTraceparentFieldNumber:
      fields->traceparent = field.bytes;
      return true;
    case Event::kAcceptedAtFieldNumber:
      return ReadTime(field.bytes, &fields->accepted_at);
    case Event::kWasFieldNumber:
      fields->was = field.bytes;
      return true;
    default:
      TakePayload(field, PayloadTables::Get().Find(field.number) != nullptr, fields);
      return true;
  }
}

}  // namespace

bool ReadEvent(absl::string_view event, EventFields* fields) {
  WireReader reader(event);
  WireField field;
  while (reader.Next(&field)) {
    if (field.type == WireType::kBytes && !TakeField(field, fields)) return false;
  }
  return reader.ok();
}

bool ReadCustom(absl::string_view custom, CustomFields* fields) {
  using Body = CustomFields::Body;
  WireReader reader(custom);
  WireField field;
  while (reader.Next(&field)) {
    if (field.type != WireType::kBytes) continue;
    if (field.number == Custom::kTypeFieldNumber) {
      fields->type = field.bytes;
    } else if (field.number == Custom::kJsonFieldNumber) {
      fields->json = field.bytes;
      fields->body = Body::kJson;
    } else if (field.number == Custom::kDataFieldNumber) {
      if (fields->body == Body::kStruct) {
        fields->data.Add(field.bytes);
      } else {
        fields->data.Set(field.bytes);
      }
      fields->body = Body::kStruct;
    }
  }
  return reader.ok();
}

}  // namespace spanwire::bridge
