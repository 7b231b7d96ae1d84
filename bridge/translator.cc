#include "bridge/translator.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bridge/event_reader.h"
#include "bridge/event_type.h"
#include "bridge/json_scanner.h"
#include "bridge/json_writer.h"
#include "bridge/message_writer.h"
#include "bridge/payload_tables.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {
namespace {

absl::Status Unshowable(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the event cannot be shown: ", why));
}

bool IsPrintable(const EventTime& time) {
  return time.set && IsJsonTimestamp(time.seconds, time.nanos);
}

// Writes one event's JSON, each function one part of it, in the protocol's order.
class Writer {
 public:
  Writer(const EventFields& event, std::string* out) : event_(event), out_(out) {}

  // The record's four keys.
  absl::Status Record();
  // Ours, and the end.
  absl::Status Rest(absl::string_view channel, const absl::optional<channel::Position>& id,
                    const absl::optional<channel::Position>& prev);

 private:
  absl::Status Known(const PayloadTables::Payload& payload);
  absl::Status Custom();
  absl::Status Unknown();
  // Timestamp, session_id and the key of the data, behind the key of the timestamp.
  bool ToData();
  bool Text(absl::string_view key, absl::string_view value);
  void Place(absl::string_view key, const absl::optional<channel::Position>& position);

  const EventFields& event_;
  std::string* const out_;
};

absl::Status Writer::Record() {
  if (event_.payload == 0) return Unshowable("it has no payload");
  if (event_.payload == v1::Event::kCustomFieldNumber) return Custom();
  if (!event_.known) return Unknown();
  return Known(*PayloadTables::Get().Find(event_.payload));
}

absl::Status Writer::Known(const PayloadTables::Payload& payload) {
  out_->append(payload.head);
  if (!ToData()) return Unshowable("its session_id is not UTF-8");
  if (!AppendMessage(*payload.table, event_.body.get(), 1, out_)) {
    return Unshowable("its payload is malformed");
  }
  return absl::OkStatus();
}

absl::Status Writer::Custom() {
  CustomFields custom;
  if (!ReadCustom(event_.body.get(), &custom)) return Unshowable("its payload is malformed");
  if (!IsEventType(custom.type)) return Unshowable("its custom.type breaks the rules");
  absl::StrAppend(out_, "{\"type\":\"", custom.type, "\",\"timestamp\":");
  if (!ToData()) return Unshowable("its session_id is not UTF-8");
  if (custom.body == CustomFields::Body::kJson) {
    const absl::Status status = ScanJsonObject(custom.json, out_);
    return status.ok() ? status : Unshowable(absl::StrCat("its custom.json ", status.message()));
  }
  if (!AppendMessage(PayloadTables::Get().struct_table(), custom.data.get(), 2, out_)) {
    return Unshowable("its custom.data is malformed");
  }
  return absl::OkStatus();
}

absl::Status Writer::Unknown() {
  out_->append("{\"type\":\"unknown\",\"timestamp\":");
  if (!ToData()) return Unshowable("its session_id is not UTF-8");
  absl::StrAppend(out_, "{\"field\":", event_.payload, ",\"bytes\":");
  AppendJsonBase64(event_.body.get(), out_);
  out_->push_back('}');
  return absl::OkStatus();
}

bool Writer::ToData() {
  if (IsPrintable(event_.timestamp)) {
    AppendJsonTimestamp(event_.timestamp.seconds, event_.timestamp.nanos, out_);
  } else if (IsPrintable(event_.accepted_at)) {
    AppendJsonTimestamp(event_.accepted_at.seconds, event_.accepted_at.nanos, out_);
  } else {
    AppendJsonTimestamp(0, 0, out_);
  }
  out_->append(",\"session_id\":");
  if (!AppendJsonString(event_.session_id, out_)) return false;
  out_->append(",\"data\":");
  return true;
}

absl::Status Writer::Rest(absl::string_view channel, const absl::optional<channel::Position>& id,
                          const absl::optional<channel::Position>& prev) {
  bool utf8 = Text(",\"channel\":", channel);
  Place(",\"id\":\"", id);
  Place(",\"prev\":\"", prev);
  utf8 = utf8 && Text(",\"agent\":", event_.agent) && Text(",\"user_id\":", event_.user_id) &&
         Text(",\"traceparent\":", event_.traceparent);
  if (IsPrintable(event_.accepted_at)) {
    out_->append(",\"accepted_at\":");
    AppendJsonTimestamp(event_.accepted_at.seconds, event_.accepted_at.nanos, out_);
  }
  utf8 = utf8 && Text(",\"was\":", event_.was);
  out_->push_back('}');
  return utf8 ? absl::OkStatus() : Unshowable("a field of its envelope is not UTF-8");
}

// A text that is empty is not set.
bool Writer::Text(absl::string_view key, absl::string_view value) {
  if (value.empty()) return true;
  out_->append(key.data(), key.size());
  return AppendJsonString(value, out_);
}

void Writer::Place(absl::string_view key, const absl::optional<channel::Position>& position) {
  if (!position) return;
  out_->append(key.data(), key.size());
  absl::StrAppend(out_, position->epoch, "-", position->seq, "\"");
}

}  // namespace

absl::StatusOr<Translator::Translation> Translator::Translate(
    absl::string_view event, absl::string_view channel, absl::optional<channel::Position> id,
    absl::optional<channel::Position> prev) {
  EventFields fields;
  if (!ReadEvent(event, &fields)) return Unshowable("it is malformed");
  json_.clear();
  Writer writer(fields, &json_);
  if (absl::Status status = writer.Record(); !status.ok()) return status;
  if (absl::Status status = writer.Rest(channel, id, prev); !status.ok()) return status;
  return Translation{json_, !fields.audience};
}

}  // namespace spanwire::bridge
