// Events as other formats have them, from frames as the renderer makes them.
#include "bridge/format.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bridge/renderer.h"
#include "bridge/view.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {
namespace {

using channel::Position;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

v1::Event LogLine() {
  v1::Event event;
  event.mutable_timestamp()->set_seconds(1704110400);
  event.set_agent("ui-tester");
  event.set_session_id("s|1");
  event.mutable_accepted_at()->set_seconds(1704110401);
  event.mutable_log_line()->set_text("hello");
  return event;
}

class FormatTest : public ::testing::Test {
 protected:
  FramePtr Logged(const v1::Event& event, Position position,
                  absl::optional<Position> prev = absl::nullopt) {
    Position visible = position.Before();
    return renderer_
        .Render("webgui:session:s|1", {position, prev, event.SerializeAsString()}, &visible)
        .body;
  }
  static v1::Event Parsed(const FramePtr& frame) {
    v1::Event event;
    EXPECT_TRUE(event.ParseFromString(std::string(frame->json())));
    return event;
  }

  Renderer renderer_{true};
};

TEST_F(FormatTest, ProtobufIsTheLogsEventWithItsPlace) {
  v1::Event event = LogLine();
  event.add_channels("webgui:global");
  const FramePtr frame = InFormat(Logged(event, {7, 3}), Format::kProto);
  EXPECT_EQ(static_cast<uint8_t>(frame->websocket()[0]), 0x82) << "a binary message";
  v1::Event parsed = Parsed(frame);
  EXPECT_EQ(parsed.id(), "7-3");
  EXPECT_EQ(parsed.prev(), "");
  EXPECT_THAT(parsed.channels(), ElementsAre("webgui:session:s|1", "webgui:global"));
  EXPECT_EQ(parsed.log_line().text(), "hello");
  EXPECT_EQ(parsed.accepted_at().seconds(), 1704110401);
  EXPECT_EQ(Parsed(InFormat(Logged(event, {7, 1}, Position{6, 9}), Format::kProto)).prev(), "6-9");
}

TEST_F(FormatTest, ProtobufHasThePrevOfItsView) {
  const FramePtr frame = WithPrev(*Logged(LogLine(), {7, 3}), {7, 1});
  EXPECT_EQ(Parsed(InFormat(frame, Format::kProto)).prev(), "7-1");
}

TEST_F(FormatTest, TransientProtobufBeginsWithAnEmptyId) {
  v1::Event event;
  event.mutable_typing()->set_user("u");
  const FramePtr frame = InFormat(
      renderer_.RenderTransient("webgui:global", event.SerializeAsString()), Format::kProto);
  EXPECT_THAT(std::string(frame->json()), StartsWith(std::string("\x0A\0", 2)));
  EXPECT_THAT(Parsed(frame).channels(), ElementsAre("webgui:global"));
}

TEST_F(FormatTest, PlainJsonStaysJson) {
  const FramePtr frame = *renderer_.RenderPlainJson("webgui:global", R"({"type":"old","id2":1})");
  EXPECT_EQ(InFormat(frame, Format::kProto), frame);
}

TEST_F(FormatTest, ACloudEventHasTheAttributesInTheirPlaces) {
  const FramePtr frame = WithPrev(*Logged(LogLine(), {7, 3}), {7, 1});
  EXPECT_EQ(InFormat(frame, Format::kCloudEvents)->json(),
            R"({"specversion":"1.0","id":"7-3","source":"webgui:session:s%7C1","type":"log_line",)"
            R"("time":"2024-01-01T12:00:00Z","subject":"s|1","datacontenttype":"application/json",)"
            R"("data":{"level":"LEVEL_UNSPECIFIED","text":"hello"},"channel":"webgui:session:s|1",)"
            R"("prev":"7-1","agent":"ui-tester","acceptedat":"2024-01-01T12:00:01Z"})");
}

TEST_F(FormatTest, ACloudEventOfPlainJsonHasWhatFits) {
  const auto cloud_event = [this](const char* json) {
    return std::string(
        InFormat(*renderer_.RenderPlainJson("webgui:global", json), Format::kCloudEvents)->json());
  };
  const std::string odd =
      cloud_event(R"({"timestamp":5,"agent":[1],"type":"old","session_id":null,"data":"x"})");
  EXPECT_THAT(odd, StartsWith(R"({"specversion":"1.0","id":"t-)"));
  EXPECT_THAT(odd, HasSubstr(R"("source":"webgui:global","type":"old","datacontenttype":)"
                             R"("application/json","data":"x","channel":"webgui:global"})"));
  EXPECT_THAT(cloud_event(R"({"type":"old"})"),
              HasSubstr(R"("type":"old","channel":"webgui:global"})"));
  EXPECT_NE(cloud_event(R"({"type":"a"})"), cloud_event(R"({"type":"a"})")) << "another event";
}

TEST_F(FormatTest, AllShareWhatWasMade) {
  const FramePtr frame = Logged(LogLine(), {7, 3});
  std::vector<FramePtr> made(8);
  std::vector<std::thread> threads;
  threads.reserve(made.size());
  for (FramePtr& mine : made) {
    threads.emplace_back([&frame, &mine] { mine = InFormat(frame, Format::kCloudEvents); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<FramePtr>(made.begin(), made.end()).size(), 1u);
  EXPECT_NE(InFormat(frame, Format::kProto), made[0]);
  EXPECT_EQ(InFormat(frame, Format::kJson), frame);
}

TEST_F(FormatTest, AControlFrameIsTheDataOfACloudEvent) {
  EXPECT_EQ(ControlCloudEvent(R"({"type":"$ping"})", "c1", 3),
            R"({"specversion":"1.0","id":"c1-3","source":"/v1/ws","type":"$ping",)"
            R"("datacontenttype":"application/json","data":{"type":"$ping"}})");
}

}  // namespace
}  // namespace spanwire::bridge
