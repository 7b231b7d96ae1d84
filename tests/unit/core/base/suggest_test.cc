#include "core/base/suggest.h"

#include <gtest/gtest.h>

namespace spanwire::base {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(EditDistance("", ""), 0);
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("redis", "redis"), 0);
  EXPECT_EQ(EditDistance("redi", "redis"), 1);
  EXPECT_EQ(EditDistance("rediss", "redis"), 1);
  EXPECT_EQ(EditDistance("radis", "redis"), 1);
  EXPECT_EQ(EditDistance("rdeis", "redis"), 1);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
}

TEST(DidYouMean, NamesTheNearest) {
  const std::vector<std::string> names = {"listen", "redis", "admin", "logging", "log"};
  EXPECT_EQ(DidYouMean("lisen", names), "; did you mean listen?");
  EXPECT_EQ(DidYouMean("logg", names), "; did you mean log?");
  EXPECT_EQ(DidYouMean("admni", names), "; did you mean admin?");
}

TEST(DidYouMean, KnowsABeginningOrAnEnd) {
  EXPECT_EQ(DidYouMean("append", {"listen", "append_deadline"}), "; did you mean append_deadline?");
  EXPECT_EQ(DidYouMean("timeout", {"listen", "drain_timeout"}), "; did you mean drain_timeout?");
}

TEST(DidYouMean, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(DidYouMean("frobnicate", {"listen", "redis"}), "");
  EXPECT_EQ(DidYouMean("xy", {"listen", "redis"}), "");
  EXPECT_EQ(DidYouMean("", {"listen"}), "");
  EXPECT_EQ(DidYouMean(std::string(100'000, 'a'), {"listen"}), "");
  EXPECT_EQ(DidYouMean("listen", {}), "");
}

}  // namespace
}  // namespace spanwire::base
