#include "bridge/feed.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "spanwire/v1/event.pb.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"

namespace spanwire::bridge {
namespace {

using channel::Ask;
using channel::Position;
using test::Array;
using test::Integer;
using test::Nil;
using test::Text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kChannel[] = "webgui:session:a";

// The bytes of an event as an agent sends them.
std::string EventBytes(int number, bool for_everybody = true) {
  v1::Event event;
  event.set_session_id("a");
  event.mutable_task_progress()->set_task_id(absl::StrCat("t", number));
  if (!for_everybody) event.add_audience("admin");
  return event.SerializeAsString();
}

// The message that publish.lua makes of them.
std::string MessageBytes(const std::string& id, const std::string& prev, const std::string& event) {
  std::string message = absl::StrCat("\x0a", std::string(1, static_cast<char>(id.size())), id);
  if (!prev.empty())
    absl::StrAppend(&message, "\x12", std::string(1, static_cast<char>(prev.size())), prev);
  return message + event;
}

class FeedTest : public ::testing::Test, public Feed::Sink {
 protected:
  void Deliver(const Feed::Outlet& outlet, Delivery delivery) override {
    std::string what = absl::StrCat(outlet.loop, "/", outlet.topic, " ");
    if (const auto* started = std::get_if<Delivery::Started>(&delivery.what)) {
      absl::StrAppend(&what, "started ", started->position.ToString());
    } else if (const auto* entry = std::get_if<FrameEntry>(&delivery.what)) {
      absl::StrAppend(&what, entry->position.ToString(), entry->body ? "" : " hidden");
      if (entry->body) last_json_ = std::string(entry->body->json());
    } else if (const auto* transient = std::get_if<Delivery::Transient>(&delivery.what)) {
      what += "transient";
      last_json_ = std::string(transient->frame->json());
    } else if (const auto* gap = std::get_if<channel::Gap>(&delivery.what)) {
      absl::StrAppend(&what, "gap ", gap->after.ToString(), "..", gap->position.ToString());
    } else if (const auto* answer = std::get_if<Delivery::Answer>(&delivery.what)) {
      absl::StrAppend(&what, "page of ", answer->reader, ":");
      for (const FrameEntry& row : answer->page.rows) {
        absl::StrAppend(&what, " ", row.position.ToString());
        if (row.body) last_json_ = std::string(row.body->json());
      }
    } else {
      what += "refused";
    }
    said_.push_back(what);
  }
  void OnUnreadable(const std::string& channel, const absl::Status& why) override {
    said_.push_back(absl::StrCat(channel, " unreadable: ", why.message()));
  }
  std::vector<std::string> Said() { return std::exchange(said_, {}); }

  redis::Reply Row(const std::string& id, int number, const std::string& prev = "",
                   bool for_everybody = true) {
    std::vector<redis::Reply> fields = {Text("e"), Text(EventBytes(number, for_everybody))};
    if (!prev.empty()) {
      fields.push_back(Text("p"));
      fields.push_back(Text(prev));
    }
    return Array({Text(id), Array(std::move(fields))});
  }
  // Live at 7-3, with one outlet.
  void Start() {
    feed_.Attach({0, 1});
    feed_.OnSubscribed();
    ASSERT_THAT(redis_.next(), ElementsAre("SET", "webgui:tail:{webgui:session:a}", ::testing::_,
                                           "NX", "GET", "PX", "3600000"));
    redis_.Answer(Text("7-3"));
    ASSERT_THAT(redis_.next(),
                ElementsAre("PEXPIRE", "webgui:tail:{webgui:session:a}", "86400000", "GT"));
    redis_.Answer(Integer(1));
    EXPECT_THAT(Said(), ElementsAre("0/1 started 7-3"));
  }

  test::FakeExecutor executor_;
  test::FakeCommands redis_;
  channel::Names names_{"webgui"};
  redis::RedisClock clock_{&executor_, &redis_};
  channel::LogReader reader_{&executor_, &redis_, &clock_, &names_, limits::kLogTtl};
  Renderer renderer_{true};
  Feed::Counters counters_;
  std::vector<std::string> said_;
  std::string last_json_;
  Feed feed_{kChannel, &renderer_, &reader_, this, &counters_};
};

TEST_F(FeedTest, GivesEachEventToEveryOutletOnce) {
  Start();
  feed_.Attach({1, 8});
  EXPECT_THAT(Said(), ElementsAre("1/8 started 7-3"));
  feed_.OnMessage(MessageBytes("7-4", "", EventBytes(4)));
  EXPECT_THAT(Said(), ElementsAre("0/1 7-4", "1/8 7-4"));
  EXPECT_THAT(last_json_,
              HasSubstr(R"("data":{"task_id":"t4"},"channel":"webgui:session:a","id":"7-4"})"));
  feed_.OnMessage(MessageBytes("7-4", "", EventBytes(4)));
  EXPECT_THAT(Said(), IsEmpty());
  feed_.Detach({1, 8});
  feed_.OnMessage(MessageBytes("8-1", "7-4", EventBytes(5)));
  EXPECT_THAT(Said(), ElementsAre("0/1 8-1"));
  EXPECT_THAT(last_json_, HasSubstr(R"("id":"8-1","prev":"7-4"})"));
}

TEST_F(FeedTest, RepairsAHoleFromTheLog) {
  Start();
  feed_.OnMessage(MessageBytes("7-6", "", EventBytes(6)));
  EXPECT_THAT(Said(), IsEmpty());
  ASSERT_THAT(redis_.next(), ElementsAre("XRANGE", "webgui:log:{webgui:session:a}", "7-3", "+",
                                         "COUNT", ::testing::_));
  feed_.OnMessage(MessageBytes("7-7", "", EventBytes(7)));
  redis_.Answer(Array({Row("7-3", 3), Row("7-4", 4), Row("7-5", 5), Row("7-6", 6)}));
  EXPECT_THAT(Said(), ElementsAre("0/1 7-4", "0/1 7-5", "0/1 7-6", "0/1 7-7"));
}

TEST_F(FeedTest, ALostConnectionDuringARepairDelaysItOnly) {
  Start();
  feed_.OnMessage(MessageBytes("7-5", "", EventBytes(5)));
  redis_.Answer(absl::UnavailableError("connection lost"));
  executor_.Advance(absl::Seconds(1));
  ASSERT_EQ(redis_.waiting(), 1u);
  redis_.Answer(Array({Row("7-3", 3), Row("7-4", 4), Row("7-5", 5)}));
  EXPECT_THAT(Said(), ElementsAre("0/1 7-4", "0/1 7-5"));
}

TEST_F(FeedTest, TransientEventsAndPlainJsonPassByTheRules) {
  Start();
  feed_.OnMessage(MessageBytes("7-9", "", EventBytes(9)));  // a hole: a repair is under way
  feed_.OnMessage(MessageBytes("", "", EventBytes(1)));
  EXPECT_THAT(Said(), ElementsAre("0/1 transient"));
  feed_.OnMessage(R"({"type":"x", "data":{}})");
  EXPECT_THAT(Said(), ElementsAre("0/1 transient"));
  EXPECT_EQ(last_json_, R"({"type":"x","data":{},"channel":"webgui:session:a"})");
}

TEST_F(FeedTest, WhatIsNeitherIsDroppedAndCountedAndHarmsNothing) {
  Start();
  for (const char* message : {"", "hello", "[1]", "\x0a\x05", "{\"type\":\"\\u0024gap\"}", "{"})
    feed_.OnMessage(message);
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_EQ(counters_.refused_messages, 6u);
  feed_.OnMessage(MessageBytes("7-4", "", EventBytes(4)));
  EXPECT_THAT(Said(), ElementsAre("0/1 7-4"));
}

TEST_F(FeedTest, EventsForOthersAreHiddenAndPrevSpansThem) {
  Start();
  feed_.OnMessage(MessageBytes("7-4", "", EventBytes(4)));
  feed_.OnMessage(MessageBytes("7-5", "", EventBytes(5, false)));
  feed_.OnMessage(MessageBytes("7-6", "", EventBytes(6, false)));
  feed_.OnMessage(MessageBytes("7-7", "", EventBytes(7)));
  EXPECT_THAT(Said(), ElementsAre("0/1 7-4", "0/1 7-5 hidden", "0/1 7-6 hidden", "0/1 7-7"));
  EXPECT_THAT(last_json_, HasSubstr(R"("id":"7-7","prev":"7-4"})"));
}

TEST_F(FeedTest, ResumesWithinTheRingNeverReachRedis) {
  Start();
  feed_.OnMessage(MessageBytes("7-4", "", EventBytes(4)));
  feed_.OnMessage(MessageBytes("7-5", "", EventBytes(5)));
  Said();
  feed_.Read({0, 1}, 11, {Ask::Kind::kRange, Position{7, 4}, 0});
  feed_.Read({0, 1}, 12, {Ask::Kind::kRange, Position{7, 3}, 0});
  feed_.Read({0, 1}, 13, {Ask::Kind::kRange, Position{7, 5}, 0});
  EXPECT_THAT(Said(),
              ElementsAre("0/1 page of 11: 7-5", "0/1 page of 12: 7-4 7-5", "0/1 page of 13:"));
  EXPECT_EQ(redis_.waiting(), 0u);
}

TEST_F(FeedTest, OlderResumesAreReadOnceForAll) {
  Start();
  feed_.Read({0, 1}, 11, {Ask::Kind::kRange, Position{7, 1}, 0});
  feed_.Read({0, 1}, 12, {Ask::Kind::kRange, Position{7, 2}, 0});
  feed_.Read({0, 1}, 13, {Ask::Kind::kRange, Position{7, 1}, 0});
  ASSERT_EQ(redis_.waiting(), 1u);
  redis_.Answer(Array({Row("7-1", 1), Row("7-2", 2, "", false), Row("7-3", 3)}));
  EXPECT_THAT(Said(), ElementsAre("0/1 page of 11: 7-1 7-2 7-3"));
  EXPECT_THAT(last_json_, HasSubstr(R"("id":"7-3","prev":"7-1"})")) << "what is hidden is spanned";
  ASSERT_EQ(redis_.waiting(), 1u);
  redis_.Answer(Array({Row("7-1", 1), Row("7-2", 2), Row("7-3", 3)}));
  EXPECT_THAT(Said(), ElementsAre("0/1 page of 12: 7-2 7-3", "0/1 page of 13: 7-1 7-2 7-3"));
}

TEST_F(FeedTest, APagesPrevNamesNothingThatAReaderWasNotTold) {
  Start();
  const Ask after_hidden{Ask::Kind::kRange, Position{7, 2}, 0, Position{7, 1}};
  feed_.Read({0, 1}, 11, after_hidden);
  redis_.Answer(Array({Row("7-2", 2, "", false), Row("7-3", 3)}));
  EXPECT_THAT(last_json_, HasSubstr(R"("id":"7-3","prev":"7-1"})"));
  // Nor when the page was read for somebody who missed what the log no longer has.
  feed_.Read({0, 1}, 12, {Ask::Kind::kRange, Position{5, 9}, 0});
  feed_.Read({0, 1}, 13, {Ask::Kind::kRange, Position{6, 9}, 0});
  feed_.Read({0, 1}, 14, after_hidden);
  redis_.Answer(Array({}));
  ASSERT_EQ(redis_.next()[2], "6-9");
  redis_.Answer(Array({Row("7-2", 2, "", false), Row("7-3", 3)}));
  EXPECT_THAT(last_json_, HasSubstr(R"("id":"7-3","prev":"7-1"})"));
}

TEST_F(FeedTest, TheRingServesOnlyThoseWhoWereToldOfItsOrigin) {
  Start();
  feed_.OnMessage(MessageBytes("7-4", "", EventBytes(4, false)));
  feed_.OnMessage(MessageBytes("7-5", "", EventBytes(5)));
  Said();
  feed_.Read({0, 1}, 11, {Ask::Kind::kRange, Position{7, 4}, 0, Position{7, 2}});
  ASSERT_EQ(redis_.waiting(), 1u) << "the ring's prev is 7-3";
  redis_.Answer(Array({Row("7-4", 4, "", false), Row("7-5", 5)}));
  EXPECT_THAT(last_json_, HasSubstr(R"("id":"7-5","prev":"7-2"})"));
  Said();
  feed_.Read({0, 1}, 12, {Ask::Kind::kRange, Position{7, 4}, 0, Position{7, 3}});
  EXPECT_THAT(Said(), ElementsAre("0/1 page of 12: 7-5"));
  EXPECT_THAT(last_json_, HasSubstr(R"("id":"7-5","prev":"7-3"})"));
}

TEST_F(FeedTest, AnotherDataSetIsAGapAndEmptiesTheRing) {
  Start();
  feed_.OnMessage(MessageBytes("7-4", "", EventBytes(4)));
  Said();
  feed_.Verify();
  redis_.Answer(Array({}));
  ASSERT_EQ(redis_.waiting(), 2u) << "tail and range leave together";
  const std::string fresh = redis_.next()[2];
  redis_.Answer(Nil());
  redis_.Answer(Array({}));
  EXPECT_THAT(Said(), ElementsAre(absl::StrCat("0/1 gap 7-4..", fresh)));
  redis_.Answer(Integer(1));
  feed_.Read({0, 1}, 11, {Ask::Kind::kRange, Position{7, 4}, 0});
  EXPECT_EQ(redis_.waiting(), 1u);
}

TEST_F(FeedTest, ARefusedChannelIsToldToAll) {
  feed_.Attach({0, 1});
  feed_.Attach({1, 2});
  feed_.Refuse(absl::PermissionDeniedError("NOPERM"));
  EXPECT_THAT(Said(), ElementsAre("0/1 refused", "1/2 refused"));
  EXPECT_TRUE(feed_.idle());
}

TEST_F(FeedTest, TheRingIsBounded) {
  Start();
  for (uint64_t seq = 4; seq <= 4 + limits::kFeedRingFrames; ++seq) {
    feed_.OnMessage(MessageBytes(absl::StrCat("7-", seq), "", EventBytes(1)));
  }
  Said();
  feed_.Read({0, 1}, 11, {Ask::Kind::kRange, Position{7, 3}, 0});
  EXPECT_EQ(redis_.waiting(), 1u) << "too old";
  feed_.Read({0, 1}, 12, {Ask::Kind::kRange, Position{7, 4}, 0});
  EXPECT_EQ(Said().size(), 1u);
}

}  // namespace
}  // namespace spanwire::bridge
