#include "core/base/duration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanwire::base {
namespace {

using ::testing::HasSubstr;

TEST(Duration, IsReadAsPeopleWriteIt) {
  EXPECT_EQ(*ParseDuration("10s"), absl::Seconds(10));
  EXPECT_EQ(*ParseDuration("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(*ParseDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("1.5s"), absl::Milliseconds(1500));
  EXPECT_EQ(*ParseDuration("0"), absl::ZeroDuration());
}

TEST(Duration, WithoutUnitInfiniteOrNegativeIsRefused) {
  for (const char* text : {"", "10", "ten", "10 s", "10x", "inf", "s"}) {
    EXPECT_THAT(std::string(ParseDuration(text).status().message()), HasSubstr("is no duration"))
        << text;
  }
  EXPECT_THAT(std::string(ParseDuration("-1s").status().message()), HasSubstr("negative"));
  EXPECT_THAT(std::string(ParseDuration("\x1b[1m").status().message()), HasSubstr("\\x1b"));
}

TEST(Duration, CrossesProtobufUnchanged) {
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Milliseconds(1500), absl::Hours(24)}) {
    EXPECT_EQ(ToDuration(FromDuration(duration)), duration);
  }
  EXPECT_EQ(FromDuration(absl::Milliseconds(1500)).seconds(), 1);
  EXPECT_EQ(FromDuration(absl::Milliseconds(1500)).nanos(), 500'000'000);
}

TEST(Bytes, AreReadWithAndWithoutUnit) {
  EXPECT_EQ(*ParseBytes("0"), 0);
  EXPECT_EQ(*ParseBytes("65536"), 65536);
  EXPECT_EQ(*ParseBytes("64KiB"), 65536);
  EXPECT_EQ(*ParseBytes("8MiB"), 8 << 20);
  EXPECT_EQ(*ParseBytes("1GiB"), 1 << 30);
  EXPECT_EQ(*ParseBytes("10kB"), 10'000);
  EXPECT_EQ(*ParseBytes("2MB"), 2'000'000);
  EXPECT_EQ(*ParseBytes("5B"), 5);
}

TEST(Bytes, OtherUnitsFractionsAndOverflowAreRefused) {
  for (const char* text : {"", "MiB", "8 MiB", "1.5MiB", "-1", "8mib", "8M", "8MiBx",
                           "18446744073709551616", "17179869184GiB"}) {
    EXPECT_FALSE(ParseBytes(text).ok()) << text;
  }
  EXPECT_EQ(*ParseBytes("17179869183GiB"), 17179869183ull << 30);
}

TEST(Bytes, AreWrittenInTheLargestUnitThatDivides) {
  EXPECT_EQ(FormatBytes(8 << 20), "8MiB");
  EXPECT_EQ(FormatBytes(1 << 30), "1GiB");
  EXPECT_EQ(FormatBytes(1500), "1500");
  EXPECT_EQ(FormatBytes(1536 << 10), "1536KiB");
  EXPECT_EQ(FormatBytes(0), "0");
}

}  // namespace
}  // namespace spanwire::base
