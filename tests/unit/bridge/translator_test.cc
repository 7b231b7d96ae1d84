#include "bridge/translator.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {
namespace {

using ::testing::HasSubstr;
using v1::Event;

constexpr absl::string_view kChannel = "webgui:session:sess_123";

Event Parse(const std::string& text) {
  Event event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
  return event;
}

// The JSON of encoded bytes on no channel, without a position; or why there is none.
std::string Json(absl::string_view bytes) {
  Translator translator;
  const auto translation = translator.Translate(bytes, "", absl::nullopt, absl::nullopt);
  if (translation.ok()) return std::string(translation->json);
  EXPECT_EQ(translation.status().code(), absl::StatusCode::kInvalidArgument);
  return absl::StrCat("refused: ", translation.status().message());
}

std::string JsonOf(const std::string& text) { return Json(Parse(text).SerializeAsString()); }

// What an event with a timestamp of 0 and no session has around its type and data.
std::string Framed(absl::string_view type, absl::string_view data) {
  return absl::StrCat(R"({"type":")", type,
                      R"(","timestamp":"1970-01-01T00:00:00Z","session_id":"","data":)", data, "}");
}

constexpr char kSample[] = R"pb(
  timestamp { seconds: 1704110400 }
  session_id: "sess_123"
  session_status_changed { status: "testing" progress: 45 message: "Executing UI tests..." })pb";

constexpr char kSampleJson[] =
    R"({"type":"session_status_changed","timestamp":"2024-01-01T12:00:00Z","session_id":"sess_123",)"
    R"("data":{"status":"testing","progress":45,"message":"Executing UI tests..."})";

TEST(TranslatorTest, TheRecordsSampleIsEqualByteForByte) {
  EXPECT_EQ(JsonOf(kSample), absl::StrCat(kSampleJson, "}"));
}

TEST(TranslatorTest, OurKeysFollowTheRecordsInTheirOrder) {
  Event event = Parse(kSample);
  event.set_agent("ui-tester");
  event.set_user_id("mia");
  event.set_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  event.mutable_accepted_at()->set_seconds(1704110400);
  event.mutable_accepted_at()->set_nanos(1'500'000);
  event.set_was("1704110300000000-7");
  event.add_channels("webgui:global");
  Translator translator;
  const auto translation = translator.Translate(event.SerializeAsString(), kChannel,
                                                channel::Position{1704110400000000, 42},
                                                channel::Position{1704110400000000, 40});
  ASSERT_TRUE(translation.ok()) << translation.status();
  EXPECT_EQ(
      translation->json,
      absl::StrCat(kSampleJson,
                   R"(,"channel":"webgui:session:sess_123","id":"1704110400000000-42",)"
                   R"("prev":"1704110400000000-40","agent":"ui-tester","user_id":"mia",)"
                   R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",)"
                   R"("accepted_at":"2024-01-01T12:00:00.001500Z","was":"1704110300000000-7"})"));
  EXPECT_TRUE(translation->visible);
}

TEST(TranslatorTest, AnAudienceIsNotShownButTold) {
  Event event = Parse(kSample);
  event.add_audience("admin");
  Translator translator;
  const auto translation =
      translator.Translate(event.SerializeAsString(), kChannel, absl::nullopt, absl::nullopt);
  ASSERT_TRUE(translation.ok());
  EXPECT_FALSE(translation->visible);
  EXPECT_FALSE(absl::StrContains(translation->json, "admin"));
}

TEST(TranslatorTest, OneTranslatorServesManyEvents) {
  Translator translator;
  for (int i = 0; i < 3; ++i) {
    const auto translation = translator.Translate(Parse(kSample).SerializeAsString(), kChannel,
                                                  absl::nullopt, absl::nullopt);
    ASSERT_TRUE(translation.ok());
    EXPECT_EQ(translation->json,
              absl::StrCat(kSampleJson, R"(,"channel":"webgui:session:sess_123"})"));
    EXPECT_FALSE(translator.Translate("\xff", "", absl::nullopt, absl::nullopt).ok());
  }
}

TEST(TranslatorTest, TheEventsOwnPositionDoesNotCount) {
  Event event = Parse(kSample);
  event.set_id("9-9");
  event.set_prev("9-8");
  EXPECT_EQ(Json(event.SerializeAsString()), absl::StrCat(kSampleJson, "}"));
}

TEST(TranslatorTest, WhatIsSetIsPrintedEvenWhenItIsZero) {
  EXPECT_EQ(JsonOf("session_status_changed { status: '' progress: 0 message: '' }"),
            Framed("session_status_changed", R"({"status":"","progress":0,"message":""})"));
  EXPECT_EQ(JsonOf("session_status_changed { }"),
            Framed("session_status_changed", R"({"status":""})"));
  EXPECT_EQ(JsonOf("cursor_moved { user: 'mia' }"),
            Framed("cursor_moved", R"({"user":"mia","x":0,"y":0})"));
  EXPECT_EQ(JsonOf("typing { user: 'mia' }"), Framed("typing", R"({"user":"mia","active":false})"));
  EXPECT_EQ(JsonOf("task_failed { task_id: 't' will_retry: false duration_ms: 0 }"),
            Framed("task_failed", R"({"task_id":"t","will_retry":false,"duration_ms":"0"})"));
}

TEST(TranslatorTest, ValuesLookLikeProtobufsJson) {
  EXPECT_EQ(JsonOf("test_result { name: 'a' outcome: OUTCOME_PASSED duration_ms: 12.5 }"),
            Framed("test_result", R"({"name":"a","outcome":"OUTCOME_PASSED","duration_ms":12.5})"));
  EXPECT_EQ(JsonOf("task_progress { task_id: 't' steps_done: 9007199254740993 }"),
            Framed("task_progress", R"({"task_id":"t","steps_done":"9007199254740993"})"));
  EXPECT_EQ(JsonOf("metric { name: 'cpu' value: inf labels { key: 'host' value: 'a' } }"),
            Framed("metric", R"({"name":"cpu","value":"Infinity","labels":{"host":"a"}})"));
  EXPECT_EQ(
      JsonOf("interrupt_requested { interrupt_id: 'i' reason: 'r' options: 'yes' options: 'no' }"),
      Framed("interrupt_requested", R"({"interrupt_id":"i","reason":"r","options":["yes","no"]})"));
  EXPECT_EQ(JsonOf("state_delta { delta { fields { key: 'op' value { string_value: 'add' } } } }"),
            Framed("state_delta", R"({"delta":[{"op":"add"}]})"));
  EXPECT_EQ(
      JsonOf("state_snapshot { snapshot { fields { key: 'n' value { number_value: 100000 } } } }"),
      Framed("state_snapshot", R"({"snapshot":{"n":100000}})"));
  EXPECT_EQ(JsonOf("state_snapshot { }"), Framed("state_snapshot", "{}"));
}

TEST(TranslatorTest, AnEnumValueOfANewerSchemaIsANumber) {
  Event event;
  event.mutable_log_line()->set_level(static_cast<v1::LogLine::Level>(9));
  EXPECT_EQ(Json(event.SerializeAsString()), Framed("log_line", R"({"level":9,"text":""})"));
}

TEST(TranslatorTest, TextIsEscapedAndUtf8) {
  EXPECT_EQ(JsonOf(R"(session_id: "a\"b" comment { comment_id: "\n" author: "<b>" text: "世界" })"),
            R"({"type":"comment","timestamp":"1970-01-01T00:00:00Z","session_id":"a\"b",)"
            R"("data":{"comment_id":"\n","author":"<b>","text":"世界"}})");
  const std::string payload = Parse("typing {}").SerializeAsString();
  EXPECT_THAT(Json(payload + "\x2a\x01\xff"),
              HasSubstr("refused: the event cannot be shown: its session_id"));
  EXPECT_THAT(Json(payload + "\x22\x01\xff"), HasSubstr("envelope is not UTF-8"));
  EXPECT_THAT(Json(payload + "\x5a\x02\xc3\x28"), HasSubstr("envelope is not UTF-8"));
  EXPECT_THAT(Json("\xd2\x02\x03\x0a\x01\xff"), HasSubstr("payload is malformed"));
}

TEST(TranslatorTest, TheTimeIsTheEventsElseTheBrokersElseZero) {
  const auto time = [](const std::string& fields) {
    const std::string json = JsonOf(fields + " typing {}");
    return json.substr(json.find("timestamp") + 12,
                       json.find("session_id") - json.find("timestamp") - 15);
  };
  EXPECT_EQ(time("timestamp { seconds: 1 } accepted_at { seconds: 2 }"), "1970-01-01T00:00:01Z");
  EXPECT_EQ(time("timestamp { } accepted_at { seconds: 2 }"), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time("accepted_at { seconds: 2 nanos: 5000 }"), "1970-01-01T00:00:02.000005Z");
  EXPECT_EQ(time(""), "1970-01-01T00:00:00Z");
  // RFC 3339 cannot say these: they count as absent.
  EXPECT_EQ(time("timestamp { seconds: 253402300800 } accepted_at { seconds: 2 }"),
            "1970-01-01T00:00:02Z");
  EXPECT_EQ(time("timestamp { nanos: -1 } accepted_at { seconds: 2 }"), "1970-01-01T00:00:02Z");
  EXPECT_FALSE(absl::StrContains(JsonOf("accepted_at { nanos: -1 } typing {}"), "accepted_at"));
}

// The broker puts its fields in front of the agent's bytes, and agents may write fields in any
// order.
TEST(TranslatorTest, FieldsMayComeInAnyOrderAndPieces) {
  const std::string sample = absl::StrCat(kSampleJson, "}");
  const std::string time_a = std::string("\x1a\x02\x10\x07", 4);  // nanos 7
  const std::string time_b = Parse("timestamp { seconds: 1704110400 }").SerializeAsString();
  const std::string time_c = std::string("\x1a\x02\x10\x00", 4);  // nanos 0
  const std::string session = Parse("session_id: 'sess_123'").SerializeAsString();
  const std::string other = Parse("session_id: 'other' agent: 'x'").SerializeAsString();
  const std::string no_agent = std::string("\x22\x00", 2);
  const std::string status =
      Parse("session_status_changed { status: 'testing' }").SerializeAsString();
  const std::string rest =
      Parse("session_status_changed { progress: 45 message: 'Executing UI tests...' }")
          .SerializeAsString();
  const std::string old =
      Parse("session_status_changed { status: 'old' progress: 1 }").SerializeAsString();
  const std::string typing = Parse("typing { user: 'mia' }").SerializeAsString();

  EXPECT_EQ(Json(status + rest + session + time_b), sample);
  EXPECT_EQ(Json(rest + time_b + status + session), sample);
  EXPECT_EQ(Json(time_a + time_b + time_c + other + no_agent + session + old + status + rest),
            sample);
  EXPECT_EQ(Json(old + typing + time_b + session + status + rest), sample);
  EXPECT_EQ(Json(typing + status + time_b + rest + session), sample);
  EXPECT_EQ(Json(status + rest + typing), Framed("typing", R"({"user":"mia","active":false})"));
}

TEST(TranslatorTest, UnknownFieldsAreLeftOut) {
  const std::string unknown = std::string(
      "\x60\x05\x6a\x03"
      "abc\xf1\x3e"
      "12345678",
      17);
  EXPECT_EQ(Json(unknown + Parse(kSample).SerializeAsString() + unknown),
            absl::StrCat(kSampleJson, "}"));
  // In a payload too: 15 as a varint, 16 with length.
  EXPECT_EQ(Json(std::string("\xd2\x02\x07\x78\x05\x82\x01\x01x\x10", 10) + "\x01"),
            "refused: the event cannot be shown: it is malformed");
  EXPECT_EQ(Json(std::string("\xd2\x02\x08\x78\x05\x82\x01\x01x\x10\x01", 11)),
            Framed("typing", R"({"user":"","active":true})"));
}

TEST(TranslatorTest, APayloadOfANewerSchemaKeepsItsEnvelope) {
  const std::string envelope =
      Parse("timestamp { seconds: 1 } session_id: 's' agent: 'a'").SerializeAsString();
  const std::string field_46 =
      "\xf2\x02\x03"
      "abc";
  Translator translator;
  const auto translation = translator.Translate(field_46 + envelope, kChannel,
                                                channel::Position{7, 3}, channel::Position{7, 1});
  ASSERT_TRUE(translation.ok());
  EXPECT_EQ(translation->json,
            R"({"type":"unknown","timestamp":"1970-01-01T00:00:01Z","session_id":"s",)"
            R"("data":{"field":46,"bytes":"YWJj"},"channel":"webgui:session:sess_123","id":"7-3",)"
            R"("prev":"7-1","agent":"a"})");
  // In pieces; with another behind it; with fields of the envelope, below and beyond the payloads';
  // beside one that is known.
  EXPECT_EQ(Json(field_46 + "\xf2\x02\x01"
                            "d"),
            Framed("unknown", R"({"field":46,"bytes":"YWJjZA=="})"));
  EXPECT_EQ(Json(field_46 + "\xfa\x02\x01"
                            "x"),
            Framed("unknown", R"({"field":47,"bytes":"eA=="})"));
  EXPECT_EQ(Json("\x6a\x01y" + field_46 + "\xe2\x12\x01y"),
            Framed("unknown", R"({"field":46,"bytes":"YWJj"})"));
  EXPECT_THAT(Json("\x6a\x01y"), HasSubstr("it has no payload"));
  EXPECT_THAT(Json("\xe2\x12\x01y"), HasSubstr("it has no payload"));
  const std::string typing = Parse("typing {}").SerializeAsString();
  EXPECT_EQ(Json(field_46 + typing + field_46), Framed("typing", R"({"user":"","active":false})"));
  EXPECT_EQ(Json(std::string("\xf2\x02\x00", 3)), Framed("unknown", R"({"field":46,"bytes":""})"));
}

TEST(TranslatorTest, AnEventWithoutPayloadIsRefused) {
  EXPECT_THAT(Json(""), HasSubstr("it has no payload"));
  EXPECT_THAT(JsonOf("session_id: 's' channels: 'webgui:global' audience: 'a'"),
              HasSubstr("it has no payload"));
  EXPECT_THAT(Json(std::string("\xf0\x02\x05\xa0\x01\x07", 6)),
              HasSubstr("it has no payload"));  // varints
}

TEST(TranslatorTest, CustomHasItsOwnTypeAndData) {
  EXPECT_EQ(JsonOf("custom { type: 'build.step:done' data { fields { key: 'n' value { "
                   "number_value: -1.5 } } } }"),
            Framed("build.step:done", R"({"n":-1.5})"));
  EXPECT_EQ(JsonOf("custom { type: 'a' }"), Framed("a", "{}"));
  EXPECT_EQ(JsonOf("custom { type: 'a' data {} }"), Framed("a", "{}"));
}

TEST(TranslatorTest, CustomJsonIsKeptButForWhiteSpace) {
  EXPECT_EQ(
      JsonOf(R"(custom { type: 'a' json: '{ "z" : 1.50 ,\n\r\n "a" : 12345678901234567890 }\n' })"),
      Framed("a", R"({"z":1.50,"a":12345678901234567890})"));
  for (const char* const bad :
       {"", "[]", "1", "{", "{\"a\":01}", "{\"a\":\"\\n\"}", "{\"a\":\"\\377\"}", "{} {}"}) {
    Event event;
    event.mutable_custom()->set_type("a");
    std::string json;
    event.mutable_custom()->set_json(bad);
    if (absl::StrContains(bad, "\\377")) event.mutable_custom()->set_json("{\"a\":\"\xff\"}");
    if (absl::StrContains(bad, "\\n")) event.mutable_custom()->set_json("{\"a\":\"\n\"}");
    EXPECT_THAT(Json(event.SerializeAsString()), HasSubstr("its custom.json is not right JSON"))
        << bad;
  }
}

TEST(TranslatorTest, TheLastOfCustomsDataStands) {
  const std::string type =
      "\x0a\x01"
      "a";
  const std::string one =
      "\x12\x0e\x0a\x0c\x0a\x01"
      "a\x12\x07\x1a\x05"
      "first";
  const std::string two =
      "\x12\x0f\x0a\x0d\x0a\x01"
      "b\x12\x08\x1a\x06"
      "second";
  const std::string json = "\x1a\x07{\"j\":1}";
  const auto custom = [&](const std::string& body) {
    return Json(absl::StrCat("\xc2\x0c", std::string(1, static_cast<char>(body.size())), body));
  };
  EXPECT_EQ(custom(type + one + two), Framed("a", R"({"a":"first","b":"second"})"));
  EXPECT_EQ(custom(one + json + type + two), Framed("a", R"({"b":"second"})"));
  EXPECT_EQ(custom(one + type + json), Framed("a", R"({"j":1})"));
}

TEST(TranslatorTest, CustomCannotPassForTheServer) {
  for (const char* const type : {"$gap", "", "a b", "\"", "1", "ä"}) {
    Event event;
    event.mutable_custom()->set_type(type);
    EXPECT_THAT(Json(event.SerializeAsString()), HasSubstr("its custom.type breaks the rules"))
        << type;
  }
}

}  // namespace
}  // namespace spanwire::bridge
