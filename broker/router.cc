#include "broker/router.h"

#include <algorithm>
#include <utility>

#include <google/protobuf/arena.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/payload_types.h"
#include "broker/wire.h"
#include "core/base/json_check.h"
#include "core/base/limits.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::broker {
namespace {

// google.protobuf.Timestamp: years 1 to 9999.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;

using Violations = std::vector<Violation>;

void Add(Violations* violations, std::string field, absl::string_view description) {
  if (violations->size() < limits::kViolations) {
    violations->push_back({std::move(field), std::string(description)});
  }
}

void AddUnlessOk(Violations* violations, std::string field, const absl::Status& status) {
  if (!status.ok()) Add(violations, std::move(field), status.message());
}

std::string Item(absl::string_view field, int index) {
  return absl::StrCat(field, "[", index, "]");
}

// The fields that belong to the log and the broker, by number.
const char* ServerField(uint32_t number) {
  switch (number) {
    case v1::Event::kIdFieldNumber:
      return "id";
    case v1::Event::kPrevFieldNumber:
      return "prev";
    case v1::Event::kAcceptedAtFieldNumber:
      return "accepted_at";
    case v1::Event::kWasFieldNumber:
      return "was";
    default:
      return nullptr;
  }
}

// What the top-level tags say: things that a parsed message no longer shows.
struct Outline {
  const PayloadType* payload = nullptr;  // null: none, or a later schema's
  bool has_payload = false;
  bool has_agent = false;
};

Outline ReadOutline(absl::string_view bytes, Violations* violations) {
  Outline outline;
  uint32_t payload_number = 0;
  WireReader reader(bytes);
  while (reader.Next()) {
    const uint32_t number = reader.number();
    if (const char* field = ServerField(number)) {
      Add(violations, field, "is set by the server; an agent must not send it, not even empty");
    } else if (reader.type() == WireType::kStartGroup || reader.type() == WireType::kEndGroup) {
      Add(violations, "",
          absl::StrCat("has a group (field ", number, "); groups are not accepted"));
      return outline;
    } else if (number == v1::Event::kAgentFieldNumber) {
      outline.has_agent = true;
    } else if (reader.type() == WireType::kBytes) {
      const PayloadType* payload = FindPayloadType(number);
      if (payload == nullptr && !IsLaterPayload(number)) continue;
      if (outline.has_payload && payload_number != number) {
        Add(violations, "payload", "is set more than once; one payload an event is allowed");
      }
      outline.has_payload = true;
      outline.payload = payload;
      payload_number = number;
    }
  }
  if (!reader.ok()) Add(violations, "", "is not valid protobuf: it is cut off or garbage");
  return outline;
}

void CheckOptionalId(absl::string_view id, absl::string_view field, Violations* violations) {
  if (!id.empty()) AddUnlessOk(violations, std::string(field), channel::CheckId(id));
}

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
}

// W3C Trace Context: version-trace-parent-flags.
bool IsTraceparent(absl::string_view text) {
  return text.size() == limits::kTraceparentBytes && text[2] == '-' && text[35] == '-' &&
         text[52] == '-' && IsHex(text.substr(0, 2)) && IsHex(text.substr(3, 32)) &&
         IsHex(text.substr(36, 16)) && IsHex(text.substr(53, 2));
}

void CheckEnvelope(const v1::Event& event, Violations* violations) {
  if (event.has_timestamp()) {
    const auto& timestamp = event.timestamp();
    if (timestamp.seconds() < kFirstSecond || timestamp.seconds() > kLastSecond ||
        timestamp.nanos() < 0 || timestamp.nanos() > 999'999'999) {
      Add(violations, "timestamp", "must be within the years 1 to 9999, with 0 to 999999999 nanos");
    }
  }
  CheckOptionalId(event.agent(), "agent", violations);
  CheckOptionalId(event.session_id(), "session_id", violations);
  CheckOptionalId(event.user_id(), "user_id", violations);
  if (event.audience_size() > static_cast<int>(limits::kAudienceRoles)) {
    Add(violations, "audience",
        absl::StrCat("has ", event.audience_size(), " roles, at most ", limits::kAudienceRoles,
                     " are allowed"));
  } else {
    for (int i = 0; i < event.audience_size(); ++i) {
      AddUnlessOk(violations, Item("audience", i), channel::CheckId(event.audience(i)));
    }
  }
  if (!event.traceparent().empty() && !IsTraceparent(event.traceparent())) {
    Add(violations, "traceparent",
        absl::StrCat("must be a W3C traceparent of ", limits::kTraceparentBytes, " characters"));
  }
}

void CheckCustom(const v1::Custom& custom, Violations* violations) {
  const absl::string_view type = custom.type();
  const auto allowed = [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("_.:-", c);
  };
  if (type.empty() || type.size() > limits::kTypeBytes || !absl::ascii_isalpha(type[0]) ||
      !std::all_of(type.begin(), type.end(), allowed)) {
    Add(violations, "custom.type",
        absl::StrCat("must begin with a letter and have 1 to ", limits::kTypeBytes,
                     " of the characters A-Z a-z 0-9 _ . : -"));
  } else if (IsBuiltInType(type)) {
    Add(violations, "custom.type", "is the name of a built-in payload");
  }
  if (custom.has_json()) {
    AddUnlessOk(violations, "custom.json",
                base::CheckJsonObject(custom.json(), limits::kJsonDepth));
  }
}

void CheckMetric(const v1::Metric& metric, Violations* violations) {
  if (metric.labels_size() <= static_cast<int>(limits::kMetricLabels)) return;
  Add(violations, "metric.labels",
      absl::StrCat("has ", metric.labels_size(), " labels, at most ", limits::kMetricLabels,
                   " are allowed"));
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* timestamp) {
  const absl::Duration since_epoch = time - absl::UnixEpoch();
  absl::Duration rest;
  timestamp->set_seconds(absl::IDivDuration(since_epoch, absl::Seconds(1), &rest));
  timestamp->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}

// The broker's own fields, encoded, and the agent's bytes as they came.
std::shared_ptr<const std::string> Encode(absl::string_view bytes, bool add_timestamp,
                                          absl::string_view agent, absl::Time accepted_at) {
  v1::Event front;
  SetTimestamp(accepted_at, front.mutable_accepted_at());
  if (add_timestamp) SetTimestamp(accepted_at, front.mutable_timestamp());
  if (!agent.empty()) front.set_agent(agent.data(), agent.size());
  auto encoded = std::make_shared<std::string>();
  encoded->reserve(front.ByteSizeLong() + bytes.size());
  front.AppendToString(encoded.get());
  encoded->append(bytes.data(), bytes.size());
  return encoded;
}

}  // namespace

RoutedEvent Router::Route(absl::string_view bytes, const Defaults& defaults) const {
  RoutedEvent routed;
  Violations& violations = routed.violations;
  if (bytes.size() > limits::kEventBytes) {
    Add(&violations, "",
        absl::StrCat("is ", bytes.size(), " bytes long, at most ", limits::kEventBytes,
                     " are allowed"));
    return routed;
  }
  const Outline outline = ReadOutline(bytes, &violations);
  google::protobuf::Arena arena;
  auto& event = *google::protobuf::Arena::CreateMessage<v1::Event>(&arena);
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    if (violations.empty()) violations.push_back(FindDefect(*v1::Event::descriptor(), bytes));
    return routed;
  }
  if (!outline.has_payload && violations.empty()) {
    Add(&violations, "payload", "is missing; one payload an event is required");
  }
  CheckEnvelope(event, &violations);
  if (event.has_custom()) CheckCustom(event.custom(), &violations);
  if (event.has_metric()) CheckMetric(event.metric(), &violations);
  const absl::string_view added_agent = outline.has_agent ? "" : defaults.agent;
  std::vector<std::string> channels =
      Channels(event, outline.has_agent ? absl::string_view(event.agent()) : added_agent,
               outline.payload != nullptr && outline.payload->also_global, &violations);
  if (!violations.empty()) return routed;
  routed.channels = std::move(channels);
  routed.transient = outline.payload != nullptr && outline.payload->transient;
  routed.event = Encode(bytes, !event.has_timestamp(), added_agent, defaults.accepted_at);
  return routed;
}

std::vector<std::string> Router::Channels(const v1::Event& event, absl::string_view agent,
                                          bool also_global, Violations* violations) const {
  std::vector<std::string> channels;
  if (event.channels_size() > static_cast<int>(limits::kChannelsPerEvent)) {
    Add(violations, "channels",
        absl::StrCat("has ", event.channels_size(), " channels, at most ",
                     limits::kChannelsPerEvent, " are allowed"));
    return channels;
  }
  for (int i = 0; i < event.channels_size(); ++i) {
    const std::string& channel = event.channels(i);
    AddUnlessOk(violations, Item("channels", i), names_->CheckChannel(channel));
    if (std::find(channels.begin(), channels.end(), channel) != channels.end()) {
      Add(violations, Item("channels", i), "repeats an earlier channel");
    }
    channels.push_back(channel);
  }
  if (!channels.empty()) return channels;
  if (!event.session_id().empty()) {
    channels.push_back(names_->Session(event.session_id()));
  } else if (!event.user_id().empty()) {
    channels.push_back(names_->User(event.user_id()));
  } else if (!agent.empty()) {
    channels.push_back(names_->Agent(agent));
  } else {
    channels.push_back(names_->Global());
    return channels;
  }
  if (also_global) channels.push_back(names_->Global());
  return channels;
}

std::string Describe(const std::vector<Violation>& violations, absl::string_view event) {
  const Violation& first = violations.front();
  std::string text(event);
  if (!event.empty() && !first.field.empty()) text.append(".");
  absl::StrAppend(&text, first.field);
  if (text.empty()) text = "the event";
  absl::StrAppend(&text, " ", first.description);
  if (violations.size() > 1) absl::StrAppend(&text, " (and ", violations.size() - 1, " more)");
  return text;
}

}  // namespace spanwire::broker
