#include "bridge/control.h"

#include <string>

#include "gtest/gtest.h"

namespace spanwire::bridge {
namespace {

constexpr absl::string_view kChannel = "webgui:global";

TEST(ControlTest, FramesAreWhatTheProtocolSays) {
  EXPECT_EQ(HelloControl("c-1"), R"({"type":"$hello","connection":"c-1","user":"","ping_ms":25000,)"
                                 R"("limits":{"frame_bytes":65536,"subscriptions":128}})");
  EXPECT_EQ(
      SubscribedControl(1, kChannel, {1704110400000000, 42}, true),
      R"({"type":"$subscribed","id":1,"channel":"webgui:global","position":"1704110400000000-42","recovered":true})");
  EXPECT_EQ(
      SubscribedControl(0, kChannel, {7, 0}, false),
      R"({"type":"$subscribed","id":0,"channel":"webgui:global","position":"7-0","recovered":false})");
  EXPECT_EQ(SubscribedControl(absl::nullopt, kChannel, {7, 0}, absl::nullopt),
            R"({"type":"$subscribed","channel":"webgui:global","position":"7-0"})");
  EXPECT_EQ(LiveControl(kChannel, {7, 3}),
            R"({"type":"$live","channel":"webgui:global","position":"7-3"})");
  EXPECT_EQ(PositionControl(kChannel, {7, 3}),
            R"({"type":"$position","channel":"webgui:global","position":"7-3"})");
  EXPECT_EQ(UnsubscribedControl(2, kChannel),
            R"({"type":"$unsubscribed","id":2,"channel":"webgui:global"})");
  EXPECT_EQ(UnsubscribedControl(absl::nullopt, kChannel),
            R"({"type":"$unsubscribed","channel":"webgui:global"})");
  EXPECT_EQ(PingControl(), R"({"type":"$ping"})");
  EXPECT_EQ(SlowControl(), R"({"type":"$slow"})");
}

TEST(ControlTest, GapsSayWhy) {
  const auto gap = [](channel::GapReason reason) {
    return GapControl(kChannel, {{7, 3}, {8, 1}, reason});
  };
  EXPECT_EQ(
      gap(channel::GapReason::kTrimmed),
      R"({"type":"$gap","channel":"webgui:global","after":"7-3","position":"8-1","reason":"trimmed"})");
  EXPECT_EQ(
      gap(channel::GapReason::kLost),
      R"({"type":"$gap","channel":"webgui:global","after":"7-3","position":"8-1","reason":"lost"})");
  EXPECT_EQ(
      gap(channel::GapReason::kRollback),
      R"({"type":"$gap","channel":"webgui:global","after":"7-3","position":"8-1","reason":"rollback"})");
  EXPECT_EQ(
      gap(channel::GapReason::kSlow),
      R"({"type":"$gap","channel":"webgui:global","after":"7-3","position":"8-1","reason":"slow"})");
}

TEST(ControlTest, ErrorsHaveTheirCodesName) {
  EXPECT_EQ(
      ErrorControl(1, "webgui:global", absl::PermissionDeniedError("no")),
      R"({"type":"$error","id":1,"channel":"webgui:global","code":"permission_denied","message":"no","retry":false})");
  EXPECT_EQ(ErrorControl(absl::nullopt, absl::nullopt, absl::UnavailableError("later")),
            R"({"type":"$error","code":"unavailable","message":"later","retry":true})");
  EXPECT_EQ(ErrorCodeName(absl::StatusCode::kInvalidArgument), "invalid_argument");
  EXPECT_EQ(ErrorCodeName(absl::StatusCode::kAlreadyExists), "already_exists");
  EXPECT_EQ(ErrorCodeName(absl::StatusCode::kResourceExhausted), "resource_exhausted");
  EXPECT_EQ(ErrorCodeName(absl::StatusCode::kUnimplemented), "unimplemented");
}

// Channel names come from URLs and messages from anywhere: the frame is JSON all the same.
TEST(ControlTest, TextIsEscaped) {
  EXPECT_EQ(UnsubscribedControl(absl::nullopt, "a\"b\n\xff"),
            "{\"type\":\"$unsubscribed\",\"channel\":\"a\\\"b\\n\uFFFD\"}");
  EXPECT_EQ(ErrorControl(absl::nullopt, absl::nullopt, absl::InternalError("\"\\")),
            R"({"type":"$error","code":"internal","message":"\"\\","retry":false})");
}

}  // namespace
}  // namespace spanwire::bridge
