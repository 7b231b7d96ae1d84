#include "bridge/page_server.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace spanwire::bridge {
namespace {

using channel::Ask;
using channel::LogEntry;
using channel::LogPage;
using channel::Position;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PageServerTest : public ::testing::Test {
 protected:
  void Want(std::string who, Ask ask) {
    server_.Ask({0, ++last_reader_}, ask, [this, who = std::move(who)](FramePage page) {
      std::string what = who;
      for (const FrameEntry& row : page.rows) absl::StrAppend(&what, " ", row.position.ToString());
      if (page.full) what += " …";
      if (page.tail) absl::StrAppend(&what, " tail ", page.tail->now.ToString());
      answers_.push_back(what);
    });
  }
  static Ask After(uint64_t seq) { return {Ask::Kind::kRange, Position{7, seq}, 0}; }
  std::vector<std::string> Answer(std::vector<uint64_t> seqs, bool full = false) {
    LogPage page;
    for (const uint64_t seq : seqs)
      page.rows.push_back(LogEntry{Position{7, seq}, absl::nullopt, "e"});
    page.full = full;
    PageServer::OnLogPage callback = std::move(callback_);
    asked_.clear();
    callback(std::move(page));
    return std::exchange(answers_, {});
  }

  std::vector<std::string> asked_;  // at most one: reads are single-flight
  PageServer::OnLogPage callback_;
  std::vector<std::string> answers_;
  int rendered_ = 0;
  uint64_t last_reader_ = 0;
  size_t total_ = 0;
  std::vector<std::string> told_;
  PageServer server_{
      [this](const Ask& ask, PageServer::OnLogPage callback) {
        asked_.push_back(ask.after ? ask.after->ToString() : absl::StrCat("last ", ask.count));
        callback_ = std::move(callback);
      },
      [this](LogPage page, const Ask& ask, PageServer::Told told) {
        told_.push_back(told(ask.after.value_or(page.rows.empty() ? Position{}
                                                                  : page.rows[0].position.Before()))
                            .ToString());
        FramePage frames;
        frames.full = page.full;
        frames.tail = page.tail;
        for (const LogEntry& row : page.rows) {
          ++rendered_;
          frames.rows.push_back({row.position, row.prev, Frame::Make("{}")});
        }
        return frames;
      },
      &total_};
};

TEST_F(PageServerTest, OneReadFromTheLowestPositionServesAllThatLieWithin) {
  Want("first", After(5));
  Want("a", After(9));
  Want("b", After(3));
  Want("c", After(7));
  EXPECT_THAT(asked_, ElementsAre("7-5"));
  EXPECT_THAT(Answer({5, 6}), ElementsAre("first 7-5 7-6"));
  EXPECT_THAT(asked_, ElementsAre("7-3"));
  EXPECT_THAT(Answer({3, 4, 5, 6, 7, 8}, true),
              ElementsAre("b 7-3 7-4 7-5 7-6 7-7 7-8 …", "c 7-7 7-8 …"));
  EXPECT_THAT(asked_, ElementsAre("7-9")) << "who stands behind the page has the next one";
  EXPECT_THAT(Answer({9}), ElementsAre("a 7-9"));
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(PageServerTest, TheLogsEndServesEverybody) {
  Want("first", After(1));
  Want("a", After(9));
  Want("b", After(3));
  Answer({1});
  EXPECT_THAT(Answer({}), ElementsAre("a", "b"));
}

TEST_F(PageServerTest, ManyAtOnePlaceCostOneReadAndOneRendering) {
  for (int i = 0; i < 100; ++i) Want("x", After(1));
  EXPECT_EQ(Answer({1, 2}).size(), 1u);
  EXPECT_EQ(Answer({1, 2}).size(), 99u);
  EXPECT_EQ(rendered_, 4);
}

TEST_F(PageServerTest, DifferentQuestionsAreNotMixed) {
  Want("first", After(1));
  Want("last", {Ask::Kind::kLast, absl::nullopt, 2});
  Want("last", {Ask::Kind::kLast, absl::nullopt, 2});
  Want("more", {Ask::Kind::kLast, absl::nullopt, 3});
  Want("start", {Ask::Kind::kRange, absl::nullopt, 0});
  Want("range", After(2));
  Answer({1});
  EXPECT_THAT(Answer({1, 2, 3, 4}), ElementsAre("start 7-1 7-2 7-3 7-4", "range 7-2 7-3 7-4"));
  EXPECT_THAT(asked_, ElementsAre("last 2"));
  EXPECT_THAT(Answer({3, 4}), ElementsAre("last 7-3 7-4", "last 7-3 7-4"));
  EXPECT_THAT(Answer({2, 3, 4}), ElementsAre("more 7-2 7-3 7-4"));
}

TEST_F(PageServerTest, APageIsRenderedForWhoWasToldLeastOfThoseWithinIt) {
  Want("first", After(1));
  Want("a", {Ask::Kind::kRange, Position{7, 5}, 0, Position{7, 5}});
  Want("b", {Ask::Kind::kRange, Position{7, 8}, 0, Position{7, 3}});
  Want("start", {Ask::Kind::kRange, absl::nullopt, 0});
  Answer({1});
  EXPECT_THAT(Answer({7, 8, 9}), ElementsAre("a 7-7 7-8 7-9", "b 7-8 7-9", "start 7-7 7-8 7-9"));
  EXPECT_THAT(told_, ElementsAre("7-1", "7-3")) << "those who stand before the row do not count";
}

TEST_F(PageServerTest, WhoLeftIsForgotten) {
  Want("first", After(1));
  Want("a", After(2));
  Want("b", After(2));
  server_.Cancel({0, 1});
  server_.Cancel({0, 3});
  server_.Cancel({1, 2});  // another loop's
  EXPECT_EQ(total_, 1u);
  EXPECT_THAT(Answer({1, 2}), IsEmpty());
  EXPECT_EQ(rendered_, 0) << "nobody wants it";
  EXPECT_THAT(asked_, ElementsAre("7-2"));
  server_.Cancel({0, 3});
  EXPECT_THAT(Answer({2}), ElementsAre("a 7-2"));
  EXPECT_EQ(total_, 0u);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(PageServerTest, WhoComesLaterDoesNotDelayThoseWhoWait) {
  Want("first", After(50));
  Want("high", After(40));
  Want("high", After(41));
  Answer({50});
  Want("low", After(1));
  EXPECT_THAT(Answer({40}, true), ElementsAre("high 7-40 …"));
  EXPECT_THAT(asked_, ElementsAre("7-41"));
  Answer({41});
  EXPECT_THAT(asked_, ElementsAre("7-1"));
}

}  // namespace
}  // namespace spanwire::bridge
