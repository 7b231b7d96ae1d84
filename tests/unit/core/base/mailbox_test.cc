#include "core/base/mailbox.h"

#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/types/optional.h"
#include "core/base/loop.h"
#include "tests/support/fake_executor.h"

namespace spanwire::base {
namespace {

using ::testing::ElementsAre;

TEST(Mailbox, DeliversAllThatGatheredAtOnceAndWakesTheOwnerOnce) {
  test::FakeExecutor executor;
  std::vector<std::vector<int>> batches;
  Mailbox<int> mailbox(&executor, [&](std::vector<int>&& batch) { batches.push_back(batch); });
  for (int i = 1; i <= 3; ++i) mailbox.Post(i);
  EXPECT_EQ(executor.posted(), 1);
  EXPECT_TRUE(batches.empty());
  executor.RunPosted();
  mailbox.Post(4);
  executor.RunPosted();
  EXPECT_THAT(batches, ElementsAre(ElementsAre(1, 2, 3), ElementsAre(4)));
}

TEST(Mailbox, WhatTheHandlerPostsComesWithTheNextBatch) {
  test::FakeExecutor executor;
  std::vector<int> got;
  absl::optional<Mailbox<int>> mailbox;
  mailbox.emplace(&executor, [&](std::vector<int>&& batch) {
    got.insert(got.end(), batch.begin(), batch.end());
    if (batch.back() < 3) mailbox->Post(batch.back() + 1);
  });
  mailbox->Post(1);
  executor.RunPosted();
  EXPECT_THAT(got, ElementsAre(1, 2, 3));
}

TEST(Mailbox, TakesWhatCanOnlyBeMoved) {
  test::FakeExecutor executor;
  int got = 0;
  Mailbox<std::unique_ptr<int>> mailbox(
      &executor, [&](std::vector<std::unique_ptr<int>>&& batch) { got = *batch.at(0); });
  mailbox.Post(std::make_unique<int>(7));
  executor.RunPosted();
  EXPECT_EQ(got, 7);
}

TEST(Mailbox, NothingIsDeliveredAfterClose) {
  test::FakeExecutor executor;
  int calls = 0;
  Mailbox<int> mailbox(&executor, [&](std::vector<int>&&) { ++calls; });
  mailbox.Post(1);
  mailbox.Close();
  mailbox.Post(2);
  executor.RunPosted();
  EXPECT_EQ(calls, 0);
}

TEST(Mailbox, MayGoWhileADeliveryIsUnderWay) {
  test::FakeExecutor executor;
  int calls = 0;
  auto mailbox = std::make_unique<Mailbox<int>>(&executor, [&](std::vector<int>&&) { ++calls; });
  mailbox->Post(1);
  mailbox.reset();
  executor.RunPosted();
  EXPECT_EQ(calls, 0);
}

TEST(Mailbox, TheHandlerMayDestroyItsOwnMailbox) {
  test::FakeExecutor executor;
  std::unique_ptr<Mailbox<int>> mailbox;
  auto held = std::make_shared<int>(0);  // of the handler's: must outlive its call
  mailbox = std::make_unique<Mailbox<int>>(&executor, [&, held](std::vector<int>&& batch) {
    mailbox.reset();
    *held += batch.at(0);
  });
  mailbox->Post(5);
  executor.RunPosted();
  EXPECT_EQ(*held, 5);
}

TEST(Mailbox, OverItsBoundItRefusesUntilItIsEmptied) {
  test::FakeExecutor executor;
  std::vector<std::string> got;
  Mailbox<int> mailbox(
      &executor,
      [&](std::vector<int>&& batch) {
        for (int item : batch) got.push_back(std::to_string(item));
      },
      [&] { got.push_back("overflow"); }, {3, 100});
  EXPECT_TRUE(mailbox.Post(1));
  EXPECT_TRUE(mailbox.Post(2));
  EXPECT_TRUE(mailbox.Post(3));
  EXPECT_FALSE(mailbox.Post(4));
  mailbox.PostAnyway(5);
  executor.RunPosted();
  EXPECT_THAT(got, ElementsAre("1", "2", "3", "5", "overflow"));
  got.clear();
  EXPECT_TRUE(mailbox.Post(6));
  executor.RunPosted();
  EXPECT_THAT(got, ElementsAre("6"));
}

TEST(Mailbox, BytesAreBoundedTooAndAHoleIsNeverFollowedByMore) {
  test::FakeExecutor executor;
  std::vector<int> got;
  int overflows = 0;
  Mailbox<int> mailbox(
      &executor,
      [&](std::vector<int>&& batch) { got.insert(got.end(), batch.begin(), batch.end()); },
      [&] { ++overflows; }, {1'000, 100});
  EXPECT_TRUE(mailbox.Post(1, 500)) << "one always fits";
  EXPECT_FALSE(mailbox.Post(2, 1));
  EXPECT_FALSE(mailbox.Post(3, 0)) << "small enough, but behind one that was refused";
  executor.RunPosted();
  EXPECT_TRUE(mailbox.Post(4, 50));
  EXPECT_TRUE(mailbox.Post(5, 50));
  EXPECT_FALSE(mailbox.Post(6, 1));
  executor.RunPosted();
  EXPECT_THAT(got, ElementsAre(1, 4, 5));
  EXPECT_EQ(overflows, 2);
}

TEST(Mailbox, KeepsTheOrderOfEachThreadAndLosesNothing) {
  constexpr int kThreads = 4;
  constexpr int kItems = 5'000;
  Loop loop("test");
  std::map<int, int> last;
  int total = 0;
  bool in_order = true;
  std::promise<void> done;
  Mailbox<std::pair<int, int>> mailbox(&loop, [&](std::vector<std::pair<int, int>>&& batch) {
    for (const auto& item : batch) {
      in_order = in_order && ++last[item.first] == item.second;
      if (++total == kThreads * kItems) done.set_value();
    }
  });
  loop.Start();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&mailbox, t] {
      for (int i = 1; i <= kItems; ++i) mailbox.Post({t, i});
    });
  }
  for (std::thread& thread : threads) thread.join();
  done.get_future().wait();
  loop.Stop();
  loop.Join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(total, kThreads * kItems);
}

}  // namespace
}  // namespace spanwire::base
