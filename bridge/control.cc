#include "bridge/control.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "bridge/json_writer.h"
#include "core/base/limits.h"
#include "core/base/utf8.h"

namespace spanwire::bridge {
namespace {

constexpr char kChannelPayload[] = "channel";

// One frame in the making. Each member but the type begins with a comma.
class Control {
 public:
  explicit Control(absl::string_view type) { absl::StrAppend(&json_, "{\"type\":\"", type, "\""); }

  Control& Id(absl::optional<int64_t> id) {
    if (id) absl::StrAppend(&json_, ",\"id\":", *id);
    return *this;
  }
  Control& Text(absl::string_view key, absl::string_view value) {
    absl::StrAppend(&json_, ",\"", key, "\":");
    AppendJsonText(value, &json_);
    return *this;
  }
  Control& At(absl::string_view key, channel::Position position) {
    absl::StrAppend(&json_, ",\"", key, "\":\"", position.epoch, "-", position.seq, "\"");
    return *this;
  }
  Control& Flag(absl::string_view key, bool value) {
    absl::StrAppend(&json_, ",\"", key, "\":", value ? "true" : "false");
    return *this;
  }
  // `json`: members as they are to be written.
  Control& Members(absl::string_view json) {
    absl::StrAppend(&json_, ",", json);
    return *this;
  }
  std::string End() {
    json_.push_back('}');
    return std::move(json_);
  }

 private:
  std::string json_;
};

Control BeginError(absl::optional<int64_t> id, absl::optional<absl::string_view> channel,
                   const absl::Status& status) {
  Control control("$error");
  control.Id(id);
  if (channel) control.Text("channel", *channel);
  control.Text("code", ErrorCodeName(status.code()))
      .Text("message", status.message())
      .Flag("retry", IsRetryable(status.code()));
  return control;
}

std::string GapMembers(absl::string_view channel, const channel::Gap& gap) {
  return absl::StrCat("\"channel\":\"", channel, "\",\"after\":\"", gap.after.ToString(),
                      "\",\"position\":\"", gap.position.ToString(), "\",\"reason\":\"",
                      channel::GapReasonName(gap.reason), "\"");
}

}  // namespace

std::string HelloControl(absl::string_view connection) {
  return Control("$hello")
      .Text("connection", connection)
      .Text("user", "")
      .Members(absl::StrCat("\"ping_ms\":", absl::ToInt64Milliseconds(limits::kPingInterval),
                            ",\"limits\":{\"frame_bytes\":", limits::kFrameBytes,
                            ",\"subscriptions\":", limits::kSubscriptions, "}"))
      .End();
}

std::string SubscribedControl(absl::optional<int64_t> id, absl::string_view channel,
                              channel::Position position, absl::optional<bool> recovered) {
  Control control("$subscribed");
  control.Id(id).Text("channel", channel).At("position", position);
  if (recovered) control.Flag("recovered", *recovered);
  return control.End();
}

std::string LiveControl(absl::string_view channel, channel::Position position) {
  return Control("$live").Text("channel", channel).At("position", position).End();
}

std::string GapControl(absl::string_view channel, const channel::Gap& gap) {
  return Control("$gap").Members(GapMembers(channel, gap)).End();
}

std::string PositionControl(absl::string_view channel, channel::Position position) {
  return Control("$position").Text("channel", channel).At("position", position).End();
}

std::string HistoryControl(absl::optional<int64_t> id, absl::string_view channel,
                           absl::Span<const FramePtr> events, bool more, channel::Position position,
                           const absl::optional<channel::Gap>& gap) {
  const std::string list = absl::StrJoin(events, ",", [](std::string* out, const FramePtr& event) {
    absl::StrAppend(out, event->json());
  });
  Control control("$history");
  control.Id(id)
      .Text("channel", channel)
      .Members(absl::StrCat("\"events\":[", list, "]"))
      .Flag("more", more)
      .At("position", position);
  if (gap) {
    control.Members(absl::StrCat("\"gap\":{", GapMembers(channel, *gap), "}"));
  }
  return control.End();
}

std::string PublishedControl(absl::optional<int64_t> id, absl::string_view channel,
                             absl::string_view position) {
  Control control("$published");
  control.Id(id).Text("channel", channel);
  if (!position.empty()) control.Text("position", position);
  return control.End();
}

std::string PublishedControl(absl::Span<const PublishedEvent> events) {
  const std::string list =
      absl::StrJoin(events, ",", [](std::string* out, const PublishedEvent& one) {
        absl::StrAppend(out, "{\"event\":", one.event, ",\"channel\":\"", one.channel,
                        "\",\"position\":\"", one.position, "\"}");
      });
  return Control("$published").Members(absl::StrCat("\"positions\":[", list, "]")).End();
}

std::string UnsubscribedControl(absl::optional<int64_t> id, absl::string_view channel) {
  return Control("$unsubscribed").Id(id).Text("channel", channel).End();
}

std::string ErrorControl(absl::optional<int64_t> id, absl::optional<absl::string_view> channel,
                         const absl::Status& status) {
  return BeginError(id, channel, status).End();
}

absl::Status OfChannel(absl::Status status, absl::string_view channel) {
  if (base::IsUtf8(channel)) status.SetPayload(kChannelPayload, absl::Cord(channel));
  return status;
}

absl::optional<std::string> ChannelOf(const absl::Status& status) {
  const absl::optional<absl::Cord> channel = status.GetPayload(kChannelPayload);
  if (!channel) return absl::nullopt;
  return std::string(*channel);
}

std::string PingControl() { return Control("$ping").End(); }

std::string SlowControl() { return Control("$slow").End(); }

std::string UnavailableControl(absl::Duration retry_after) {
  return BeginError(absl::nullopt, absl::nullopt, absl::UnavailableError("the bridge goes down"))
      .Members(absl::StrCat("\"after_ms\":", absl::ToInt64Milliseconds(retry_after)))
      .End();
}

std::string GoneControl(absl::Span<const LostControl> lost, absl::string_view cursor) {
  const std::string list = absl::StrJoin(lost, ",", [](std::string* out, const LostControl& one) {
    absl::StrAppend(out, "{", GapMembers(one.channel, one.gap), "}");
  });
  return BeginError(absl::nullopt, absl::nullopt,
                    absl::DataLossError("events after the cursor cannot be had"))
      .Members(absl::StrCat("\"lost\":[", list, "]"))
      .Text("cursor", cursor)
      .End();
}

std::string DrainControl(absl::Duration reconnect_after) {
  return Control("$drain")
      .Members(absl::StrCat("\"after_ms\":", absl::ToInt64Milliseconds(reconnect_after)))
      .End();
}

// Every frame begins with its type, and no event's begins with `$`.
absl::string_view ControlType(absl::string_view json) {
  constexpr absl::string_view kBegin = "{\"type\":\"";
  if (!absl::ConsumePrefix(&json, kBegin) || !absl::StartsWith(json, "$")) return {};
  return json.substr(0, json.find('"'));
}

absl::string_view ErrorCodeName(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return "ok";
    case absl::StatusCode::kCancelled:
      return "cancelled";
    case absl::StatusCode::kInvalidArgument:
      return "invalid_argument";
    case absl::StatusCode::kDeadlineExceeded:
      return "deadline_exceeded";
    case absl::StatusCode::kNotFound:
      return "not_found";
    case absl::StatusCode::kAlreadyExists:
      return "already_exists";
    case absl::StatusCode::kPermissionDenied:
      return "permission_denied";
    case absl::StatusCode::kResourceExhausted:
      return "resource_exhausted";
    case absl::StatusCode::kFailedPrecondition:
      return "failed_precondition";
    case absl::StatusCode::kAborted:
      return "aborted";
    case absl::StatusCode::kOutOfRange:
      return "out_of_range";
    case absl::StatusCode::kUnimplemented:
      return "unimplemented";
    case absl::StatusCode::kInternal:
      return "internal";
    case absl::StatusCode::kUnavailable:
      return "unavailable";
    case absl::StatusCode::kDataLoss:
      return "data_loss";
    case absl::StatusCode::kUnauthenticated:
      return "unauthenticated";
    default:
      return "unknown";
  }
}

bool IsRetryable(absl::StatusCode code) {
  return code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kAborted ||
         code == absl::StatusCode::kDeadlineExceeded;
}

}  // namespace spanwire::bridge
