#include "core/base/loop.h"

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

namespace spanwire::base {
namespace {

using ::testing::ElementsAre;

TEST(Loop, RunsPostedTasksInOrderOnItsOwnThread) {
  Loop loop("test");
  std::vector<int> ran;
  EXPECT_FALSE(loop.InThisThread());
  for (int i = 0; i < 3; ++i) loop.Post([&, i] { ran.push_back(loop.InThisThread() ? i : -1); });
  std::promise<void> done;
  loop.Post([&] { done.set_value(); });
  loop.Start();
  done.get_future().wait();
  loop.Stop();
  loop.Join();
  EXPECT_THAT(ran, ElementsAre(0, 1, 2));
}

TEST(Loop, NamesItsThread) {
  Loop loop("spanwire-feed");
  std::promise<std::string> name;
  loop.Post([&] {
    std::array<char, 16> text = {};
    pthread_getname_np(pthread_self(), text.data(), text.size());
    name.set_value(text.data());
  });
  loop.Start();
  EXPECT_EQ(name.get_future().get(), "spanwire-feed");
}

TEST(Loop, RunsTimersInTheOrderOfTheirTimesAndNotBefore) {
  Loop loop("test");
  std::vector<int> ran;
  const absl::Duration start = loop.Uptime();
  absl::Duration waited;
  const auto later = loop.After(absl::Milliseconds(40), [&] {
    ran.push_back(2);
    waited = loop.Uptime() - start;
    loop.Stop();
  });
  const auto sooner = loop.After(absl::Milliseconds(5), [&] { ran.push_back(1); });
  EXPECT_TRUE(ran.empty());
  loop.Run();
  EXPECT_THAT(ran, ElementsAre(1, 2));
  EXPECT_GE(waited, absl::Milliseconds(40));
}

TEST(Loop, ACancelledTimerNeverRunsEvenWhenItWasDue) {
  Loop loop("test");
  bool ran = false;
  Executor::Timer second;
  // Both are due when the loop starts: the first one cancels the second after Asio has queued it.
  const auto first = loop.After(absl::ZeroDuration(), [&] { second.reset(); });
  second = loop.After(absl::ZeroDuration(), [&] { ran = true; });
  const auto end = loop.After(absl::Milliseconds(20), [&] { loop.Stop(); });
  loop.Run();
  EXPECT_FALSE(ran);
}

TEST(Loop, ATimersTaskMayDestroyItsOwnHandleAndAskForTheNext) {
  Loop loop("test");
  Executor::Timer timer;
  int ran = 0;
  std::function<void()> tick = [&] {
    timer.reset();
    if (++ran == 3) return loop.Stop();
    timer = loop.After(absl::Milliseconds(1), [&] { tick(); });
  };
  timer = loop.After(absl::Milliseconds(1), [&] { tick(); });
  loop.Run();
  EXPECT_EQ(ran, 3);
}

TEST(Loop, AnInfiniteDelayNeverComes) {
  Loop loop("test");
  bool ran = false;
  const auto never = loop.After(absl::InfiniteDuration(), [&] { ran = true; });
  const auto end = loop.After(absl::Milliseconds(5), [&] { loop.Stop(); });
  loop.Run();
  EXPECT_FALSE(ran);
}

TEST(Loop, TasksThatNeverRanAreDestroyedWithTheLoop) {
  auto held = std::make_shared<int>(1);
  {
    Loop loop("test");
    loop.Post([held] {});
    const auto timer = loop.After(absl::Hours(1), [held] {});
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Loop, TakesTasksFromManyThreads) {
  Loop loop("test");
  loop.Start();
  int ran = 0;  // the loop's own
  std::promise<void> done;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        loop.Post([&] {
          if (++ran == 4000) done.set_value();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done.get_future().wait();
  loop.Stop();
  loop.Join();
  EXPECT_EQ(ran, 4000);
}

}  // namespace
}  // namespace spanwire::base
