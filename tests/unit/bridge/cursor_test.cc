#include "bridge/cursor.h"

#include <gtest/gtest.h>

namespace spanwire::bridge {
namespace {

using channel::Position;

TEST(Cursor, IsItsPositionsInOrder) {
  const Cursor cursor = {Position{7, 3}, absl::nullopt, Position{1'704'110'400'000'000, 42}};
  EXPECT_EQ(FormatCursor(cursor), "7-3,-,1704110400000000-42");
  size_t wrong = 0;
  EXPECT_EQ(ParseCursor("7-3,-,1704110400000000-42", &wrong), cursor);
  EXPECT_EQ(ParseCursor("-", &wrong), Cursor{absl::nullopt});
}

TEST(Cursor, AForgedOneIsNone) {
  for (const char* text : {"", ",", "7-3,", ",7-3", "7", "7-3;8-4", "7-3, 8-4", "7--3", "--", "x-y",
                           "07-3", "7-3\n", "9007199254740992-1", "$", "7-3,7"}) {
    size_t wrong = 0;
    EXPECT_EQ(ParseCursor(text, &wrong), absl::nullopt) << text;
  }
  size_t wrong = 0;
  EXPECT_EQ(ParseCursor("7-3,-,x,y", &wrong), absl::nullopt);
  EXPECT_EQ(wrong, 2u);
}

}  // namespace
}  // namespace spanwire::bridge
