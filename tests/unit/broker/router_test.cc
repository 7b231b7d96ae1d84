#include "broker/router.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixMillis(1'704'110'400'250);

class RouterTest : public ::testing::Test {
 protected:
  RoutedEvent Route(const std::string& bytes, absl::string_view agent = "") {
    return router_.Route(bytes, {agent, kNow});
  }
  RoutedEvent Route(const v1::Event& event, absl::string_view agent = "") {
    return Route(event.SerializeAsString(), agent);
  }

  // Field and description of the first violation; what is refused must not carry anything for the
  // log.
  std::pair<std::string, std::string> Refusal(const std::string& bytes) {
    const RoutedEvent routed = Route(bytes);
    EXPECT_THAT(routed.channels, IsEmpty());
    EXPECT_EQ(routed.event, nullptr);
    if (routed.violations.empty()) return {"none", "none"};
    return {routed.violations[0].field, routed.violations[0].description};
  }
  std::pair<std::string, std::string> Refusal(const v1::Event& event) {
    return Refusal(event.SerializeAsString());
  }

  channel::Names names_{"webgui"};
  Router router_{&names_};
};

v1::Event Good() {
  v1::Event event;
  event.mutable_log_line()->set_text("hello");
  return event;
}

// A field on the wire: length-delimited.
std::string Field(uint32_t number, absl::string_view value) {
  std::string bytes;
  for (uint32_t tag = number << 3 | 2; tag > 0; tag >>= 7) {
    bytes.push_back(static_cast<char>((tag & 0x7F) | (tag > 0x7F ? 0x80 : 0)));
  }
  bytes.push_back(static_cast<char>(value.size()));
  return absl::StrCat(bytes, value);
}

TEST_F(RouterTest, WithoutChannelsItGoesToSessionElseUserElseAgentElseGlobal) {
  v1::Event event = Good();
  EXPECT_THAT(Route(event).channels, ElementsAre("webgui:global"));
  EXPECT_THAT(Route(event, "builder").channels, ElementsAre("webgui:agent:builder"));
  event.set_agent("tester");
  EXPECT_THAT(Route(event, "builder").channels, ElementsAre("webgui:agent:tester"));
  event.set_user_id("u1");
  EXPECT_THAT(Route(event).channels, ElementsAre("webgui:user:u1"));
  event.set_session_id("s1");
  EXPECT_THAT(Route(event).channels, ElementsAre("webgui:session:s1"));
  event.add_channels("webgui:global");
  event.add_channels("webgui:user:u2");
  EXPECT_THAT(Route(event).channels, ElementsAre("webgui:global", "webgui:user:u2"));
}

TEST_F(RouterTest, SessionStatusAlsoGoesToTheGlobalChannelUnlessChannelsAreNamed) {
  v1::Event event;
  event.mutable_session_status_changed()->set_status("testing");
  EXPECT_THAT(Route(event).channels, ElementsAre("webgui:global"));
  event.set_session_id("s1");
  EXPECT_THAT(Route(event).channels, ElementsAre("webgui:session:s1", "webgui:global"));
  event.add_channels("webgui:session:s2");
  EXPECT_THAT(Route(event).channels, ElementsAre("webgui:session:s2"));
}

TEST_F(RouterTest, DeliveryIsWhatTheSchemaSays) {
  EXPECT_FALSE(Route(Good()).transient);
  v1::Event event;
  event.mutable_typing()->set_user("u");
  EXPECT_TRUE(Route(event).transient);
  event.mutable_cursor_moved()->set_user("u");
  EXPECT_TRUE(Route(event).transient);
}

TEST_F(RouterTest, OwnFieldsStandInFrontAndTheAgentsBytesStayAsTheyAre) {
  const std::string bytes = Good().SerializeAsString();
  const RoutedEvent routed = Route(bytes, "builder");
  ASSERT_NE(routed.event, nullptr);
  EXPECT_TRUE(absl::EndsWith(*routed.event, bytes));
  v1::Event whole;
  ASSERT_TRUE(whole.ParseFromString(*routed.event));
  EXPECT_EQ(whole.accepted_at().seconds(), 1'704'110'400);
  EXPECT_EQ(whole.accepted_at().nanos(), 250'000'000);
  EXPECT_EQ(whole.timestamp().seconds(), 1'704'110'400);
  EXPECT_EQ(whole.agent(), "builder");
  EXPECT_EQ(whole.log_line().text(), "hello");
}

TEST_F(RouterTest, TheAgentsOwnTimestampAndNameStand) {
  v1::Event event = Good();
  event.set_agent("tester");
  // A message field would merge: nanos of the broker's would shine through.
  event.mutable_timestamp()->set_seconds(5);
  v1::Event whole;
  ASSERT_TRUE(whole.ParseFromString(*Route(event, "builder").event));
  EXPECT_EQ(whole.timestamp().seconds(), 5);
  EXPECT_EQ(whole.timestamp().nanos(), 0);
  EXPECT_EQ(whole.agent(), "tester");
}

TEST_F(RouterTest, UnknownFieldsAndLaterPayloadsTravelUntouched) {
  const std::string unknown =
      absl::StrCat(Good().SerializeAsString(), Field(15, "newer"), Field(300, "newest"));
  const RoutedEvent routed = Route(unknown);
  EXPECT_THAT(routed.violations, IsEmpty());
  EXPECT_TRUE(absl::EndsWith(*routed.event, unknown));
  for (const uint32_t payload : {46u, 80u, 120u, 199u}) {
    const std::string later = Field(payload, "\x0A\x01x");
    const RoutedEvent logged = Route(later);
    EXPECT_THAT(logged.violations, IsEmpty()) << payload;
    EXPECT_FALSE(logged.transient);
    EXPECT_THAT(logged.channels, ElementsAre("webgui:global"));
    EXPECT_TRUE(absl::EndsWith(*logged.event, later));
  }
}

TEST_F(RouterTest, ServersFieldsAreRefusedEvenEmpty) {
  const std::string good = Good().SerializeAsString();
  EXPECT_EQ(Refusal(good + Field(1, "1-1")).first, "id");
  EXPECT_EQ(Refusal(good + Field(1, "")).first, "id");
  EXPECT_EQ(Refusal(good + Field(2, "")).first, "prev");
  EXPECT_EQ(Refusal(good + Field(10, "")).first, "accepted_at");
  EXPECT_EQ(Refusal(good + Field(11, "")).first, "was");
  // An overlong tag, and another wire type, are no way around it.
  EXPECT_EQ(Refusal(good + std::string("\x8A\x80\x00\x00", 4)).first, "id");
  EXPECT_EQ(Refusal(good + std::string("\x08\x01", 2)).first, "id");
}

TEST_F(RouterTest, GroupsAreRefused) {
  const std::string good = Good().SerializeAsString();
  EXPECT_THAT(Refusal(good + "\xEB\x01\xEC\x01").second, HasSubstr("group"));  // 29, begin and end
  EXPECT_THAT(Refusal(good + "\xEB\x01").second, HasSubstr("group"));
  EXPECT_THAT(Refusal(good + "\xEC\x01").second, HasSubstr("group"));
}

TEST_F(RouterTest, OnePayloadIsRequired) {
  v1::Event event;
  event.set_session_id("s1");
  EXPECT_EQ(Refusal(event).first, "payload");
  EXPECT_EQ(Refusal(std::string()).first, "payload");
  v1::Event other;
  other.mutable_typing();
  EXPECT_EQ(Refusal(Good().SerializeAsString() + other.SerializeAsString()).first, "payload");
  // A number in a payload's place is none.
  EXPECT_EQ(Refusal(std::string("\x80\x05\x01")).first, "payload");
}

TEST_F(RouterTest, AnEventOverTheBoundIsRefusedWithTheBound) {
  v1::Event event = Good();
  event.mutable_log_line()->set_text(std::string(limits::kEventBytes - 100, 'x'));
  EXPECT_THAT(Route(event).violations, IsEmpty());
  event.mutable_log_line()->set_text(std::string(limits::kEventBytes, 'x'));
  EXPECT_THAT(Refusal(event).second, HasSubstr("at most 262144 are allowed"));
}

TEST_F(RouterTest, BadIdsAreRefusedByField) {
  using Set = std::function<void(v1::Event*, const std::string&)>;
  const std::vector<std::pair<std::string, Set>> fields = {
      {"session_id", [](v1::Event* e, const std::string& id) { e->set_session_id(id); }},
      {"user_id", [](v1::Event* e, const std::string& id) { e->set_user_id(id); }},
      {"agent", [](v1::Event* e, const std::string& id) { e->set_agent(id); }},
      {"audience[0]", [](v1::Event* e, const std::string& id) { e->add_audience(id); }},
  };
  for (const auto& [field, set] : fields) {
    for (const std::string& id :
         {std::string("a{b}"), std::string(10'240, 'a'), std::string("a\nb"),
          std::string("a\0b", 3), std::string("a b"), std::string("\xC3\xA9")}) {
      v1::Event event = Good();
      set(&event, id);
      EXPECT_EQ(Refusal(event).first, field) << id.substr(0, 20);
    }
    v1::Event event = Good();
    set(&event, "A-z0.9_~:@|+=");
    EXPECT_THAT(Route(event).violations, IsEmpty()) << field;
  }
}

TEST_F(RouterTest, BadChannelsAreRefusedByIndex) {
  for (const std::string& channel :
       {std::string("webgui:nope:x"), std::string("other:session:x"),
        std::string("webgui:session:"), std::string("webgui:session:{x}"),
        std::string("webgui:global:x"), std::string(), "webgui:session:" + std::string(10'240, 'a'),
        std::string("webgui:session:a\r\nb")}) {
    v1::Event event = Good();
    event.add_channels("webgui:global");
    event.add_channels(channel);
    EXPECT_EQ(Refusal(event).first, "channels[1]") << channel.substr(0, 30);
  }
  v1::Event twice = Good();
  twice.add_channels("webgui:global");
  twice.add_channels("webgui:global");
  EXPECT_THAT(Refusal(twice).second, HasSubstr("repeats"));

  v1::Event many = Good();
  for (int i = 0; i < 8; ++i) many.add_channels(absl::StrCat("webgui:session:", i));
  EXPECT_EQ(Route(many).channels.size(), 8u);
  many.add_channels("webgui:session:8");
  EXPECT_THAT(Refusal(many).second, HasSubstr("at most 8 are allowed"));
}

TEST_F(RouterTest, AudienceTraceparentAndTimestampAreBounded) {
  v1::Event event = Good();
  for (int i = 0; i < 16; ++i) event.add_audience(absl::StrCat("role", i));
  EXPECT_THAT(Route(event).violations, IsEmpty());
  event.add_audience("role16");
  EXPECT_THAT(Refusal(event).second, HasSubstr("at most 16 are allowed"));

  event = Good();
  event.set_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_THAT(Route(event).violations, IsEmpty());
  for (const std::string& bad :
       {std::string("x"), event.traceparent() + "0", std::string(55, 'a')}) {
    event.set_traceparent(bad);
    EXPECT_EQ(Refusal(event).first, "traceparent") << bad;
  }

  event = Good();
  event.mutable_timestamp()->set_seconds(253'402'300'800);
  EXPECT_EQ(Refusal(event).first, "timestamp");
  event.mutable_timestamp()->set_seconds(-62'135'596'801);
  EXPECT_EQ(Refusal(event).first, "timestamp");
  event.mutable_timestamp()->set_seconds(0);
  event.mutable_timestamp()->set_nanos(1'000'000'000);
  EXPECT_EQ(Refusal(event).first, "timestamp");
  event.mutable_timestamp()->set_nanos(-1);
  EXPECT_EQ(Refusal(event).first, "timestamp");
}

TEST_F(RouterTest, MetricsHaveAtMostSixteenLabels) {
  v1::Event event;
  auto& labels = *event.mutable_metric()->mutable_labels();
  for (int i = 0; i < 16; ++i) labels[absl::StrCat("label", i)] = "x";
  EXPECT_THAT(Route(event).violations, IsEmpty());
  labels["one more"] = "x";
  EXPECT_EQ(Refusal(event).first, "metric.labels");
  EXPECT_THAT(Refusal(event).second, HasSubstr("has 17 labels, at most 16 are allowed"));
}

TEST_F(RouterTest, CustomTypesHaveTheirRule) {
  v1::Event event;
  for (const std::string& type : {std::string("deploy.started"), std::string("A"),
                                  std::string("a:b-c_d.9"), std::string(128, 'a')}) {
    event.mutable_custom()->set_type(type);
    EXPECT_THAT(Route(event).violations, IsEmpty()) << type;
  }
  for (const std::string& type :
       {std::string(), std::string("$gap"), std::string("9a"), std::string("a b"),
        std::string(129, 'a'), std::string("a\n"), std::string("log_line"),
        std::string("session_status_changed"), std::string("custom")}) {
    event.mutable_custom()->set_type(type);
    EXPECT_EQ(Refusal(event).first, "custom.type") << type;
  }
}

TEST_F(RouterTest, CustomJsonMustBeOneJsonObject) {
  v1::Event event;
  event.mutable_custom()->set_type("deploy");
  event.mutable_custom()->set_json(R"({"n":12345678901234567890,"a":[1,{"b":null}]})");
  EXPECT_THAT(Route(event).violations, IsEmpty());
  for (const std::string& json :
       {std::string(), std::string("[]"), std::string("{}{}"), std::string("{\"a\":\"\xFF\"}"),
        "{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"}) {
    event.mutable_custom()->set_json(json);
    EXPECT_EQ(Refusal(event).first, "custom.json") << json;
  }
}

TEST_F(RouterTest, InvalidUtf8IsRefusedByItsFieldsPath) {
  EXPECT_EQ(Refusal(Good().SerializeAsString() + Field(5, "\xFF")).first, "session_id");
  EXPECT_EQ(Refusal(Good().SerializeAsString() + Field(7, "\xFF")).first, "channels");
  const auto [field, what] = Refusal(Field(24, Field(1, "\xC0\x80")));
  EXPECT_EQ(field, "session_status_changed.status");
  EXPECT_EQ(what, "is not valid UTF-8");
}

TEST_F(RouterTest, GarbageIsRefused) {
  EXPECT_THAT(Refusal(std::string("\xFF\xFF\xFF")).second, HasSubstr("garbage"));
  EXPECT_THAT(Refusal(std::string("\x2A\x7F"
                                  "abc"))
                  .second,
              HasSubstr("cut off"));
  // A nested message that is none, below a good envelope.
  EXPECT_EQ(Refusal(Field(24, "\x0A\x7Fx")).first, "session_status_changed");
  EXPECT_EQ(Refusal(Field(24, absl::string_view("\x00\x00", 2))).first, "session_status_changed");
  EXPECT_THAT(Refusal(std::string("\x07")).second, HasSubstr("garbage"));         // wire type 7
  EXPECT_THAT(Refusal(std::string("\x02\x00", 2)).second, HasSubstr("garbage"));  // field 0
}

TEST_F(RouterTest, NestingBeyondProtobufsLimitIsRefused) {
  v1::Event event;
  google::protobuf::Value* value =
      &(*event.mutable_state_snapshot()->mutable_snapshot()->mutable_fields())["a"];
  for (int i = 0; i < 100; ++i) value = value->mutable_list_value()->add_values();
  value->set_bool_value(true);
  EXPECT_THAT(Refusal(event).second, HasSubstr("nested deeper than 100 levels"));
}

TEST_F(RouterTest, WhatIsSaidNamesThePathAndNotTheValue) {
  v1::Event event = Good();
  event.set_session_id("top secret");
  event.set_user_id("also secret");
  const RoutedEvent routed = Route(event);
  ASSERT_EQ(routed.violations.size(), 2u);
  const std::string text = Describe(routed.violations, "events[3]");
  EXPECT_TRUE(absl::StartsWith(text, "events[3].session_id ")) << text;
  EXPECT_TRUE(absl::EndsWith(text, "(and 1 more)")) << text;
  EXPECT_FALSE(absl::StrContains(text, "secret"));
}

}  // namespace
}  // namespace spanwire::broker
