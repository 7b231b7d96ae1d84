// What the appender appends again when its connection is back and Redis has lost it.
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

using test::Array;
using test::ErrorReply;
using test::Nil;
using test::Text;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kA[] = "webgui:session:a";

class AppenderMemoryTest : public ::testing::Test, public AppenderListener {
 protected:
  void OnProducerFailed(absl::string_view producer, const absl::Status&) override {
    said_.push_back(absl::StrCat(producer, " failed"));
  }
  static std::shared_ptr<const Producer> Instance(std::string id, uint64_t epoch,
                                                  absl::Duration ttl = limits::kProducerTtl) {
    return std::make_shared<Producer>(Producer{std::move(id), epoch, ttl});
  }
  void Append(const std::shared_ptr<const Producer>& producer, uint64_t sequence,
              bool transient = false) {
    appender_.Append(&sink_, producer, kA, sequence, transient,
                     std::make_shared<const std::string>(absl::StrCat("event ", sequence)));
  }
  void Committed(const std::string& last, int64_t appended, const std::vector<int64_t>& reached) {
    executor_.RunPosted();
    ASSERT_EQ(redis_.next()[0], "EVALSHA");
    redis_.Answer(test::Appended(last, appended, reached));
    executor_.RunPosted();
  }
  // The connection was lost and is back; Redis has this of the channel and its producers.
  void Again(std::vector<redis::Reply> known) {
    appender_.Clear();
    appender_.Recall();
    ASSERT_EQ(redis_.waiting(), 1u);
    ASSERT_EQ(redis_.next()[0], "MGET");
    redis_.Answer(Array(std::move(known)));
    executor_.RunPosted();
  }
  // The events of the oldest call, of one producer.
  std::vector<std::string> Events() {
    const std::vector<std::string>& args = redis_.next();
    std::vector<std::string> events;
    for (size_t i = 3 + 3 + 8 + 3; i + 1 < args.size(); i += 2)
      events.push_back(absl::StrCat(args[i], "=", args[i + 1]));
    return events;
  }

  std::vector<std::string> said_;
  test::FakeExecutor executor_;
  test::FakeCommands redis_;
  Names names_{"webgui"};
  Appender appender_{&executor_, &redis_, &names_, this, Appender::Options()};
  test::RecordingSink sink_{&said_, "x"};
  std::shared_ptr<const Producer> p_ = Instance("p", 100);
};

TEST_F(AppenderMemoryTest, WhatRedisHasLostIsAppendedAgainAsItsProducersOwn) {
  Append(p_, 1);
  Append(p_, 2);
  Append(p_, 3);
  Committed("7-3", 3, {0});
  said_.clear();
  Again({Text("100 1")});
  EXPECT_THAT(Events(), ElementsAre("2=\x5A\x03"
                                    "7-2event 2",
                                    "3=\x5A\x03"
                                    "7-3event 3"));
  EXPECT_EQ(redis_.next()[3 + 2], "webgui:producer:{webgui:session:a}:p");
  EXPECT_EQ(redis_.next()[3 + 3 + 3], "open");
  Append(p_, 4);  // the agent is back
  Committed("8-2", 2, {1});
  EXPECT_EQ(appender_.counters().again, 2u);
  EXPECT_THAT(said_, IsEmpty()) << "nobody waits for copies";
  Committed("8-3", 1, {3});
  EXPECT_THAT(said_, ElementsAre("x 4 a 8-3"));
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderMemoryTest, CopiesThatAreLostInTurnStillSayWhereTheyWere) {
  Append(p_, 1);
  Committed("7-1", 1, {0});
  Again({Nil()});
  Committed("8-1", 1, {0});
  Again({Nil()});
  EXPECT_THAT(Events(), ElementsAre("1=\x5A\x03"
                                    "7-1event 1"));
}

TEST_F(AppenderMemoryTest, WhatRedisHasIsLeftAlone) {
  Append(p_, 1);
  Append(p_, 2, true);
  Committed("7-1", 1, {0});
  Again({Text("100 2")});
  EXPECT_EQ(redis_.waiting(), 0u);
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderMemoryTest, TransientEventsAndThoseOfPassingProducersAreNotRemembered) {
  Append(p_, 1, true);
  Append(Instance("call", 1, limits::kIdempotencyTtl), 1);
  Committed("7-1", 1, {0, 0});
  Again({Nil()});
  EXPECT_EQ(redis_.waiting(), 0u);
}

TEST_F(AppenderMemoryTest, WhatIsOlderThanTheLossIsForgotten) {
  Append(p_, 1);
  Committed("7-1", 1, {0});
  executor_.Advance(limits::kRememberedFor + absl::Milliseconds(1));
  appender_.Clear();
  appender_.Recall();
  EXPECT_EQ(redis_.waiting(), 0u);
}

TEST_F(AppenderMemoryTest, ATimeWithoutRedisDoesNotCount) {
  Append(p_, 1);
  Committed("7-1", 1, {0});
  appender_.Clear();
  executor_.Advance(limits::kRememberedFor * 2);
  appender_.Recall();
  EXPECT_EQ(redis_.waiting(), 1u);
}

TEST_F(AppenderMemoryTest, CopiesThatAreRefusedForTooLongAreAskedForAgainBeforeTheAgentIsBack) {
  for (uint64_t sequence = 1; sequence <= limits::kAppendEvents + 1; ++sequence)
    Append(p_, sequence);
  Committed("7-128", 128, {0});
  Committed("7-129", 1, {128});
  Again({Nil()});
  said_.clear();
  while (said_.empty()) {
    ASSERT_EQ(redis_.next()[0], "EVALSHA");
    redis_.Answer(ErrorReply("NOREPLICAS Not enough good replicas to write."));
    executor_.Advance(absl::Milliseconds(500));
  }
  EXPECT_THAT(said_, ElementsAre("p failed"));
  ASSERT_EQ(redis_.waiting(), 1u) << "what was still queued would stand behind what is missing";
  ASSERT_EQ(redis_.next()[0], "MGET");
  redis_.Answer(Array({Nil()}));
  Committed("8-128", 128, {0});
  Committed("8-129", 1, {128});
  EXPECT_EQ(appender_.counters().again, 129u);
  EXPECT_TRUE(appender_.idle());
}

TEST_F(AppenderMemoryTest, AnErrorInsteadOfAnAnswerChangesNothing) {
  Append(p_, 1);
  Committed("7-1", 1, {0});
  appender_.Clear();
  appender_.Recall();
  redis_.Answer(ErrorReply("NOPERM this user has no permissions to run the 'mget' command"));
  executor_.RunPosted();
  EXPECT_EQ(redis_.waiting(), 0u);
  Append(p_, 2);
  executor_.RunPosted();
  EXPECT_THAT(Events(), ElementsAre("2=event 2"));
}

}  // namespace
}  // namespace spanwire::channel
