#include "bridge/format.h"

#include <atomic>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "bridge/control.h"
#include "bridge/json_scanner.h"
#include "bridge/json_string.h"
#include "bridge/since.h"
#include "core/base/random.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {
namespace {

// The members of an event's JSON object, as they are written.
class Members {
 public:
  explicit Members(absl::string_view json) {
    const absl::Status scanned = ScanJsonObject(
        json,
        [this](const JsonMember& member) {
          values_[member.key] = member.value;
          return absl::OkStatus();
        },
        nullptr);
    if (!scanned.ok()) values_.clear();  // our own text is right
  }
  // Its JSON text; empty: it is not there.
  absl::string_view Raw(absl::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? absl::string_view() : found->second;
  }
  // What it says, if it is a string; else empty.
  std::string Text(absl::string_view key) const {
    const absl::string_view raw = Raw(key);
    return !raw.empty() && raw.front() == '"' ? DecodeJsonString(raw) : "";
  }

 private:
  absl::flat_hash_map<std::string, absl::string_view> values_;
};

// As what a subscriber of the channel in Redis gets, and the channel: in protobuf concatenation is
// merge, and the event's own channels come behind it.
FramePtr MakeProto(const Frame& event) {
  const Members members(event.json());
  v1::Event head;
  head.set_prev(members.Text("prev"));
  head.add_channels(members.Text("channel"));
  const std::string id = members.Text("id");
  constexpr char kIdTag = '\x0A';
  const char id_bytes = static_cast<char>(id.size());  // a position has 33 at most
  std::string bytes{kIdTag, id_bytes};
  absl::StrAppend(&bytes, id, head.SerializeAsString(), event.event());
  return Frame::MakeBinary(bytes);
}

// An event without position has no other name.
std::string TransientName() {
  static const uint64_t process = base::FreshSeed();
  static std::atomic<uint64_t> count{0};
  return absl::StrCat("\"t-", absl::Hex(process), "-", ++count, "\"");
}

FramePtr MakeCloudEvent(const Frame& event) {
  const Members members(event.json());
  const absl::string_view id = members.Raw("id");
  std::string json =
      absl::StrCat(R"({"specversion":"1.0","id":)", id.empty() ? TransientName() : std::string(id));
  const auto add = [&](absl::string_view name, absl::string_view raw) {
    if (!raw.empty()) absl::StrAppend(&json, ",\"", name, "\":", raw);
  };
  // A channel's name is a URI but for one character.
  add("source", absl::StrReplaceAll(members.Raw("channel"), {{"|", "%7C"}}));
  add("type", members.Raw("type"));
  if (ParseSince(members.Text("timestamp"))) add("time", members.Raw("timestamp"));
  if (!members.Text("session_id").empty()) add("subject", members.Raw("session_id"));
  if (!members.Raw("data").empty()) add("datacontenttype", "\"application/json\"");
  add("data", members.Raw("data"));
  constexpr std::pair<absl::string_view, absl::string_view> kExtensions[] = {
      {"channel", "channel"},        {"prev", "prev"},
      {"conflated", "conflated"},    {"agent", "agent"},
      {"userid", "user_id"},         {"traceparent", "traceparent"},
      {"acceptedat", "accepted_at"}, {"was", "was"},
  };
  // What a plain JSON event says under these keys need not be of a kind that an attribute may have.
  for (const auto& [name, key] : kExtensions) {
    if (event.event().empty() && name != "channel") continue;
    add(name, members.Raw(key));
  }
  json.push_back('}');
  return Frame::Make(json);
}

}  // namespace

Format FormatOf(absl::string_view subprotocol) {
  if (subprotocol == "spanwire.v1.proto") return Format::kProto;
  if (subprotocol == "cloudevents.json") return Format::kCloudEvents;
  return Format::kJson;
}

FramePtr InFormat(const FramePtr& event, Format format) {
  switch (format) {
    case Format::kJson:
      return event;
    case Format::kProto:
      // Plain JSON was never anything else.
      return event->event().empty() ? event : event->Derived(0, MakeProto);
    case Format::kCloudEvents:
      return event->Derived(1, MakeCloudEvent);
  }
  return event;
}

std::string ControlCloudEvent(absl::string_view json, absl::string_view connection,
                              uint64_t number) {
  return absl::StrCat(R"({"specversion":"1.0","id":")", connection, "-", number,
                      R"(","source":"/v1/ws","type":")", ControlType(json),
                      R"(","datacontenttype":"application/json","data":)", json, "}");
}

}  // namespace spanwire::bridge
