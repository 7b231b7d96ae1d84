#include "bridge/view.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace spanwire::bridge {
namespace {

TEST(TypeFilter, ShowsTypesAndBeginningsOfTypes) {
  const TypeFilter filter = *TypeFilter::Make({"log_line", "test_*", "a.b:c-d"});
  for (const char* type : {"log_line", "test_", "test_result", "a.b:c-d"}) {
    EXPECT_TRUE(filter.Shows(std::string("{\"type\":\"") + type + "\",\"x\":1}")) << type;
  }
  for (const char* type : {"log_lines", "log", "Test_result", "a", ""}) {
    EXPECT_FALSE(filter.Shows(std::string("{\"type\":\"") + type + "\",\"x\":1}")) << type;
  }
  EXPECT_TRUE(TypeFilter::Make({"*"})->Shows("{\"type\":\"x\"}"));
  EXPECT_TRUE(TypeFilter().Shows("{\"type\":\"x\"}"));
}

TEST(TypeFilter, FindsTheTypeOfPlainJsonWhereverItStands) {
  const TypeFilter filter = *TypeFilter::Make({"old"});
  EXPECT_TRUE(filter.Shows(R"({"data":{"type":"new"},"type":"old"})"));
  EXPECT_TRUE(filter.Shows(R"({"type":"\u006fld"})"));
  EXPECT_FALSE(filter.Shows(R"({"data":{"type":"old"},"type":"new"})"));
  EXPECT_FALSE(filter.Shows("nonsense"));
}

TEST(TypeFilter, RefusesWhatIsNoPattern) {
  EXPECT_FALSE(TypeFilter::Make({}).ok());
  EXPECT_FALSE(TypeFilter::Make(std::vector<std::string>(33, "a")).ok());
  EXPECT_TRUE(TypeFilter::Make(std::vector<std::string>(32, "a")).ok());
  for (const char* pattern : {"", "$gap", "**", "a*b", "*a", "1a", "a b", "a\n"}) {
    EXPECT_FALSE(TypeFilter::Make({pattern}).ok()) << pattern;
  }
}

TEST(WithPrev, StandsBehindTheEventsOwnId) {
  const auto with = [](const char* json) {
    return std::string(WithPrev(*Frame::Make(json), {5, 1})->json());
  };
  EXPECT_EQ(with(R"({"data":{"a":1,"id":"x","prev":"y"},"channel":"c","id":"5-3"})"),
            R"({"data":{"a":1,"id":"x","prev":"y"},"channel":"c","id":"5-3","prev":"5-1"})");
  EXPECT_EQ(with(R"({"data":{},"id":"5-3","prev":"5-2","agent":"a"})"),
            R"({"data":{},"id":"5-3","prev":"5-1","agent":"a"})");
}

}  // namespace
}  // namespace spanwire::bridge
