#include "bridge/event_parser.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

using ::testing::StartsWith;

std::string ErrorOf(absl::string_view json) {
  return std::string(ParseEvents(json).status().message());
}

TEST(EventParser, ReadsPayloadsOfTheSchema) {
  const auto request = ParseEvents(
      R"({"type":"session_status_changed","timestamp":"2024-01-01T12:00:00Z","session_id":"s",)"
      R"("data":{"status":"testing","progress":0},"agent":"a","user_id":"u",)"
      R"("channels":["webgui:global"],"audience":["ops"],"traceparent":"t"})");
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->events_size(), 1);
  const v1::Event& event = request->events(0);
  EXPECT_EQ(event.session_status_changed().status(), "testing");
  EXPECT_TRUE(event.session_status_changed().has_progress());
  EXPECT_EQ(event.timestamp().seconds(), 1'704'110'400);
  EXPECT_EQ(event.session_id() + event.agent() + event.user_id() + event.traceparent(), "saut");
  EXPECT_EQ(event.channels(0) + event.audience(0), "webgui:globalops");
}

TEST(EventParser, DataMayBeMissing) {
  EXPECT_TRUE(ParseEvents(R"({"type":"typing"})")->events(0).has_typing());
  const auto custom = ParseEvents(R"({"type":"own"})");
  EXPECT_EQ(custom->events(0).custom().type(), "own");
  EXPECT_FALSE(custom->events(0).custom().has_json());
}

TEST(EventParser, WhatTheSchemaDoesNotKnowIsCustomAndVerbatim) {
  const auto request = ParseEvents(
      R"({"data":{"b":1.50, "a":12345678901234567890},"type":"deploy.d\u006fne","agent":"ci"})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->events(0).custom().type(), "deploy.done");
  EXPECT_EQ(request->events(0).custom().json(), R"({"b":1.50, "a":12345678901234567890})");
  EXPECT_EQ(request->events(0).agent(), "ci");
  // The envelope's fields are no payloads.
  EXPECT_EQ(ParseEvents(R"({"type":"agent"})")->events(0).custom().type(), "agent");
}

TEST(EventParser, ReadsBatches) {
  const auto request = ParseEvents(
      " {\"events\": [ "
      "{\"type\":\"typing\"},\n{\"type\":\"x\",\"data\":{\"a\":\"],\\\"\",\"b\":[{}]}} ] } ");
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->events_size(), 2);
  EXPECT_EQ(request->events(1).custom().json(), R"({"a":"],\"","b":[{}]})");
}

TEST(EventParser, SaysWhatIsWrong) {
  std::string many = R"({"events":[{"type":"typing"})";
  for (size_t i = 0; i < limits::kBatchEvents; ++i) many += R"(,{"type":"typing"})";
  const std::pair<std::string, std::string> table[] = {
      {"", "the body is not right JSON"},
      {"[]", "the body is not right JSON"},
      {"{}", "the event has no \"type\""},
      {R"({"type":1})", "the event has a \"type\" that is not a string"},
      {R"({"type":"typing","type":"typing"})", "the event has a key twice"},
      {R"({"type":"typing","data":[]})", "the event has a \"data\" that is not an object"},
      {R"({"type":"typing","data":null})", "the event has a \"data\" that is not an object"},
      {R"({"type":"typing","id":"1-1"})", "the event has a key that is none of"},
      {R"({"type":"typing","accepted_at":"2024-01-01T12:00:00Z"})", "the event has a key that"},
      {R"({"type":"typing","sessionId":"x"})", "the event has a key that is none of"},
      {R"({"type":"typing","session_id":7})", "the event does not fit the schema"},
      {R"({"type":"typing","timestamp":"noon"})", "the event does not fit the schema"},
      {R"({"type":"log_line","data":{"nonsense":1}})", "the event does not fit the schema"},
      {R"({"events":[]})", "\"events\" must have 1 to 1024"},
      {R"({"events":[ ]})", "\"events\" must have 1 to 1024"},
      {R"({"events":{}})", "the event has a key that is none of"},
      {R"({"events":[{"type":"typing"}],"type":"x"})", "\"events\" stands alone"},
      {R"({"events":[{"type":"typing"},7]})", "events[1] is not right JSON"},
      {R"({"events":[{"type":"typing"},{"data":{}}]})", "events[1] has no \"type\""},
      {many + "]}", "\"events\" must have 1 to 1024"},
  };
  for (const auto& [json, message] : table) EXPECT_THAT(ErrorOf(json), StartsWith(message)) << json;
}

TEST(EventParser, ACommandsEventGoesToItsChannelOnly) {
  const auto request = ParseEventFor("webgui:global", R"({"type":"typing"})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->events(0).channels(0), "webgui:global");
  EXPECT_FALSE(ParseEventFor("webgui:global", R"({"type":"typing","channels":["x"]})").ok());
  EXPECT_THAT(std::string(ParseEventFor("c", "{}").status().message()), StartsWith("event has no"));
}

}  // namespace
}  // namespace spanwire::bridge
