#include "core/channel/position.h"

#include <string>

#include <gtest/gtest.h>

namespace spanwire::channel {
namespace {

TEST(Position, IsWhatItPrints) {
  for (const Position position : {Position{0, 0}, Position{1704110400000000, 42},
                                  Position{(uint64_t{1} << 53) - 1, UINT64_MAX}}) {
    EXPECT_EQ(Position::Parse(position.ToString()), position) << position.ToString();
  }
}

TEST(Position, RefusesEverythingElse) {
  for (const char* text :
       {"", "-", "1", "1-", "-1", "1-2-3", "01-2", "1-02", "+1-2", "1- 2", " 1-2", "1-2 ", "1_2",
        "a-1", "1-18446744073709551616", "9007199254740992-1", "99999999999999999999-1"}) {
    EXPECT_FALSE(Position::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(Position::Parse(std::string("1-2\0", 4)).has_value());
}

TEST(Position, IsComparedAsAPair) {
  EXPECT_LT((Position{1, 9}), (Position{2, 0}));
  EXPECT_LT((Position{2, 9}), (Position{2, 10}));
  EXPECT_EQ((Position{2, 10}).Before(), (Position{2, 9}));
}

}  // namespace
}  // namespace spanwire::channel
