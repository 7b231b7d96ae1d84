#include "core/channel/log_reader.h"

#include <memory>
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

namespace spanwire::channel {
namespace {

using test::Array;
using test::ErrorReply;
using test::Integer;
using test::Nil;
using test::Text;
using ::testing::_;
using ::testing::ElementsAre;

constexpr char kTailKey[] = "webgui:tail:{webgui:global}";
constexpr char kLogKey[] = "webgui:log:{webgui:global}";

class LogReaderTest : public ::testing::Test {
 protected:
  void Read(Ask ask, size_t page_events = 100) {
    reader_.Read("webgui:global", ask, page_events, owner_,
                 [this](absl::StatusOr<LogPage> page) { pages_.push_back(std::move(page)); });
  }
  static redis::Reply Row(uint64_t seq, std::string body = "e") {
    return Array({Text(absl::StrCat("7-", seq)), Array({Text("e"), Text(std::move(body))})});
  }
  // Rows from `high` down to `low`.
  static redis::Reply Down(uint64_t high, uint64_t low, size_t bytes = 1) {
    std::vector<redis::Reply> rows;
    for (uint64_t seq = high; seq >= low; --seq) rows.push_back(Row(seq, std::string(bytes, 'x')));
    return Array(std::move(rows));
  }

  test::FakeExecutor executor_;
  test::FakeCommands redis_;
  Names names_{"webgui"};
  redis::RedisClock clock_{&executor_, &redis_};
  LogReader reader_{&executor_, &redis_, &clock_, &names_, absl::Seconds(5)};
  std::shared_ptr<char> owner_ = std::make_shared<char>();
  std::vector<absl::StatusOr<LogPage>> pages_;
};

TEST_F(LogReaderTest, APageOfTheLargestEventsFitsAReply) {
  Read({Ask::Kind::kRange, Position{7, 1}, 0}, 10'000);
  EXPECT_THAT(redis_.next(), ElementsAre("XRANGE", kLogKey, "7-1", "+", "COUNT",
                                         absl::StrCat(limits::kPageEvents)));
  EXPECT_LE(LogReader::PageEvents(1), limits::kPageEvents);
}

TEST_F(LogReaderTest, TheLastEventsAreCountedBackwardsPageByPage) {
  Read({Ask::Kind::kLast, absl::nullopt, 250}, 100);
  EXPECT_THAT(redis_.next(), ElementsAre("XREVRANGE", kLogKey, "+", "-", "COUNT", "100"));
  redis_.Answer(Down(400, 301));
  EXPECT_THAT(redis_.next(), ElementsAre("XREVRANGE", kLogKey, "(7-301", "-", "COUNT", "100"));
  redis_.Answer(Down(300, 201));
  EXPECT_THAT(redis_.next(), ElementsAre("XREVRANGE", kLogKey, "(7-201", "-", "COUNT", "50"));
  redis_.Answer(Down(200, 151));
  ASSERT_EQ(pages_.size(), 1u);
  ASSERT_EQ(pages_[0]->rows.size(), 250u);
  EXPECT_EQ(pages_[0]->rows.front().position, (Position{7, 151}));
  EXPECT_EQ(pages_[0]->rows.back().position, (Position{7, 400}));
}

TEST_F(LogReaderTest, OfTheLastEventsTheOldestPageIsKept) {
  Read({Ask::Kind::kLast, absl::nullopt, 1'000}, 100);
  redis_.Answer(Down(300, 201, limits::kEventBytes));
  redis_.Answer(Down(200, 150, limits::kEventBytes));
  ASSERT_EQ(pages_.size(), 1u);
  ASSERT_EQ(pages_[0]->rows.size(), limits::kPageEventsFloor);
  EXPECT_EQ(pages_[0]->rows.front().position, (Position{7, 150}));
  EXPECT_EQ(pages_[0]->rows.back().position, (Position{7, 157})) << "the reader goes on from here";
}

// A log in memory, which answers what a search for a time asks. Rows: position, prev, accepted at.
class LogSinceTest : public LogReaderTest {
 protected:
  struct Row {
    Position position;
    absl::optional<absl::Duration> accepted;  // after the beginning
    absl::optional<Position> prev = absl::nullopt;
  };
  // The place that is found.
  std::string Since(absl::Duration time) {
    Read({Ask::Kind::kSince, absl::nullopt, 0, absl::nullopt, Begin() + time});
    steps_ = 0;
    while (redis_.waiting() > 0) Answer();
    EXPECT_EQ(pages_.size(), 1u);
    const absl::optional<Position> start = std::exchange(pages_, {})[0]->start;
    return start ? start->ToString() : "";
  }
  absl::Time Begin() const { return executor_.Now() - absl::Hours(1); }
  void Answer() {
    const std::vector<std::string> args = redis_.next();
    if (args[0] == "SET") return redis_.Answer(tail_ ? Text(tail_->ToString()) : Nil());
    if (args[0] == "PEXPIRE") return redis_.Answer(Integer(1));
    ++steps_;
    ASSERT_EQ(args[5], "1");
    if (args[0] == "XRANGE") {
      return redis_.Answer(rows_.empty() ? Array({}) : Array({Made(rows_.front())}));
    }
    ASSERT_EQ(args[0], "XREVRANGE");
    const auto below = args[2] == "+" ? Position{~0ull, 0} : *Position::Parse(args[2].substr(1));
    const auto from = args[3] == "-" ? Position{} : *Position::Parse(args[3]);
    for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
      if (row->position < below && row->position >= from) return redis_.Answer(Array({Made(*row)}));
    }
    redis_.Answer(Array({}));
  }
  redis::Reply Made(const Row& row) const {
    v1::Event event;
    if (row.accepted) {
      event.mutable_accepted_at()->set_seconds(absl::ToUnixSeconds(Begin() + *row.accepted));
    }
    std::vector<redis::Reply> fields = {Text("e"), Text(event.SerializeAsString())};
    if (row.prev) {
      fields.push_back(Text("p"));
      fields.push_back(Text(row.prev->ToString()));
    }
    return Array({Text(row.position.ToString()), Array(std::move(fields))});
  }

  std::vector<Row> rows_;
  absl::optional<Position> tail_;
  int steps_ = 0;
};

TEST_F(LogSinceTest, ItBeginsBeforeTheFirstThatIsNotOlder) {
  for (uint64_t seq = 1; seq <= 1'000; ++seq) rows_.push_back({{7, seq}, absl::Seconds(seq)});
  EXPECT_EQ(Since(absl::Seconds(400)), "7-399");
  EXPECT_LE(steps_, 12);
  EXPECT_EQ(Since(absl::Seconds(400.5)), "7-400");
  EXPECT_EQ(Since(absl::Seconds(2)), "7-1");
  EXPECT_EQ(Since(absl::Seconds(1)), "7-0");
  EXPECT_EQ(Since(absl::Seconds(-1)), "7-0");
  EXPECT_EQ(Since(absl::Seconds(1'000)), "7-999");
  EXPECT_EQ(Since(absl::Seconds(1'001)), "7-1000") << "nothing is as new: from the end";
}

TEST_F(LogSinceTest, OverEpochsAndHoles) {
  const uint64_t epoch = 1'704'110'400'000'000;
  int seconds = 0;
  for (const uint64_t e : {epoch, epoch + 1, epoch + 3'600'000'000}) {
    for (const uint64_t seq : {1, 2, 3, 90, 91}) {
      rows_.push_back({{e, seq}, absl::Seconds(++seconds)});
    }
  }
  for (size_t i = 1; i < rows_.size(); ++i) {
    EXPECT_EQ(Since(*rows_[i].accepted), rows_[i].position.Before().ToString());
    EXPECT_LE(steps_, 60);
  }
}

TEST_F(LogSinceTest, WhoseTimeIsUnknownIsNotOlder) {
  rows_ = {{{7, 1}, absl::Seconds(1)}, {{7, 2}, absl::nullopt}, {{7, 3}, absl::Seconds(3)}};
  EXPECT_EQ(Since(absl::Seconds(2)), "7-1");
}

TEST_F(LogSinceTest, WhatMayHaveLeftTheLogIsSeenAsAGap) {
  rows_ = {{{7, 5}, absl::Seconds(5)}, {{7, 6}, absl::Seconds(6)}};
  EXPECT_EQ(Since(absl::Seconds(4)), "7-0") << "trimmed";
  EXPECT_EQ(Since(absl::Seconds(6)), "7-5");
  // The log before expired; its ttl is 5 s.
  rows_ = {{{8, 1}, absl::Seconds(9), Position{7, 3}}};
  EXPECT_EQ(Since(absl::Seconds(4)), "8-0") << "what expired was older";
  EXPECT_EQ(Since(absl::Seconds(3)), "7-0");
  rows_[0].prev = Position{7, 0};
  EXPECT_EQ(Since(absl::Seconds(3)), "8-0") << "there was nothing before";
}

TEST_F(LogSinceTest, WithoutALogTheTailTells) {
  tail_ = Position{7, 3};
  EXPECT_EQ(Since(absl::Hours(1) - absl::Seconds(4)), "7-3") << "what expired was older";
  EXPECT_EQ(Since(absl::Hours(1) - absl::Seconds(9)), "7-0");
}

TEST_F(LogReaderTest, AQuietChannelsPositionOutlivesTheRoundOfVerification) {
  Read({Ask::Kind::kTail, absl::nullopt, 0});
  ASSERT_THAT(redis_.next(), ElementsAre("SET", kTailKey, _, "NX", "GET", "PX", "75000"));
  redis_.Answer(Nil());
  EXPECT_THAT(redis_.next(), ElementsAre("PEXPIRE", kTailKey, "75000", "GT"));
}

TEST_F(LogReaderTest, AFreshPositionIsAboveTheReadersOwnButNotAboveAMadeUpOne) {
  const auto fresh = [this](Position after) {
    Read({Ask::Kind::kTailAndRange, after, 0});
    const absl::optional<Position> given = Position::Parse(redis_.next()[2]);
    redis_.Answer(Nil());
    redis_.Answer(Array({}));
    redis_.Answer(Integer(1));  // PEXPIRE
    return given.value_or(Position{});
  };
  const auto in = [this](absl::Duration time) {
    return static_cast<uint64_t>(absl::ToUnixMicros(clock_.Now() + time));
  };
  const uint64_t ahead = in(absl::Hours(1));
  EXPECT_GT(fresh({ahead, 3}).epoch, ahead);
  EXPECT_LE(fresh({ahead, 3}).epoch, ahead + limits::kEpochSalt);
  EXPECT_LE(fresh({in(absl::Hours(3)), 3}).epoch, in(absl::Seconds(2)));
  EXPECT_GE(fresh({5, 3}).epoch, in(absl::ZeroDuration()));
}

TEST_F(LogReaderTest, ARedisWithoutMemoryStillTellsATailThatIsThere) {
  Read({Ask::Kind::kTailAndRange, Position{7, 3}, 0});
  ASSERT_EQ(redis_.waiting(), 2u);
  redis_.Answer(ErrorReply("OOM command not allowed when used memory > 'maxmemory'."));
  redis_.Answer(Array({}));  // belongs to an attempt that is void
  EXPECT_THAT(redis_.next(), ElementsAre("GET", kTailKey));
  redis_.Answer(Text("7-3"));
  redis_.Answer(Array({}));
  ASSERT_EQ(pages_.size(), 1u);
  EXPECT_EQ(pages_[0]->tail->before, (Position{7, 3}));
}

TEST_F(LogReaderTest, WithoutMemoryAndTailItTriesAgain) {
  Read({Ask::Kind::kTail, absl::nullopt, 0});
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(redis_.next()[0], "SET");
    redis_.Answer(ErrorReply("OOM"));
    redis_.Answer(Nil());
    EXPECT_EQ(redis_.waiting(), 0u);
    executor_.Advance(limits::kReadRetryLast);
  }
  redis_.Answer(Nil());
  ASSERT_EQ(pages_.size(), 1u);
  EXPECT_FALSE(pages_[0]->tail->before.has_value());
}

TEST_F(LogReaderTest, WhatNoWaitingMendsIsSaid) {
  Read({Ask::Kind::kTailAndRange, Position{7, 3}, 0});
  redis_.Answer(Text("7-3"));
  redis_.Answer(ErrorReply("WRONGTYPE Operation against a key holding the wrong kind of value"));
  Read({Ask::Kind::kRange, Position{7, 3}, 0});
  redis_.Answer(Integer(1));  // PEXPIRE
  redis_.Answer(ErrorReply("NOPERM No permissions to access a key"));
  ASSERT_EQ(pages_.size(), 2u);
  EXPECT_EQ(pages_[0].status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(pages_[1].status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(reader_.waiting(), 0u);
}

TEST_F(LogReaderTest, RefusedReadsComeLessAndLessOften) {
  Read({Ask::Kind::kRange, Position{7, 3}, 0});
  int attempts = 0;
  for (absl::Duration spent; spent < absl::Minutes(1); spent += absl::Milliseconds(50)) {
    if (redis_.waiting() > 0) {
      ++attempts;
      redis_.Answer(ErrorReply("LOADING Redis is loading the dataset in memory"));
    }
    executor_.Advance(absl::Milliseconds(50));
  }
  EXPECT_GE(attempts, 30);
  EXPECT_LE(attempts, 70);
}

TEST_F(LogReaderTest, NothingIsReadForAnOwnerThatIsGone) {
  Read({Ask::Kind::kRange, Position{7, 3}, 0});
  redis_.Answer(absl::UnavailableError("connection lost"));
  owner_.reset();
  executor_.Advance(absl::Seconds(5));
  EXPECT_EQ(redis_.waiting(), 0u);
  EXPECT_EQ(reader_.waiting(), 0u);
  EXPECT_EQ(executor_.timers(), 0u);
}

TEST_F(LogReaderTest, EachFailedReadHasItsOwnTime) {
  Read({Ask::Kind::kRange, Position{7, 3}, 0});
  for (int i = 0; i < 5; ++i) {
    redis_.Answer(ErrorReply("LOADING"));
    executor_.Advance(limits::kReadRetryLast);
  }
  redis_.Answer(ErrorReply("LOADING"));  // waits for a second at least
  Read({Ask::Kind::kRange, Position{7, 9}, 0});
  redis_.Answer(absl::UnavailableError("connection lost"));
  executor_.Advance(limits::kReadRetryFirst);
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(redis_.next()[2], "7-9");
}

}  // namespace
}  // namespace spanwire::channel
