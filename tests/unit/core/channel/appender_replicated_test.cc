// The appender's events of ack level replicated: committed when replicas have them, or told.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/channel/appender.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"
#include "tests/support/recording_sink.h"

namespace spanwire::channel {
namespace {

using test::ErrorReply;
using test::Integer;
using test::Text;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Sink = test::RecordingSink;

constexpr char kA[] = "webgui:session:a";
constexpr char kB[] = "webgui:session:b";

class AppenderReplicatedTest : public ::testing::Test, public AppenderListener {
 protected:
  void OnProducerFailed(absl::string_view producer, const absl::Status& why) override {
    said_.push_back(absl::StrCat(producer, " failed: ", why.message()));
    EXPECT_TRUE(absl::IsUnavailable(why));
    appender_.Forget(producer == "safe" ? &safe_ : &other_);
  }
  std::vector<std::string> Said() { return std::exchange(said_, {}); }

  static std::shared_ptr<const Producer> Instance(std::string id, bool replicated) {
    return std::make_shared<Producer>(
        Producer{std::move(id), 100, limits::kProducerTtl, replicated});
  }
  void Append(Sink& sink, const std::shared_ptr<const Producer>& producer,
              absl::string_view channel, uint64_t sequence, size_t bytes = 10) {
    appender_.Append(&sink, producer, channel, sequence, false,
                     std::make_shared<const std::string>(bytes, 'e'));
  }
  // Redis answers the oldest call of publish.lua.
  void Logged(const std::string& last, int64_t appended, const std::vector<int64_t>& reached) {
    executor_.RunPosted();
    ASSERT_EQ(redis_.next()[0], "EVALSHA");
    redis_.Answer(test::Appended(last, appended, reached));
    executor_.RunPosted();
  }
  // Redis answers the oldest marker.
  void Marked() {
    ASSERT_EQ(redis_.next()[0], "SET");
    redis_.Answer(Text("OK"));
    executor_.RunPosted();
  }
  // The WAIT under way is over.
  void Waited(int64_t replicas) {
    waits_.Answer(Text("1000"));
    waits_.Answer(Integer(replicas));
    executor_.RunPosted();
  }

  std::vector<std::string> said_;
  test::FakeExecutor executor_;
  test::FakeCommands redis_;
  test::FakeCommands waits_;
  Names names_{"webgui"};
  ReplicaBarrier barrier_{&executor_, &redis_, &waits_, "marker", {1, absl::Seconds(1)}};
  Appender appender_{&executor_, &redis_, &names_, this, Appender::Options(), &barrier_};
  Sink safe_{&said_, "safe"};
  Sink other_{&said_, "other"};
  std::shared_ptr<const Producer> replicated_ = Instance("safe", true);
  std::shared_ptr<const Producer> plain_ = Instance("plain", false);
};

constexpr char kFailed[] =
    "safe failed: ack level replicated was not reached: 0 of 1 replicas within 1s";

TEST_F(AppenderReplicatedTest, EventsAreCommittedWhenReplicasHaveThem) {
  Append(safe_, replicated_, kA, 1);
  Append(safe_, replicated_, kA, 2);
  Logged("7-2", 2, {0});
  Marked();
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_FALSE(appender_.idle());
  Waited(1);
  EXPECT_THAT(Said(), ElementsAre("safe 1 a 7-1", "safe 2 a 7-2"));
  EXPECT_TRUE(appender_.idle());
  EXPECT_EQ(appender_.counters().replicated, 2u);
}

TEST_F(AppenderReplicatedTest, NobodyIsAskedForProducersThatDoNotWantIt) {
  Append(other_, plain_, kA, 1);
  Logged("7-1", 1, {0});
  EXPECT_EQ(redis_.waiting(), 0u);
  EXPECT_THAT(Said(), ElementsAre("other 1 a 7-1"));
}

TEST_F(AppenderReplicatedTest, InAMixedCallTheOthersDoNotWait) {
  Append(safe_, replicated_, kA, 1);
  Append(other_, plain_, kA, 1);
  Append(safe_, replicated_, kA, 2);
  Logged("7-3", 3, {0, 0});
  EXPECT_THAT(Said(), ElementsAre("other 1 a 7-3"));
  Marked();
  Waited(1);
  EXPECT_THAT(Said(), ElementsAre("safe 1 a 7-1", "safe 2 a 7-2"));
}

TEST_F(AppenderReplicatedTest, TheChannelGoesOnDuringAWait) {
  Append(safe_, replicated_, kA, 1);
  Logged("7-1", 1, {0});
  Marked();
  Append(other_, plain_, kA, 1);
  Append(safe_, replicated_, kA, 2);
  Logged("7-3", 2, {0, 1});
  EXPECT_THAT(Said(), ElementsAre("other 1 a 7-2"));
  Marked();
  Waited(1);
  EXPECT_THAT(Said(), ElementsAre("safe 1 a 7-1"));
  Waited(1);
  EXPECT_THAT(Said(), ElementsAre("safe 2 a 7-3"));
}

TEST_F(AppenderReplicatedTest, ACallOfDuplicatesWaitsToo) {
  Append(safe_, replicated_, kA, 1);
  Logged("7-1", 0, {1});
  Marked();
  EXPECT_THAT(Said(), IsEmpty());
  Waited(1);
  EXPECT_THAT(Said(), ElementsAre("safe 1 a -"));
}

TEST_F(AppenderReplicatedTest, ALevelNotReachedDiscardsAllThatItsProducersHaveAnywhere) {
  Append(safe_, replicated_, kA, 1);
  Append(other_, plain_, kA, 1);
  Logged("7-2", 2, {0, 0});
  Marked();
  Append(safe_, replicated_, kB, 2);  // in flight
  executor_.RunPosted();
  Append(safe_, replicated_, kB, 3);  // queued
  Append(other_, plain_, kB, 2);      // likewise
  executor_.RunPosted();
  Said();
  Waited(0);
  EXPECT_THAT(Said(), ElementsAre(kFailed));
  EXPECT_EQ(appender_.counters().unreplicated, 1u);
  Logged("8-1", 1, {0});
  Marked();
  Logged("8-2", 1, {0});  // of the other one alone, which needs no marker
  EXPECT_THAT(Said(), ElementsAre("other 2 b 8-2"));
  Waited(1);
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderReplicatedTest, WhatIsSentAgainAfterThatIsADuplicateAndAsksAgain) {
  Append(safe_, replicated_, kA, 1);
  Logged("7-1", 1, {0});
  Marked();
  Waited(0);
  EXPECT_THAT(Said(), ElementsAre(kFailed));
  Append(safe_, replicated_, kA, 1);
  Logged("7-1", 0, {1});
  EXPECT_THAT(Said(), IsEmpty());
  Marked();
  Waited(1);
  EXPECT_THAT(Said(), ElementsAre("safe 1 a -"));
}

TEST_F(AppenderReplicatedTest, AnAnswerAfterALostConnectionIsNobodys) {
  Append(safe_, replicated_, kA, 1);
  Logged("7-1", 1, {0});
  Marked();
  Append(safe_, replicated_, kA, 2);
  Logged("7-2", 1, {1});
  redis_.Answer(absl::UnavailableError("cut"));  // the second marker
  appender_.Clear();
  EXPECT_TRUE(appender_.idle());
  EXPECT_FALSE(waits_.reset().ok());
  Append(safe_, replicated_, kA, 1);  // sent again
  Waited(1);
  EXPECT_THAT(Said(), IsEmpty());
  Logged("9-1", 1, {0});
  Marked();
  Waited(1);
  EXPECT_THAT(Said(), ElementsAre("safe 1 a 9-1"));
}

TEST_F(AppenderReplicatedTest, ARefusedCallAsksAgainWithItsNextSending) {
  Append(safe_, replicated_, kA, 1);
  executor_.RunPosted();
  redis_.Answer(ErrorReply("OOM command not allowed"));
  redis_.Answer(ErrorReply("OOM command not allowed"));  // the marker
  executor_.Advance(absl::Seconds(1));
  EXPECT_THAT(Said(), IsEmpty()) << "nothing is said of a sending that Redis refused";
  Logged("7-1", 1, {0});
  Marked();
  Waited(1);
  EXPECT_THAT(Said(), ElementsAre("safe 1 a 7-1"));
}

TEST_F(AppenderReplicatedTest, AMarkerThatCouldNotBeSentIsToldWhenTheCallIsAnswered) {
  Append(safe_, replicated_, kA, 1);
  executor_.RunPosted();
  redis_.Answer(absl::ResourceExhaustedError("too many commands"), 1);
  EXPECT_THAT(Said(), IsEmpty());
  Logged("7-1", 1, {0});
  EXPECT_THAT(Said(), ElementsAre("safe failed: ack level replicated was not reached: too many "
                                  "commands"));
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderReplicatedTest, ForgottenWhileReplicasAreAskedNobodyHears) {
  Append(safe_, replicated_, kA, 1);
  Append(safe_, replicated_, kA, 2);
  Logged("7-2", 2, {0});
  Marked();
  appender_.Forget(&safe_);
  Waited(0);
  EXPECT_THAT(Said(), IsEmpty()) << "nor is the producer's next stream ended";
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderReplicatedTest, EventsThatRedisHasTakeNoRoomWhileReplicasAreAsked) {
  Append(safe_, replicated_, kA, 1, limits::kAppendSinkBytes + 1);
  EXPECT_TRUE(appender_.over_bound(&safe_));
  Logged("7-1", 1, {0});
  EXPECT_THAT(Said(), ElementsAre("safe has room"));
  EXPECT_FALSE(appender_.over_bound(&safe_));
  EXPECT_LT(appender_.queued_bytes(), 1'000u);
}

TEST_F(AppenderReplicatedTest, AFencedProducerHearsOfNoReplicas) {
  Append(safe_, replicated_, kA, 1);
  Logged("7-1", 0, {-200});
  EXPECT_THAT(Said(), ElementsAre("safe fenced by 200"));
  Marked();
  Waited(0);
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_TRUE(appender_.idle());
}

}  // namespace
}  // namespace spanwire::channel
