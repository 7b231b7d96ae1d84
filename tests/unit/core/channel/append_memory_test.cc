#include "core/channel/append_memory.h"

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

namespace spanwire::channel {
namespace {

using test::Nil;
using test::Text;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kA[] = "webgui:session:a";
constexpr char kB[] = "webgui:session:b";

std::shared_ptr<const Producer> Instance(std::string id, uint64_t epoch) {
  return std::make_shared<Producer>(Producer{std::move(id), epoch});
}

class AppendMemoryTest : public ::testing::Test {
 protected:
  // An event at 7-<sequence>.
  void Add(const std::shared_ptr<const Producer>& producer, uint64_t before, uint64_t sequence,
           bool transient = false) {
    memory_.Add(memory_.Of(kA), {producer,
                                 before,
                                 sequence,
                                 {7, sequence},
                                 transient ? nullptr : std::make_shared<const std::string>("event"),
                                 absl::ZeroDuration()});
  }
  // What is lost: "producer's epoch:sequence".
  std::vector<std::string> Lost(const std::vector<redis::Reply>& keys) {
    const AppendMemory::Log& log = *memory_.Of(kA);
    std::vector<std::string> lost;
    for (const AppendMemory::Entry* entry : FindLost(log, ProducersOf(log), keys))
      lost.push_back(absl::StrCat(entry->producer->epoch, ":", entry->sequence));
    return lost;
  }

  AppendMemory memory_;
  std::shared_ptr<const Producer> p_ = Instance("p", 100);
  std::shared_ptr<const Producer> q_ = Instance("q", 200);
};

TEST_F(AppendMemoryTest, WhatRedisHasReachedIsNotLost) {
  Add(p_, 0, 1);
  Add(q_, 4, 5);
  Add(p_, 1, 2);
  EXPECT_THAT(ProducersOf(*memory_.Of(kA)), ElementsAre("p", "q"));
  EXPECT_THAT(Lost({Text("100 2"), Text("200 9")}), IsEmpty());
  EXPECT_THAT(Lost({Text("100 1"), Text("200 4")}), ElementsAre("200:5", "100:2"));
  EXPECT_THAT(Lost({Nil(), Text("200 4")}), ElementsAre("100:1", "200:5", "100:2"));
}

TEST_F(AppendMemoryTest, NothingIsAppendedAgainBehindWhatIsMissing) {
  Add(p_, 2, 3);
  Add(p_, 3, 4);
  Add(p_, 6, 7);  // 5 and 6 went through another broker
  EXPECT_THAT(Lost({Text("100 1")}), IsEmpty()) << "its agent may send 2 again";
  EXPECT_THAT(Lost({Text("100 2")}), ElementsAre("100:3", "100:4"));
  EXPECT_THAT(Lost({Text("100 6")}), ElementsAre("100:7"));
  EXPECT_THAT(Lost({Nil()}), IsEmpty()) << "all is lost, and 1 may come yet";
}

TEST_F(AppendMemoryTest, TransientEventsAreNotMissing) {
  Add(p_, 0, 1);
  Add(p_, 1, 2, true);
  Add(p_, 2, 3);
  EXPECT_THAT(Lost({Text("100 1")}), ElementsAre("100:3"));
}

TEST_F(AppendMemoryTest, ANewerInstanceHasTheChannel) {
  Add(p_, 0, 1);
  EXPECT_THAT(Lost({Text("101 1")}), IsEmpty());
  Add(Instance("p", 102), 0, 4);
  EXPECT_THAT(Lost({Text("101 1")}), ElementsAre("102:4"));
  EXPECT_THAT(Lost({Nil()}), ElementsAre("100:1", "102:4"));
}

TEST_F(AppendMemoryTest, ACopySaysWhereTheEventWasAlsoWhenItIsCopiedAgain) {
  v1::Event event;
  event.mutable_log_line()->set_text("text");
  AppendMemory::Entry entry{
      p_, 0, 1, {7, 3}, std::make_shared<const std::string>(event.SerializeAsString()), {}};
  EXPECT_FALSE(IsCopy(*entry.event));
  entry.event = CopyOf(entry);
  EXPECT_TRUE(IsCopy(*entry.event));
  entry.position = {8, 1};
  v1::Event copy;
  ASSERT_TRUE(copy.ParseFromString(*CopyOf(entry)));
  EXPECT_EQ(copy.was(), "7-3");
  EXPECT_EQ(copy.log_line().text(), "text");
}

TEST_F(AppendMemoryTest, TheOldestIsForgottenFirst) {
  const auto add = [&](absl::string_view channel, uint64_t sequence, absl::Duration since) {
    memory_.Add(memory_.Of(channel), {p_,
                                      sequence - 1,
                                      sequence,
                                      {7, sequence},
                                      std::make_shared<const std::string>(limits::kEventBytes, 'e'),
                                      since});
  };
  add(kA, 1, absl::ZeroDuration());
  add(kB, 2, absl::Seconds(1));
  memory_.Prune(limits::kRememberedFor);
  EXPECT_EQ(memory_.logs().size(), 2u);
  memory_.Prune(limits::kRememberedFor + absl::Milliseconds(1));
  EXPECT_EQ(memory_.logs().size(), 1u);
  EXPECT_TRUE(memory_.logs().contains(kB));
  for (uint64_t sequence = 3; sequence < 100; ++sequence) add(kA, sequence, absl::Seconds(2));
  EXPECT_FALSE(memory_.logs().contains(kB));
  EXPECT_LE(memory_.bytes(), limits::kRememberedBytes);
  EXPECT_GT(memory_.bytes(), limits::kRememberedBytes - 2 * limits::kEventBytes);
  EXPECT_EQ(memory_.Of(kA)->entries.back().sequence, 99u);
}

TEST_F(AppendMemoryTest, TheOldestChannelsAreForgottenFirst) {
  const auto name = [](size_t number) { return absl::StrCat("webgui:session:", number); };
  for (size_t i = 0; i <= limits::kRememberedChannels; ++i)
    memory_.Add(memory_.Of(name(i)), {p_, 0, 1, {7, 1}, nullptr, absl::ZeroDuration()});
  EXPECT_EQ(memory_.logs().size(), limits::kRememberedChannels);
  EXPECT_FALSE(memory_.logs().contains(name(0)));
  EXPECT_TRUE(memory_.logs().contains(name(limits::kRememberedChannels)));
}

}  // namespace
}  // namespace spanwire::channel
