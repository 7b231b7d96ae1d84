#include "core/base/repeat_limiter.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"

namespace spanwire::base {
namespace {

constexpr absl::Duration kStart = absl::Seconds(100);

TEST(RepeatLimiter, WritesTenInTenSecondsAndCountsTheRest) {
  RepeatLimiter limiter;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limiter.Admit("m", LogLevel::kInfo, kStart));
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(limiter.Admit("m", LogLevel::kWarning, kStart + absl::Seconds(9)));
  }
  EXPECT_TRUE(limiter.Expire(kStart + absl::Seconds(9)).empty());
  const auto suppressed = limiter.Expire(kStart + absl::Seconds(10));
  ASSERT_EQ(suppressed.size(), 1);
  EXPECT_EQ(suppressed[0].message, "m");
  EXPECT_EQ(suppressed[0].level, LogLevel::kWarning);
  EXPECT_EQ(suppressed[0].count, 5);
  EXPECT_TRUE(limiter.Expire(kStart + absl::Seconds(10)).empty());
  EXPECT_TRUE(limiter.Admit("m", LogLevel::kInfo, kStart + absl::Seconds(10)));
}

TEST(RepeatLimiter, CountsEachMessageByItself) {
  RepeatLimiter limiter;
  for (int i = 0; i < 11; ++i) limiter.Admit("a", LogLevel::kInfo, kStart);
  EXPECT_TRUE(limiter.Admit("b", LogLevel::kInfo, kStart));
  EXPECT_FALSE(limiter.Admit("a", LogLevel::kInfo, kStart));
}

TEST(RepeatLimiter, SaysNothingOfWhatWasNotSuppressed) {
  RepeatLimiter limiter;
  for (int i = 0; i < 10; ++i) limiter.Admit("a", LogLevel::kInfo, kStart);
  EXPECT_TRUE(limiter.Expire(kStart + absl::Seconds(11)).empty());
}

TEST(RepeatLimiter, EndsEachWindowAtItsOwnTime) {
  RepeatLimiter limiter;
  for (int i = 0; i < 11; ++i) limiter.Admit("a", LogLevel::kInfo, kStart);
  for (int i = 0; i < 12; ++i) limiter.Admit("b", LogLevel::kInfo, kStart + absl::Seconds(5));
  EXPECT_EQ(limiter.Expire(kStart + absl::Seconds(12)).size(), 1);
  const auto later = limiter.Expire(kStart + absl::Seconds(15));
  ASSERT_EQ(later.size(), 1);
  EXPECT_EQ(later[0].count, 2);
}

TEST(RepeatLimiter, LetsMessagesBeyondItsTableThroughInsteadOfGrowing) {
  RepeatLimiter limiter;
  for (size_t i = 0; i < limits::kLogMessages; ++i) {
    limiter.Admit(absl::StrCat("m", i), LogLevel::kInfo, kStart);
  }
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(limiter.Admit("one more", LogLevel::kInfo, kStart));
  limiter.Expire(kStart + absl::Seconds(10));
  for (int i = 0; i < 10; ++i)
    limiter.Admit("one more", LogLevel::kInfo, kStart + absl::Seconds(10));
  EXPECT_FALSE(limiter.Admit("one more", LogLevel::kInfo, kStart + absl::Seconds(10)));
}

}  // namespace
}  // namespace spanwire::base
