// Polls and the hub together, without a feed: the test plays the feed loop.
#include "bridge/poll.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "tests/support/fake_executor.h"

namespace spanwire::bridge {
namespace {

using channel::Position;
using ::testing::IsEmpty;
using ::testing::StartsWith;

FrameEntry Event(uint64_t epoch, uint64_t seq, size_t bytes = 0) {
  const Position position{epoch, seq};
  return {position, absl::nullopt,
          Frame::Make(absl::StrCat("{", position.ToString(), std::string(bytes, '.'), "}"))};
}
FrameEntry Hidden(uint64_t epoch, uint64_t seq) {
  return {Position{epoch, seq}, absl::nullopt, nullptr};
}

// Topic 1 is webgui:session:a, topic 2 webgui:global.
class PollTest : public ::testing::Test {
 protected:
  void Start(const Cursor& cursor, absl::optional<uint32_t> last = absl::nullopt,
             absl::Duration wait = limits::kPollWait) {
    StreamRequest request;
    for (size_t i = 0; i < cursor.size(); ++i) {
      Command command;
      command.channel = i == 0 ? "webgui:session:a" : "webgui:global";
      command.after = cursor[i];
      if (!cursor[i]) command.last = last;
      request.channels.push_back(command);
    }
    request.wait = wait;
    poll_ = std::make_unique<Poll>(&hub_, std::move(request), [this](Response response) {
      answers_.push_back(std::move(response));
    });
  }
  template <typename What>
  void Deliver(uint64_t topic, What what) {
    std::vector<Delivery> deliveries;
    deliveries.push_back({topic, std::move(what)});
    hub_.OnDeliveries(std::move(deliveries));
  }
  // Answers what was asked of the topic's log.
  void Page(uint64_t topic, std::vector<FrameEntry> rows, absl::optional<channel::Tail> tail = {}) {
    for (const FeedRequest& request : std::exchange(requests_, {})) {
      const auto* read = std::get_if<FeedRequest::Read>(&request.what);
      if (read != nullptr && request.topic == topic) {
        Deliver(topic, Delivery::Answer{read->reader, {std::move(rows), false, tail}});
      } else {
        requests_.push_back(request);
      }
    }
  }
  // The answer, which there must not be more than one of; empty: there is none.
  std::string Answer() {
    executor_.Advance(absl::ZeroDuration());
    if (answers_.empty()) return "";
    EXPECT_EQ(answers_.size(), 1u);
    const Response& response = answers_[0];
    std::string body = response.body;
    for (size_t i = 0; i < response.frames.size(); ++i) {
      absl::StrAppend(&body, i > 0 ? "," : "", response.frames[i]->json());
    }
    return absl::StrCat(response.status, " ", body, response.tail);
  }

  test::FakeExecutor executor_;
  std::vector<FeedRequest> requests_;
  std::vector<Response> answers_;
  Hub hub_{0, &executor_, [this](FeedRequest request) {
             requests_.push_back(std::move(request));
             return true;
           }};
  std::unique_ptr<Poll> poll_;
};

TEST_F(PollTest, TheFirstOneIsAnsweredAtOnceWithNow) {
  Start({absl::nullopt, absl::nullopt});
  EXPECT_EQ(Answer(), "");
  Deliver(1, Delivery::Started{{7, 3}});
  EXPECT_EQ(Answer(), "") << "not all positions are known";
  Deliver(2, Delivery::Started{{8, 0}});
  EXPECT_EQ(Answer(), "200 {\"events\":[],\"cursor\":\"7-3,8-0\"}\n");
}

TEST_F(PollTest, BringsWhatWasMissed) {
  Start({Position{7, 1}, Position{8, 0}});
  Deliver(1, Delivery::Started{{7, 3}});
  Deliver(2, Delivery::Started{{8, 0}});
  Page(1, {Event(7, 1), Event(7, 2), Event(7, 3)});
  EXPECT_EQ(Answer(), "") << "the other channel may have missed something, too";
  Page(2, {}, channel::Tail{Position{8, 0}, {8, 0}});
  EXPECT_EQ(Answer(), "200 {\"events\":[{7-2},{7-3}],\"cursor\":\"7-3,8-0\"}\n");
}

TEST_F(PollTest, HangsUntilAnEventAndTakesAllOfItsTurn) {
  Start({absl::nullopt});
  Deliver(1, Delivery::Started{{7, 3}});
  ASSERT_THAT(Answer(), StartsWith("200 "));
  answers_.clear();
  Start({Position{7, 3}});
  Page(1, {Event(7, 3)});
  executor_.Advance(absl::Seconds(20));
  EXPECT_EQ(Answer(), "");
  Deliver(1, Event(7, 4));
  Deliver(1, Event(7, 5));
  EXPECT_EQ(Answer(), "200 {\"events\":[{7-4},{7-5}],\"cursor\":\"7-5\"}\n");
  Deliver(1, Event(7, 6));
  executor_.Advance(limits::kPollWait);
  EXPECT_EQ(answers_.size(), 1u);
}

TEST_F(PollTest, TransientEventsComeWithoutAPosition) {
  Start({Position{7, 3}});
  Deliver(1, Delivery::Started{{7, 3}});
  Page(1, {Event(7, 3)});
  Deliver(1, Delivery::Transient{Frame::Make("{typing}")});
  EXPECT_EQ(Answer(), "200 {\"events\":[{typing}],\"cursor\":\"7-3\"}\n");
}

TEST_F(PollTest, AfterItsWaitThereIsNothing) {
  Start({Position{7, 3}}, absl::nullopt, absl::Seconds(5));
  Deliver(1, Delivery::Started{{7, 3}});
  Page(1, {Event(7, 3)});
  executor_.Advance(absl::Seconds(5) - absl::Milliseconds(1));
  EXPECT_EQ(Answer(), "");
  executor_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Answer(), "204 ");
}

TEST_F(PollTest, WithoutAWaitItBringsWhatIsThereAllTheSame) {
  Start({absl::nullopt}, absl::nullopt, absl::ZeroDuration());
  EXPECT_EQ(Answer(), "");
  Deliver(1, Delivery::Started{{7, 3}});
  EXPECT_EQ(Answer(), "200 {\"events\":[],\"cursor\":\"7-3\"}\n");
  answers_.clear();
  poll_.reset();
  requests_.clear();
  Start({Position{7, 3}}, absl::nullopt, absl::ZeroDuration());
  EXPECT_EQ(Answer(), "");
  Deliver(2, Delivery::Started{{7, 4}});
  EXPECT_EQ(Answer(), "");
  Page(2, {Event(7, 3), Event(7, 4)});
  EXPECT_EQ(Answer(), "200 {\"events\":[{7-4}],\"cursor\":\"7-4\"}\n");
  answers_.clear();
  poll_.reset();
  requests_.clear();
  Start({Position{7, 4}}, absl::nullopt, absl::ZeroDuration());
  Deliver(3, Delivery::Started{{7, 4}});
  EXPECT_EQ(Answer(), "");
  Page(3, {Event(7, 4)});
  EXPECT_EQ(Answer(), "204 ") << "nothing was missed";
}

TEST_F(PollTest, AfterItsWaitTheCursorHasPassedWhatIsNotShown) {
  Start({Position{7, 3}});
  Deliver(1, Delivery::Started{{7, 3}});
  Page(1, {Event(7, 3)});
  Deliver(1, Hidden(7, 4));
  EXPECT_EQ(Answer(), "");
  executor_.Advance(limits::kPollWait);
  EXPECT_EQ(Answer(), "200 {\"events\":[],\"cursor\":\"7-4\"}\n");
}

TEST_F(PollTest, SaysWhatIsLostAndWhereToGoOn) {
  Start({Position{7, 1}, Position{8, 2}});
  Deliver(1, Delivery::Started{{7, 9}});
  Deliver(2, Delivery::Started{{8, 3}});
  Page(1, {Event(7, 8), Event(7, 9)});
  Page(2, {Event(8, 2), Event(8, 3)});
  EXPECT_EQ(Answer(), R"(410 {"type":"$error","code":"data_loss",)"
                      R"("message":"events after the cursor cannot be had","retry":false,)"
                      R"("lost":[{"channel":"webgui:session:a","after":"7-1","position":"7-7",)"
                      R"("reason":"trimmed"}],"cursor":"7-7,8-2"})"
                      "\n");
}

TEST_F(PollTest, AGapBehindEventsIsForTheNextPoll) {
  Start({Position{7, 1}});
  Deliver(1, Delivery::Started{{7, 9}});
  Page(1, {Event(7, 1), Event(7, 2), Event(7, 8)});
  EXPECT_EQ(Answer(), "200 {\"events\":[{7-2}],\"cursor\":\"7-2\",\"more\":true}\n");
}

TEST_F(PollTest, AnAnswerIsBoundedAndTheCursorStandsBehindIt) {
  Start({Position{7, 1}});
  Deliver(1, Delivery::Started{{7, 1}});
  std::vector<FrameEntry> rows = {Event(7, 1)};
  for (uint64_t seq = 2; seq < 2'000; ++seq) rows.push_back(Event(7, seq));
  Page(1, std::move(rows));
  EXPECT_THAT(Answer(), StartsWith("200 "));
  EXPECT_EQ(answers_[0].frames.size(), limits::kPollEvents);
  EXPECT_EQ(answers_[0].tail, "],\"cursor\":\"7-1001\",\"more\":true}\n");

  answers_.clear();
  Start({Position{7, 1}});
  Page(1, {Event(7, 1), Event(7, 2, limits::kPollBytes), Event(7, 3), Event(7, 4)});
  EXPECT_THAT(Answer(), StartsWith("200 "));
  EXPECT_EQ(answers_[0].frames.size(), 1u);
  EXPECT_EQ(answers_[0].tail, "],\"cursor\":\"7-2\",\"more\":true}\n");
}

TEST_F(PollTest, AChannelThatCannotBeFollowedIsAnError) {
  Start({absl::nullopt, absl::nullopt});
  Deliver(1, Delivery::Refused{absl::PermissionDeniedError("no")});
  EXPECT_EQ(Answer(),
            "403 "
            "{\"type\":\"$error\",\"channel\":\"webgui:session:a\",\"code\":\"permission_denied\","
            "\"message\":\"no\","
            "\"retry\":false}\n");
}

TEST_F(PollTest, WithoutRedisThereIsNoPosition) {
  Start({absl::nullopt});
  executor_.Advance(limits::kPollWait);
  EXPECT_EQ(Answer(), "");
  executor_.Advance(limits::kPollPatience);
  EXPECT_THAT(Answer(), StartsWith("503 {\"type\":\"$error\",\"code\":\"unavailable\""));
}

TEST_F(PollTest, ADrainSendsItAway) {
  Start({Position{7, 3}});
  hub_.Drain(absl::ZeroDuration());
  EXPECT_EQ(Answer(),
            "503 {\"type\":\"$error\",\"code\":\"unavailable\",\"message\":\"the bridge goes "
            "down\",\"retry\":true,\"after_ms\":0}\n");
  executor_.Advance(limits::kPollWait);
  EXPECT_EQ(answers_.size(), 1u);
}

TEST_F(PollTest, WhoLeavesLeavesNothing) {
  Start({Position{7, 3}});
  Deliver(1, Delivery::Started{{7, 3}});
  requests_.clear();
  poll_.reset();
  ASSERT_EQ(requests_.size(), 2u) << "its page is not wanted any more, nor its topic";
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Cancel>(requests_[0].what));
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Detach>(requests_[1].what));
  EXPECT_EQ(hub_.members(), 0u);
  executor_.Advance(limits::kPollWait);
  EXPECT_THAT(answers_, IsEmpty());
}

}  // namespace
}  // namespace spanwire::bridge
