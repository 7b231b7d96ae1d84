#include "core/channel/appender.h"

#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/channel/script.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"
#include "tests/support/recording_sink.h"

namespace spanwire::channel {
namespace {

using test::Array;
using test::ErrorReply;
using test::Integer;
using test::Text;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Sink = test::RecordingSink;

constexpr char kA[] = "webgui:session:a";
constexpr char kB[] = "webgui:session:b";

class AppenderTest : public ::testing::Test, public AppenderListener {
 protected:
  void OnProducerFailed(absl::string_view producer, const absl::Status& why) override {
    said_.push_back(absl::StrCat(producer, " failed ", absl::StatusCodeToString(why.code())));
  }
  std::vector<std::string> Said() { return std::exchange(said_, {}); }

  static std::shared_ptr<const Producer> Instance(std::string id, uint64_t epoch) {
    return std::make_shared<Producer>(Producer{std::move(id), epoch, limits::kProducerTtl});
  }
  void Append(Sink& sink, const std::shared_ptr<const Producer>& producer,
              absl::string_view channel, uint64_t sequence, bool transient = false,
              size_t bytes = 10) {
    appender_.Append(&sink, producer, channel, sequence, transient,
                     std::make_shared<const std::string>(bytes, 'e'));
  }
  // The oldest call: "mode producer:epoch=sequences…".
  std::string Call() {
    const std::vector<std::string>& args = redis_.next();
    const size_t producers = std::stoul(args[2]) - 2;
    size_t i = 3 + 2 + producers;
    std::vector<std::string> words = {args[i + 3]};
    i += 8;
    for (size_t p = 0; p < producers; ++p) {
      const std::string& key = args[5 + p];
      std::vector<std::string> sequences;
      const size_t n = std::stoul(args[i + 2]);
      for (size_t e = 0; e < n; ++e) sequences.push_back(args[i + 3 + 2 * e]);
      words.push_back(absl::StrCat(key.substr(key.rfind(':') + 1), ":", args[i], "=",
                                   absl::StrJoin(sequences, ",")));
      i += 3 + 2 * n;
    }
    return absl::StrJoin(words, " ");
  }
  void Committed(const std::string& last, int64_t appended, const std::vector<int64_t>& reached,
                 int64_t unpublished = 0) {
    redis_.Answer(test::Appended(last, appended, reached, unpublished));
    executor_.RunPosted();
  }

  std::vector<std::string> said_;
  test::FakeExecutor executor_;
  test::FakeCommands redis_;
  Names names_{"webgui"};
  Appender appender_{&executor_, &redis_, &names_, this, Appender::Options()};
  Sink x_{&said_, "x"};
  Sink y_{&said_, "y"};
  std::shared_ptr<const Producer> p_ = Instance("p", 100);
  std::shared_ptr<const Producer> q_ = Instance("q", 200);
};

TEST_F(AppenderTest, WhatArrivesInOneTurnGoesInOneCallAndIsCommittedWithItsPosition) {
  Append(x_, p_, kA, 1);
  Append(y_, q_, kA, 1);
  Append(x_, p_, kA, 2);
  EXPECT_EQ(redis_.waiting(), 0u);
  executor_.RunPosted();
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(Call(), "open p:100=1,2 q:200=1");
  EXPECT_EQ(redis_.next()[3], "webgui:log:{webgui:session:a}");
  EXPECT_EQ(redis_.next()[5], "webgui:producer:{webgui:session:a}:p");
  Committed("7-3", 3, {0, 0});
  EXPECT_THAT(Said(), ElementsAre("x 1 a 7-1", "x 2 a 7-2", "y 1 a 7-3"));
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderTest, OneCallAChannelIsInFlightAndTheNextTakesWhatGathered) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  Append(x_, p_, kA, 2);
  Append(x_, p_, kA, 3);
  Append(x_, p_, kB, 4);
  executor_.RunPosted();
  EXPECT_EQ(redis_.waiting(), 2u) << "the other channel does not wait";
  Committed("7-1", 1, {0});
  Committed("9-1", 1, {0});
  EXPECT_EQ(Call(), "keep p:100=2,3");
}

TEST_F(AppenderTest, AnEpochIsOpenedUntilACallHasAppended) {
  Append(x_, p_, kA, 1, /*transient=*/true);
  executor_.RunPosted();
  Committed("0-0", 0, {0});
  EXPECT_THAT(Said(), ElementsAre("x 1 a -"));
  Append(x_, p_, kA, 2);
  executor_.RunPosted();
  EXPECT_EQ(Call(), "open p:100=2");
  Committed("7-1", 1, {1});
  Append(x_, p_, kA, 3);
  executor_.RunPosted();
  EXPECT_EQ(Call(), "keep p:100=3");
}

TEST_F(AppenderTest, TtlsAreRenewedOnceAMinute) {
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    Append(x_, p_, kA, sequence);
    executor_.RunPosted();
    EXPECT_EQ(Call(), absl::StrCat(sequence == 1   ? "open"
                                   : sequence == 2 ? "keep"
                                                   : "touch",
                                   " p:100=", sequence));
    Committed(absl::StrCat("7-", sequence), 1, {static_cast<int64_t>(sequence) - 1});
    executor_.Advance(absl::Seconds(31));
  }
}

TEST_F(AppenderTest, DuplicatesAreCommittedWithoutPosition) {
  Append(x_, p_, kA, 4);
  Append(x_, p_, kA, 5);
  Append(x_, p_, kA, 6, /*transient=*/true);
  Append(x_, p_, kA, 7);
  executor_.RunPosted();
  EXPECT_EQ(Call(), "open p:100=4,5,-6,7");
  Committed("7-9", 2, {4});
  EXPECT_THAT(Said(), ElementsAre("x 4 a -", "x 5 a 7-8", "x 6 a -", "x 7 a 7-9"));
  EXPECT_EQ(appender_.counters().duplicates, 1u);
}

TEST_F(AppenderTest, ABatchHasBounds) {
  for (uint64_t sequence = 1; sequence <= 200; ++sequence) Append(x_, p_, kA, sequence);
  executor_.RunPosted();
  EXPECT_EQ(redis_.next()[2 + 1 + 2 + 1 + 8 + 2], "128");
  Append(y_, q_, kB, 1, false, limits::kEventBytes);
  Append(y_, q_, kB, 2, false, 1);
  executor_.RunPosted();
  Committed("7-128", 128, {0});
  EXPECT_EQ(Call(), "open q:200=1") << "one event always fits, and no other beside it";
}

TEST_F(AppenderTest, ARefusedCallIsRetriedWithTheSameEventsFirst) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  redis_.Answer(ErrorReply("OOM command not allowed when used memory > 'maxmemory'."));
  Append(x_, p_, kA, 2);
  executor_.RunPosted();
  EXPECT_EQ(redis_.waiting(), 0u);
  executor_.Advance(absl::Milliseconds(20));
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(Call(), "open p:100=1");
  Committed("7-1", 1, {0});
  EXPECT_EQ(Call(), "keep p:100=2");
}

TEST_F(AppenderTest, AfterTheDeadlineAllThatItsProducersHaveQueuedIsDiscarded) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  redis_.Answer(ErrorReply("OOM"));
  executor_.Advance(limits::kAppendDeadline - absl::Milliseconds(1));
  Append(y_, q_, kB, 1);
  executor_.RunPosted();
  Append(x_, p_, kB, 2);  // waits behind q's call
  Append(y_, q_, kB, 2);
  redis_.Answer(ErrorReply("OOM"));  // a's retry, one millisecond before its deadline
  executor_.Advance(absl::Milliseconds(1));
  redis_.Answer(ErrorReply("OOM"), 1);  // a's last
  EXPECT_THAT(Said(), ElementsAre("p failed RESOURCE_EXHAUSTED"));
  Committed("9-1", 1, {0});
  EXPECT_THAT(Said(), ElementsAre("y 1 b 9-1"));
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(Call(), "keep q:200=2") << "nothing of p may overtake what is missing";
}

TEST_F(AppenderTest, OutOfMemoryForTooLongEndsTheProducer) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  Append(x_, p_, kA, 2);
  const absl::Duration start = executor_.Uptime();
  for (int i = 0; said_.empty() && i < 1000; ++i) {
    redis_.Answer(ErrorReply("OOM"));
    if (said_.empty()) executor_.AdvanceToNext();
  }
  EXPECT_THAT(Said(), ElementsAre("p failed RESOURCE_EXHAUSTED"));
  EXPECT_EQ(executor_.Uptime() - start, limits::kAppendDeadline);
  EXPECT_TRUE(appender_.idle());
  executor_.Advance(absl::Seconds(1));
  EXPECT_EQ(redis_.waiting(), 0u);
}

TEST_F(AppenderTest, AnUnknownOutcomeIsNeverRetriedInPlaceAndClearedWithTheConnection) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  redis_.Answer(absl::UnavailableError("connection lost"));
  executor_.Advance(absl::Minutes(1));
  EXPECT_EQ(redis_.waiting(), 0u);
  EXPECT_THAT(Said(), IsEmpty()) << "who ends the streams does so once, for all channels";
  appender_.Clear();
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderTest, WhatWasNotSentIsTriedAgain) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  redis_.Answer(absl::ResourceExhaustedError("too many unanswered commands"));
  executor_.Advance(absl::Milliseconds(20));
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(Call(), "open p:100=1");
  Committed("7-1", 1, {0});
  EXPECT_THAT(Said(), ElementsAre("x 1 a 7-1"));
}

TEST_F(AppenderTest, TheDeadlineIsTheEventsOwnAlsoForThoseBehindTheCall) {
  std::vector<std::shared_ptr<const Producer>> producers;
  for (int i = 0; i < 400; ++i) {
    producers.push_back(Instance(absl::StrCat("p", i), 100));
    Append(x_, producers.back(), kA, 1);
  }
  executor_.RunPosted();
  const absl::Duration start = executor_.Uptime();
  executor_.Advance(absl::Seconds(1));
  Append(y_, q_, kA, 1);
  while (said_.empty()) {
    redis_.Answer(ErrorReply("WRONGTYPE"));
    if (said_.empty()) executor_.AdvanceToNext();
  }
  EXPECT_EQ(executor_.Uptime() - start, limits::kAppendDeadline);
  EXPECT_EQ(Said().size(), 400u) << "all that are as old, and no younger one";
  executor_.RunPosted();
  EXPECT_EQ(Call(), "open q:200=1");
  while (said_.empty()) {
    redis_.Answer(ErrorReply("WRONGTYPE"));
    if (said_.empty()) executor_.AdvanceToNext();
  }
  EXPECT_EQ(executor_.Uptime() - start, limits::kAppendDeadline + absl::Seconds(1));
  EXPECT_THAT(Said(), ElementsAre("q failed UNAVAILABLE"));
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderTest, ASinkOverItsBoundHearsWhenItIsNoLonger) {
  Appender::Options options;
  options.sink_bytes = 1000;
  Appender appender(&executor_, &redis_, &names_, this, options);
  appender.Append(&x_, p_, kA, 1, false, std::make_shared<const std::string>(900, 'e'));
  EXPECT_FALSE(appender.over_bound(&x_));
  appender.Append(&x_, p_, kB, 2, false, std::make_shared<const std::string>(900, 'e'));
  appender.Append(&y_, q_, kB, 1, false, std::make_shared<const std::string>(900, 'e'));
  EXPECT_TRUE(appender.over_bound(&x_));
  EXPECT_FALSE(appender.over_bound(&y_));
  EXPECT_FALSE(appender.over_bound());
  executor_.RunPosted();
  redis_.Answer(Array({Text("7-1"), Integer(1), Integer(0), Integer(0)}));
  EXPECT_FALSE(appender.over_bound(&x_));
  executor_.RunPosted();
  EXPECT_THAT(Said(), ElementsAre("x 1 a 7-1", "x has room"));
  // One that is gone when its turn comes hears nothing.
  appender.Append(&x_, p_, kA, 3, false, std::make_shared<const std::string>(2000, 'e'));
  executor_.RunPosted();
  redis_.Answer(Array({Text("7-2"), Integer(1), Integer(0), Integer(1)}), 1);
  appender.Forget(&x_);
  executor_.RunPosted();
  EXPECT_THAT(Said(), ElementsAre("x 3 a 7-2"));
}

// Each of many sinks on one channel leaves, as when a network is lost: no matter how many others
// there are.
TEST_F(AppenderTest, ManySinksAreForgottenInTimeProportionalToWhatTheyHave) {
  constexpr size_t kSinks = 50'000;
  std::vector<Sink> sinks(kSinks, Sink(&said_, "s"));
  for (Sink& sink : sinks) Append(sink, p_, kA, 1);
  const std::clock_t start = std::clock();  // of this process alone, however busy the machine
  for (Sink& sink : sinks) appender_.Forget(&sink);
  EXPECT_LT(std::clock() - start, CLOCKS_PER_SEC);
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderTest, ADemotedMasterIsALostConnection) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  redis_.Answer(ErrorReply("READONLY You can't write against a read only replica."));
  EXPECT_EQ(redis_.reset().code(), absl::StatusCode::kUnavailable);
}

TEST_F(AppenderTest, TheScriptIsSentWholeWhereRedisDoesNotKnowIt) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  EXPECT_EQ(redis_.next()[0], "EVALSHA");
  EXPECT_EQ(redis_.next()[1], PublishScript().sha1());
  redis_.Answer(ErrorReply("NOSCRIPT No matching script. Please use EVAL."));
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(redis_.next()[0], "EVAL");
  EXPECT_EQ(redis_.next()[1], PublishScript().source());
  EXPECT_EQ(Call(), "open p:100=1");
}

TEST_F(AppenderTest, ANewerInstanceFencesTheOlderOneInOneCall) {
  const auto newer = Instance("p", 101);
  Append(x_, p_, kA, 1);
  Append(y_, newer, kA, 1);
  Append(x_, p_, kA, 2);
  Append(x_, p_, kB, 3);
  executor_.RunPosted();
  EXPECT_EQ(Call(), "open p:101=1");
  EXPECT_THAT(Said(), ElementsAre("x fenced by 101"));
  EXPECT_EQ(redis_.waiting(), 1u) << "what it had on other channels is gone too";
}

TEST_F(AppenderTest, AnOlderInstanceHearsTheEpochThatFencesIt) {
  Append(x_, p_, kA, 1);
  Append(x_, p_, kA, 2);
  executor_.RunPosted();
  Append(x_, p_, kA, 3);
  Committed("7-0", 0, {-345});
  EXPECT_THAT(Said(), ElementsAre("x fenced by 345"));
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderTest, AForgottenSinkHearsNothing) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  Append(x_, p_, kA, 2);
  Append(y_, q_, kA, 1);
  appender_.Forget(&x_);
  Committed("7-1", 1, {0});
  EXPECT_EQ(Call(), "keep q:200=1");
  Committed("7-2", 1, {0});
  EXPECT_THAT(Said(), ElementsAre("y 1 a 7-2"));
}

TEST_F(AppenderTest, AfterALossNothingIsLeftAndEveryChannelIsOpenedAnew) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  Committed("7-1", 1, {0});
  Append(x_, p_, kA, 2);
  executor_.RunPosted();
  Append(x_, p_, kA, 3);
  Said();
  appender_.Clear();
  redis_.Answer(Array({Text("7-2"), Integer(1), Integer(0), Integer(1)}));  // too late
  executor_.RunPosted();
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_TRUE(appender_.idle());
  Append(x_, p_, kA, 2);
  executor_.RunPosted();
  EXPECT_EQ(Call(), "open p:100=2");
}

TEST_F(AppenderTest, ANewEpochIsAboveAllThatWereSeenAlsoOnEarlierConnections) {
  const auto floor = [this] { return redis_.next()[3 + 3 + 7]; };
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  EXPECT_EQ(floor(), "0");
  Committed("7-1", 1, {0});
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  EXPECT_EQ(floor(), "7");
  Committed("9-4", 0, {1});  // another broker's
  appender_.Clear();
  Append(x_, p_, kA, 2);
  Append(x_, p_, kB, 3);
  executor_.RunPosted();
  EXPECT_EQ(floor(), "9");
  Committed("8-1", 1, {0});  // from before this rule
  EXPECT_EQ(floor(), "0") << "of the other channel nothing is known";
  Append(x_, p_, kA, 4);
  executor_.RunPosted();
  redis_.Answer(Array({Text("9-1"), Integer(1), Integer(0), Integer(0)}));
  EXPECT_EQ(floor(), "9") << "never less";
}

TEST_F(AppenderTest, SaysWhenItIsFullAndWhenThereIsRoomAgain) {
  Appender::Options options;
  options.queue_bytes = 1000;
  Appender appender(&executor_, &redis_, &names_, this, options);
  int room = 0;
  appender.set_on_room([&] { ++room; });
  appender.Append(&x_, p_, kA, 1, false, std::make_shared<const std::string>(2000, 'e'));
  EXPECT_TRUE(appender.over_bound());
  executor_.RunPosted();
  EXPECT_EQ(room, 0);
  redis_.Answer(Array({Text("7-1"), Integer(1), Integer(0), Integer(0)}));
  executor_.RunPosted();
  EXPECT_FALSE(appender.over_bound());
  EXPECT_EQ(room, 1);
}

TEST_F(AppenderTest, TheLogsLengthFollowsTheSizeOfItsEvents) {
  Append(x_, p_, kA, 1, false, 100);
  executor_.RunPosted();
  EXPECT_EQ(redis_.next()[3 + 3 + 4], "5000");
  Append(y_, q_, kB, 1, false, 100'000);
  executor_.RunPosted();
  Committed("7-1", 1, {0});
  EXPECT_EQ(redis_.next()[3 + 3 + 4], "100");
}

TEST_F(AppenderTest, LoggedButUnpublishedEventsAreCounted) {
  Append(x_, p_, kA, 1);
  executor_.RunPosted();
  Committed("7-1", 1, {0}, 1);
  EXPECT_THAT(Said(), ElementsAre("x 1 a 7-1"));
  EXPECT_EQ(appender_.counters().unpublished, 1u);
}

}  // namespace
}  // namespace spanwire::channel
