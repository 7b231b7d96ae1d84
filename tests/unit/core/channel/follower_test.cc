#include "core/channel/follower.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace spanwire::channel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Item = Entry<std::string>;

Item At(uint64_t epoch, uint64_t seq, absl::optional<Position> prev = absl::nullopt) {
  return {Position{epoch, seq}, prev, absl::StrCat("event ", epoch, "-", seq)};
}

// Writes down what a follower says, one word an action.
class Recorder final : public Follower<std::string>::Owner {
 public:
  void OnAsk(const Ask& ask) override {
    static const char* const kNames[] = {"tail?", "range?", "tail+range?", "last?", "since?"};
    std::string what = kNames[static_cast<int>(ask.kind)];
    if (ask.after) absl::StrAppend(&what, ask.after->ToString());
    if (ask.count > 0) absl::StrAppend(&what, ask.count);
    said_.push_back(what);
  }
  void OnStart(Position position) override { said_.push_back("start " + position.ToString()); }
  void OnEntry(Item& entry) override { said_.push_back(entry.position.ToString()); }
  void OnGap(const Gap& gap) override {
    said_.push_back(absl::StrCat("gap ", gap.after.ToString(), "..", gap.position.ToString(), " ",
                                 GapReasonName(gap.reason)));
  }
  void OnLive() override { said_.push_back("live"); }

  // What was said since the last call.
  std::vector<std::string> Said() { return std::exchange(said_, {}); }

 private:
  std::vector<std::string> said_;
};

class FollowerTest : public ::testing::Test {
 protected:
  void StartAt(Position position) {
    follower_.StartLive(position);
    recorder_.Said();
  }
  std::vector<std::string> Page(std::vector<Item> rows, bool full = false) {
    channel::Page<std::string> page;
    page.rows = std::move(rows);
    page.full = full;
    follower_.OnPage(std::move(page));
    return recorder_.Said();
  }
  std::vector<std::string> PageWithTail(std::vector<Item> rows, absl::optional<Position> before,
                                        Position now) {
    channel::Page<std::string> page;
    page.rows = std::move(rows);
    page.tail = Tail{before, now};
    follower_.OnPage(std::move(page));
    return recorder_.Said();
  }
  std::vector<std::string> Offer(Item item) {
    follower_.Offer(std::move(item));
    return recorder_.Said();
  }

  Recorder recorder_;
  Follower<std::string> follower_{&recorder_, 4};
};

TEST_F(FollowerTest, GivesOnWhatFollows) {
  StartAt({7, 0});
  EXPECT_THAT(Offer(At(7, 1, Position{7, 0})), ElementsAre("7-1"));
  EXPECT_THAT(Offer(At(7, 2)), ElementsAre("7-2"));
  EXPECT_THAT(Offer(At(8, 1, Position{7, 2})), ElementsAre("8-1"));
}

TEST_F(FollowerTest, DropsWhatItHasSeen) {
  StartAt({7, 5});
  EXPECT_THAT(Offer(At(7, 5)), IsEmpty());
  EXPECT_THAT(Offer(At(7, 1, Position{6, 1})), IsEmpty());
}

TEST_F(FollowerTest, FillsAHoleFromTheLogAndThenGoesOnLive) {
  StartAt({7, 1});
  EXPECT_THAT(Offer(At(7, 4)), ElementsAre("range?7-1"));
  EXPECT_THAT(Offer(At(7, 5)), IsEmpty());
  EXPECT_THAT(Page({At(7, 1), At(7, 2), At(7, 3), At(7, 4)}),
              ElementsAre("7-2", "7-3", "7-4", "7-5", "live"));
}

TEST_F(FollowerTest, WhatWasReceivedBeforeTheReadIsNotGivenOnAgain) {
  StartAt({7, 1});
  Offer(At(9, 1, Position{8, 3}));  // of a lineage that a failover took away
  EXPECT_THAT(Page({At(7, 1)}), ElementsAre("live"));
  EXPECT_EQ(follower_.last(), (Position{7, 1}));
}

TEST_F(FollowerTest, SinceATimeItBeginsWhereTheLogSaysAndReadsOn) {
  follower_.StartSince(absl::UnixEpoch());
  EXPECT_THAT(recorder_.Said(), ElementsAre("since?"));
  EXPECT_THAT(Offer(At(7, 4)), IsEmpty());
  channel::Page<std::string> page;
  page.start = Position{7, 0};
  follower_.OnPage(std::move(page));
  EXPECT_THAT(recorder_.Said(), ElementsAre("start 7-0", "range?7-0"));
  EXPECT_THAT(Offer(At(7, 5)), IsEmpty());
  EXPECT_THAT(Page({At(7, 3), At(7, 4)}),
              ElementsAre("gap 7-0..7-2 trimmed", "7-3", "7-4", "7-5", "live"));
}

TEST_F(FollowerTest, ReadsPageByPage) {
  follower_.StartAfter({7, 1});
  EXPECT_THAT(recorder_.Said(), ElementsAre("range?7-1"));
  EXPECT_THAT(Page({At(7, 1), At(7, 2)}, true), ElementsAre("7-2", "range?7-2"));
  EXPECT_THAT(Page({At(7, 2), At(7, 3)}, true), ElementsAre("7-3", "range?7-3"));
  EXPECT_THAT(Page({At(7, 3)}), ElementsAre("live"));
}

TEST_F(FollowerTest, AFullQueueIsDroppedAndTheReadRepeated) {
  StartAt({7, 1});
  Offer(At(7, 3));
  for (uint64_t seq = 4; seq <= 9; ++seq) EXPECT_THAT(Offer(At(7, seq)), IsEmpty());
  EXPECT_THAT(Page({At(7, 1), At(7, 2), At(7, 3)}), ElementsAre("7-2", "7-3", "range?7-3"));
  EXPECT_THAT(Page({At(7, 3), At(7, 4), At(7, 5), At(7, 6), At(7, 7), At(7, 8), At(7, 9)}),
              ElementsAre("7-4", "7-5", "7-6", "7-7", "7-8", "7-9", "live"));
}

TEST_F(FollowerTest, VerifyDuringAReadRepeatsIt) {
  StartAt({7, 1});
  follower_.Verify();
  follower_.Verify();
  EXPECT_THAT(recorder_.Said(), ElementsAre("range?7-1"));
  EXPECT_THAT(Page({At(7, 1)}), ElementsAre("range?7-1"));
  EXPECT_THAT(Page({At(7, 1)}), ElementsAre("live"));
}

TEST_F(FollowerTest, AnEmptyLogIsJudgedByTheTailReadBeforeIt) {
  struct Case {
    absl::optional<Position> before;
    Position now;
    std::vector<std::string> said;
  };
  for (const Case& c :
       std::vector<Case>{{Position{7, 3}, {7, 3}, {"live"}},
                         {absl::nullopt, {9, 0}, {"gap 7-3..9-0 lost", "live"}},
                         {Position{9, 0}, {9, 0}, {"gap 7-3..9-0 lost", "live"}},
                         {Position{7, 2}, {7, 2}, {"gap 7-3..7-2 rollback", "live"}},
                         {Position{7, 8}, {7, 8}, {"gap 7-3..7-8 trimmed", "live"}},
                         {Position{8, 2}, {8, 2}, {"gap 7-3..8-2 trimmed", "live"}}}) {
    Follower<std::string> follower(&recorder_, 4);
    follower.StartAfter({7, 3});
    follower.OnPage({});
    EXPECT_THAT(recorder_.Said(), ElementsAre("range?7-3", "tail+range?7-3"));
    follower.OnPage({{}, false, Tail{c.before, c.now}});
    EXPECT_EQ(recorder_.Said(), c.said);
    EXPECT_EQ(follower.last(), c.now);
  }
}

TEST_F(FollowerTest, ARowThatDoesNotFollowIsJudged) {
  struct Case {
    Item row;
    const char* gap;
  };
  for (const Case& c : std::vector<Case>{{At(7, 9), "gap 7-3..7-8 trimmed"},
                                         {At(9, 1, Position{8, 0}), "gap 7-3..9-0 lost"},
                                         {At(9, 1), "gap 7-3..9-0 lost"},
                                         {At(9, 1, Position{7, 2}), "gap 7-3..9-0 rollback"},
                                         {At(9, 1, Position{7, 5}), "gap 7-3..9-0 trimmed"},
                                         {At(9, 4), "gap 7-3..9-3 trimmed"}}) {
    Follower<std::string> follower(&recorder_, 4);
    follower.StartAfter({7, 3});
    recorder_.Said();
    follower.OnPage({{c.row}, false, absl::nullopt});
    EXPECT_THAT(recorder_.Said(), ElementsAre(c.gap, c.row.position.ToString(), "live"));
  }
}

TEST_F(FollowerTest, RowsThatAnOperatorDeletedAreAGapToo) {
  follower_.StartAfter({7, 1});
  recorder_.Said();
  EXPECT_THAT(Page({At(7, 1), At(7, 2), At(7, 5)}),
              ElementsAre("7-2", "gap 7-2..7-4 trimmed", "7-5", "live"));
}

TEST_F(FollowerTest, AFeedStartsAtTheTailAndJudgesWhatCameMeanwhile) {
  follower_.StartAtTail();
  EXPECT_THAT(recorder_.Said(), ElementsAre("tail?"));
  EXPECT_THAT(Offer(At(7, 3)), IsEmpty());
  EXPECT_THAT(Offer(At(7, 4)), IsEmpty());
  EXPECT_THAT(PageWithTail({}, Position{7, 3}, {7, 3}), ElementsAre("start 7-3", "7-4", "live"));
}

TEST_F(FollowerTest, AChannelWithoutATailIsGivenOne) {
  follower_.StartAtTail();
  recorder_.Said();
  EXPECT_THAT(PageWithTail({}, absl::nullopt, {9, 0}), ElementsAre("start 9-0", "live"));
  EXPECT_THAT(Offer(At(11, 1, Position{9, 0})), ElementsAre("11-1"));
}

TEST_F(FollowerTest, FromStartBeginsBeforeTheOldestRowWithoutAVerdict) {
  follower_.StartAtOldest();
  EXPECT_THAT(recorder_.Said(), ElementsAre("range?"));
  EXPECT_THAT(Page({At(7, 41), At(7, 42)}), ElementsAre("start 7-40", "7-41", "7-42", "live"));
}

TEST_F(FollowerTest, FromStartOfAnEmptyLogBeginsAtTheTail) {
  follower_.StartAtOldest();
  Page({});
  EXPECT_THAT(PageWithTail({}, absl::nullopt, {9, 0}), ElementsAre("start 9-0", "live"));
}

TEST_F(FollowerTest, TheLastNAreFollowedByWhatCameSince) {
  follower_.StartAtLast(2);
  EXPECT_THAT(recorder_.Said(), ElementsAre("last?2"));
  EXPECT_THAT(Page({At(7, 41), At(7, 42)}),
              ElementsAre("start 7-40", "7-41", "7-42", "range?7-42"));
  EXPECT_THAT(Page({At(7, 42), At(7, 43)}), ElementsAre("7-43", "live"));
}

TEST_F(FollowerTest, ASourcesGapIsPassedOnToWhoStandsWhereItBegins) {
  StartAt({7, 3});
  follower_.OfferGap({{7, 3}, {9, 0}, GapReason::kLost});
  EXPECT_THAT(recorder_.Said(), ElementsAre("gap 7-3..9-0 lost"));
  follower_.OfferGap({{7, 3}, {9, 5}, GapReason::kTrimmed});
  EXPECT_THAT(recorder_.Said(), ElementsAre("range?9-0"));
}

}  // namespace
}  // namespace spanwire::channel
