#include "bridge/event_parser.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "bridge/json_array.h"
#include "bridge/json_scanner.h"
#include "bridge/json_string.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

// What an event may say besides its type and its data: fields of Event, by their names there.
constexpr absl::string_view kEnvelope[] = {"timestamp", "session_id", "agent",      "user_id",
                                           "channels",  "audience",   "traceparent"};

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// The payload's field with this name; null: a custom payload's own type.
const google::protobuf::FieldDescriptor* BuiltIn(const std::string& type) {
  const auto* const field = v1::Event::descriptor()->FindFieldByName(type);
  const bool payload = field != nullptr && field->containing_oneof() != nullptr &&
                       field->number() != v1::Event::kCustomFieldNumber;
  return payload ? field : nullptr;
}

struct Parts {
  absl::optional<std::string> type;
  absl::optional<absl::string_view> data;
  std::string envelope;  // members, each with a comma behind it
  std::vector<std::string> keys;

  absl::Status Take(const JsonMember& member) {
    std::string key(member.key);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      return Invalid("has a key twice");
    }
    if (key == "type") {
      if (member.kind != JsonKind::kString) return Invalid("has a \"type\" that is not a string");
      type = DecodeJsonString(member.value);
    } else if (key == "data") {
      if (member.kind != JsonKind::kObject) return Invalid("has a \"data\" that is not an object");
      data = member.value;
    } else if (std::find(std::begin(kEnvelope), std::end(kEnvelope), key) == std::end(kEnvelope)) {
      return Invalid(
          "has a key that is none of type, data, timestamp, session_id, agent, user_id, "
          "channels, audience, traceparent");
    } else {
      absl::StrAppend(&envelope, "\"", key, "\":", member.value, ",");
    }
    keys.push_back(std::move(key));
    return absl::OkStatus();
  }
};

// The error begins with what the event "has" or "is".
absl::Status ParseEvent(absl::string_view json, v1::Event* event) {
  Parts parts;
  absl::Status scanned = ScanJsonObject(
      json, [&](const JsonMember& member) { return parts.Take(member); }, nullptr);
  if (!scanned.ok()) return scanned;
  if (!parts.type) return Invalid("has no \"type\"");
  // The schema's own JSON, which the library reads: the envelope's fields, and the payload in the
  // field of its type.
  std::string text = absl::StrCat("{", parts.envelope);
  if (BuiltIn(*parts.type) != nullptr) {
    absl::StrAppend(&text, "\"", *parts.type, "\":", parts.data.value_or("{}"), "}");
  } else {
    if (!parts.envelope.empty()) text.pop_back();
    text.push_back('}');
  }
  const auto status = google::protobuf::util::JsonStringToMessage(text, event);
  if (!status.ok()) {
    return Invalid("does not fit the schema: ",
                   absl::string_view(status.message().data(), status.message().size()));
  }
  if (BuiltIn(*parts.type) == nullptr) {
    event->mutable_custom()->set_type(*parts.type);
    if (parts.data) event->mutable_custom()->set_json(std::string(*parts.data));
  }
  return absl::OkStatus();
}

absl::Status AddEvents(absl::string_view array, v1::PublishRequest* request) {
  const std::vector<absl::string_view> elements = JsonElements(array);
  if (elements.empty() || elements.size() > limits::kBatchEvents) {
    return Invalid("\"events\" must have 1 to ", limits::kBatchEvents, " events");
  }
  for (size_t i = 0; i < elements.size(); ++i) {
    const absl::Status status = ParseEvent(elements[i], request->add_events());
    if (!status.ok()) return Invalid("events[", i, "] ", status.message());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::PublishRequest> ParseEventFor(const std::string& channel,
                                                 absl::string_view json) {
  v1::PublishRequest request;
  v1::Event* const event = request.add_events();
  const absl::Status status = ParseEvent(json, event);
  if (!status.ok()) return Invalid("event ", status.message());
  if (event->channels_size() > 0) return Invalid("event has \"channels\" beside the command's");
  event->add_channels(channel);
  return request;
}

absl::StatusOr<v1::PublishRequest> ParseEvents(absl::string_view json) {
  v1::PublishRequest request;
  absl::optional<absl::string_view> events;
  size_t keys = 0;
  const absl::Status scanned = ScanJsonObject(
      json,
      [&](const JsonMember& member) {
        ++keys;
        if (member.key == "events" && member.kind == JsonKind::kArray) events = member.value;
        return absl::OkStatus();
      },
      nullptr);
  if (!scanned.ok()) return Invalid("the body ", scanned.message());
  if (events && keys > 1) return Invalid("\"events\" stands alone");
  absl::Status status =
      events ? AddEvents(*events, &request) : ParseEvent(json, request.add_events());
  if (!status.ok()) return events ? status : Invalid("the event ", status.message());
  return request;
}

}  // namespace spanwire::bridge
