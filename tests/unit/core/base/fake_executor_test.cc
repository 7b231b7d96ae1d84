#include "tests/support/fake_executor.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace spanwire::test {
namespace {

using ::testing::ElementsAre;

TEST(FakeExecutor, RunsTimersInTheOrderOfTheirTimesEachAtItsMoment) {
  FakeExecutor executor;
  const absl::Duration start = executor.Uptime();
  std::vector<std::string> ran;
  const auto note = [&](const char* name) {
    return [&ran, &executor, start, name] {
      ran.push_back(absl::StrCat(name, "@", absl::FormatDuration(executor.Uptime() - start)));
    };
  };
  const auto b = executor.After(absl::Seconds(2), note("b"));
  const auto a = executor.After(absl::Seconds(1), note("a"));
  const auto c = executor.After(absl::Seconds(2), note("c"));
  const auto d = executor.After(absl::Seconds(4), note("d"));
  executor.Advance(absl::Seconds(3));
  EXPECT_THAT(ran, ElementsAre("a@1s", "b@2s", "c@2s"));
  EXPECT_EQ(executor.Uptime() - start, absl::Seconds(3));
  EXPECT_EQ(executor.timers(), 1);
}

TEST(FakeExecutor, RunsWhatATimerPostsBeforeTheNextTimer) {
  FakeExecutor executor;
  std::vector<int> ran;
  const auto first = executor.After(absl::Seconds(1), [&] {
    executor.Post([&] { ran.push_back(2); });
    ran.push_back(1);
  });
  const auto second = executor.After(absl::Seconds(1), [&] { ran.push_back(3); });
  executor.Advance(absl::Seconds(1));
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST(FakeExecutor, ATimerWhoseHandleIsGoneNeverRuns) {
  FakeExecutor executor;
  bool ran = false;
  auto timer = executor.After(absl::Seconds(1), [&] { ran = true; });
  timer.reset();
  executor.Advance(absl::Seconds(2));
  EXPECT_FALSE(ran);
}

TEST(FakeExecutor, ATaskMayDestroyItsOwnHandleAndOutliveTheExecutor) {
  base::Executor::Timer timer;
  {
    FakeExecutor executor;
    timer = executor.After(absl::ZeroDuration(), [&] { timer.reset(); });
    executor.Advance(absl::ZeroDuration());
    EXPECT_EQ(timer, nullptr);
    timer = executor.After(absl::Seconds(1), [] {});
  }
  timer.reset();
}

TEST(FakeExecutor, AJumpOfTheWallClockMovesNoTimer) {
  FakeExecutor executor;
  const absl::Time start = executor.Now();
  bool ran = false;
  const auto timer = executor.After(absl::Seconds(10), [&] { ran = true; });
  executor.JumpWallClock(absl::Hours(-1));
  executor.Advance(absl::Seconds(9));
  EXPECT_FALSE(ran);
  executor.Advance(absl::Seconds(1));
  EXPECT_TRUE(ran);
  EXPECT_EQ(executor.Now(), start - absl::Hours(1) + absl::Seconds(10));
}

TEST(FakeExecutor, AdvancesToTheNextTimerOnly) {
  FakeExecutor executor;
  int ran = 0;
  const auto first = executor.After(absl::Seconds(5), [&] { ++ran; });
  const auto second = executor.After(absl::Seconds(6), [&] { ++ran; });
  EXPECT_FALSE(executor.AdvanceToNext(absl::Seconds(4)));
  EXPECT_TRUE(executor.AdvanceToNext());
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace spanwire::test
