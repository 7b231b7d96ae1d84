#include "bridge/plain_json.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bridge/event_type.h"
#include "bridge/json_scanner.h"
#include "bridge/json_string.h"
#include "bridge/json_writer.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

// Keys by which a client knows an event's place: the server's alone.
constexpr absl::string_view kServersKeys[] = {"id", "prev", "was", "channel", "conflated"};

// What is asked of the object's own members.
class MemberRules {
 public:
  absl::Status Check(const JsonMember& member) {
    if (!keys_.emplace(member.key).second) {
      return absl::InvalidArgumentError("has the same key twice");
    }
    const auto* const server =
        std::find(std::begin(kServersKeys), std::end(kServersKeys), member.key);
    if (server != std::end(kServersKeys)) {
      return absl::InvalidArgumentError(
          absl::StrCat("has the key \"", *server, "\", which only the server may set"));
    }
    if (member.key != "type") return absl::OkStatus();
    has_type_ = true;
    if (member.kind != JsonKind::kString || !IsEventType(DecodeJsonString(member.value))) {
      return absl::InvalidArgumentError(
          "has a \"type\" that is not a string of 1 to 128 characters A-Z a-z 0-9 _ . : - that "
          "begins with a letter");
    }
    return absl::OkStatus();
  }

  bool has_type() const { return has_type_; }

 private:
  absl::flat_hash_set<std::string> keys_;
  bool has_type_ = false;
};

}  // namespace

absl::StatusOr<std::string> TranslatePlainJson(absl::string_view message,
                                               absl::string_view channel) {
  if (message.size() > limits::kPlainJsonBytes) {
    return absl::InvalidArgumentError(absl::StrCat("is ", message.size(), " bytes long, at most ",
                                                   limits::kPlainJsonBytes, " are allowed"));
  }
  std::string json;
  json.reserve(message.size() + channel.size() + 16);
  MemberRules rules;
  const absl::Status status = ScanJsonObject(
      message, [&](const JsonMember& member) { return rules.Check(member); }, &json);
  if (!status.ok()) return status;
  if (!rules.has_type()) return absl::InvalidArgumentError("has no \"type\"");
  json.pop_back();
  json.append(",\"channel\":");
  AppendJsonText(channel, &json);
  json.push_back('}');
  return json;
}

}  // namespace spanwire::bridge
