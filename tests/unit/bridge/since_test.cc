#include "bridge/since.h"

#include <gtest/gtest.h>

namespace spanwire::bridge {
namespace {

TEST(Since, IsRfc3339) {
  const absl::Time noon = absl::FromUnixSeconds(1704110400);
  EXPECT_EQ(ParseSince("2024-01-01T12:00:00Z"), noon);
  EXPECT_EQ(ParseSince("2024-01-01T12:00:00.25Z"), noon + absl::Milliseconds(250));
  EXPECT_EQ(ParseSince("2024-01-01T13:30:00+01:30"), noon);
  for (const char* text : {"", "now", "infinite-future", "1704110400", "2024-01-01",
                           "2024-01-01T12:00:00", "2024-01-01 12:00:00Z", " 2024-01-01T12:00:00Z",
                           "2024-01-01T12:00:00Z ", "2024-13-01T12:00:00Z", "2024-02-30T12:00:00Z",
                           "2024-01-01T25:00:00Z", "24-01-01T12:00:00Z", "2024-1-1T12:00:00Z"}) {
    EXPECT_EQ(ParseSince(text), absl::nullopt) << text;
  }
}

}  // namespace
}  // namespace spanwire::bridge
