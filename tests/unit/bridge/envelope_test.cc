#include "bridge/envelope.h"

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {
namespace {

using Kind = Message::Kind;
using channel::Position;

std::string Field(char tag, absl::string_view text) {
  return absl::StrCat(std::string(1, tag), std::string(1, static_cast<char>(text.size())), text);
}
std::string Id(absl::string_view text) { return Field('\x0A', text); }
std::string Prev(absl::string_view text) { return Field('\x12', text); }

Kind KindOf(absl::string_view payload) { return ParseMessage(payload).kind; }

TEST(EnvelopeTest, ATransientEventHasAnEmptyId) {
  const std::string payload = Id("") + "event";
  const Message message = ParseMessage(payload);
  EXPECT_EQ(message.kind, Kind::kEvent);
  EXPECT_FALSE(message.id);
  EXPECT_FALSE(message.prev);
  EXPECT_EQ(message.event, "event");
}

TEST(EnvelopeTest, ALoggedEventHasItsPosition) {
  const std::string payload = Id("1704110400000000-42") + "event";
  const Message message = ParseMessage(payload);
  EXPECT_EQ(message.kind, Kind::kEvent);
  EXPECT_EQ(message.id, (Position{1704110400000000, 42}));
  EXPECT_FALSE(message.prev);
  EXPECT_EQ(message.event, "event");
}

TEST(EnvelopeTest, TheFirstOfAnEpochHasPrev) {
  for (const absl::string_view prev : {"0-0", "1700000000000000-0", "1700000000000000-99"}) {
    const std::string payload = Id("1704110400000000-1") + Prev(prev) + "event";
    const Message message = ParseMessage(payload);
    EXPECT_EQ(message.kind, Kind::kEvent);
    EXPECT_EQ(message.id, (Position{1704110400000000, 1}));
    EXPECT_EQ(message.prev, Position::Parse(prev));
    EXPECT_EQ(message.event, "event");
  }
}

// What publish.lua writes is a whole Event; its front is what is taken off here.
TEST(EnvelopeTest, AgreesWithProtobuf) {
  v1::Event event;
  event.set_id("1704110400000000-1");
  event.set_prev("1700000000000000-7");
  event.set_session_id("sess_123");
  const std::string payload = event.SerializeAsString();
  const Message message = ParseMessage(payload);
  ASSERT_EQ(message.kind, Kind::kEvent);
  EXPECT_EQ(message.id->ToString(), event.id());
  EXPECT_EQ(message.prev->ToString(), event.prev());
  event.clear_id();
  event.clear_prev();
  EXPECT_EQ(message.event, event.SerializeAsString());
}

TEST(EnvelopeTest, AnObjectMayBePlainJson) {
  EXPECT_EQ(KindOf("{\"type\":\"a\"}"), Kind::kPlainJson);
  EXPECT_EQ(KindOf("{"), Kind::kPlainJson);
}

TEST(EnvelopeTest, AnythingElseIsInvalid) {
  const std::string bad[] = {
      "",
      " {\"type\":\"a\"}",
      "[1]",
      "hello",
      "\x0A",
      "\x0A\x05"
      "1-2",
      std::string("\x0A\x80\x00", 3),  // a length that the script does not write
      Id("1-"),
      Id("-1"),
      Id("1-x"),
      Id("01-2"),
      Id("1 -2"),
      Id("7-0"),                 // seq 0 is no event
      Id("9007199254740992-2"),  // an epoch of 2^53
      Id("1-18446744073709551616"),
      Id("7-1"),  // seq 1 without prev
      Id("7-1") + Prev(""),
      Id("7-1") + Prev("x"),
      Id("7-1") + Prev("7-1"),  // not before it
      Id("7-1") + Prev("8-1"),
      Id("7-1") +
          "\x12\x05"
          "1-2",
      Id("7-2") + Prev("7-1"),  // prev elsewhere
      Id("") + Prev("7-1"),
      Prev("7-1") + Id("8-1"),
      Field('\x12', "7-1"),
      "\x08\x01",
  };
  for (const std::string& payload : bad) EXPECT_EQ(KindOf(payload), Kind::kInvalid) << payload;
}

TEST(EnvelopeTest, RandomBytesNeverCrash) {
  std::mt19937 random(5);
  const std::string seed = Id("1704110400000000-1") + Prev("1700000000000000-99") + "event";
  for (int i = 0; i < 50'000; ++i) {
    std::string payload = seed.substr(0, random() % (seed.size() + 1));
    for (int edits = static_cast<int>(random() % 3); edits > 0 && !payload.empty(); --edits) {
      payload[random() % payload.size()] = static_cast<char>(random());
    }
    const Message message = ParseMessage(payload);
    if (message.kind != Kind::kEvent) continue;
    EXPECT_EQ(message.prev.has_value(), message.id && message.id->seq == 1);
    EXPECT_LE(message.event.size(), payload.size() - 2);
  }
}

}  // namespace
}  // namespace spanwire::bridge
