#include "core/base/backoff.h"

#include <set>

#include <gtest/gtest.h>

namespace spanwire::base {
namespace {

constexpr absl::Duration kFirst = absl::Milliseconds(50);
constexpr absl::Duration kLast = absl::Seconds(2);

TEST(Backoff, DoublesItsBoundUpToTheLast) {
  Backoff backoff(kFirst, kLast, [] { return 0.5; });
  for (const int ms : {50, 100, 200, 400, 800, 1600, 2000, 2000, 2000}) {
    EXPECT_EQ(backoff.Next(), absl::Milliseconds(ms) / 2);
  }
}

TEST(Backoff, UsesTheWholeRangeFromZero) {
  double random = 0;
  Backoff backoff(kFirst, kLast, [&] { return random; });
  EXPECT_EQ(backoff.Next(), absl::ZeroDuration());
  random = 0.999;
  EXPECT_NEAR(absl::ToDoubleMilliseconds(backoff.Next()), 99.9, 0.001);
}

TEST(Backoff, BeginsAgainAfterASuccess) {
  Backoff backoff(kFirst, kLast, [] { return 0.5; });
  for (int i = 0; i < 5; ++i) backoff.Next();
  EXPECT_EQ(backoff.attempts(), 5);
  backoff.Reset();
  EXPECT_EQ(backoff.attempts(), 0);
  EXPECT_EQ(backoff.Next(), kFirst / 2);
}

TEST(Backoff, StaysAtItsLastForEver) {
  Backoff backoff(kFirst, kLast, [] { return 0.5; });
  for (int i = 0; i < 100'000; ++i) backoff.Next();
  EXPECT_EQ(backoff.Next(), kLast / 2);
}

TEST(Backoff, ByItselfIsSpreadOverTheRange) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(1));
  std::set<int> tenths;
  for (int i = 0; i < 1'000; ++i) {
    const absl::Duration wait = backoff.Next();
    EXPECT_GE(wait, absl::ZeroDuration());
    EXPECT_LT(wait, absl::Seconds(1));
    tenths.insert(static_cast<int>(absl::ToInt64Milliseconds(wait) / 100));
  }
  EXPECT_EQ(tenths.size(), 10);
}

}  // namespace
}  // namespace spanwire::base
