#include "core/base/json_check.h"

#include <string>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace spanwire::base {
namespace {

constexpr size_t kDepth = 64;

std::string Nested(size_t levels) {
  std::string text = "{\"a\":";
  for (size_t i = 1; i < levels; ++i) text += "[";
  text += levels > 1 ? "" : "1";
  for (size_t i = 1; i < levels; ++i) text += "]";
  return text + "}";
}

TEST(JsonCheckTest, TakesWhatRfc8259Takes) {
  for (const char* text : {
           "{}",
           " \t\r\n{ } \n",
           R"({"a":1})",
           R"({"a":[],"b":{},"c":[1,2,[3]],"a":null})",
           R"({"":0,"n":[-0,0.5,-12.25e+3,1E5,2e-7,123456789012345678901234567890]})",
           R"({"t":true,"f":false,"n":null})",
           R"({"s":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"})",
           "{\"u\":\"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \x7F\"}",
           R"({"a" : [ 1 , { "b" : "c" } ] })",
       }) {
    EXPECT_TRUE(CheckJsonObject(text, kDepth).ok())
        << text << ": " << CheckJsonObject(text, kDepth);
  }
}

TEST(JsonCheckTest, RefusesEverythingElse) {
  for (const std::string& text : {
           std::string(),
           std::string(" "),
           std::string("[]"),
           std::string("1"),
           std::string("\"a\""),
           std::string("{"),
           std::string("}"),
           std::string("{}{}"),
           std::string("{} x"),
           std::string(R"({a:1})"),
           std::string(R"({'a':1})"),
           std::string(R"({"a"})"),
           std::string(R"({"a":})"),
           std::string(R"({"a":1,})"),
           std::string(R"({,"a":1})"),
           std::string(R"({"a":1 "b":2})"),
           std::string(R"({"a":[1,]})"),
           std::string(R"({"a":[1}])"),
           std::string(R"({"a":01})"),
           std::string(R"({"a":+1})"),
           std::string(R"({"a":.5})"),
           std::string(R"({"a":1.})"),
           std::string(R"({"a":1e})"),
           std::string(R"({"a":-})"),
           std::string(R"({"a":NaN})"),
           std::string(R"({"a":tru})"),
           std::string(R"({"a":True})"),
           std::string(R"({"a":"b)"),
           std::string(R"({"a":"\x"})"),
           std::string(R"({"a":"\u12g4"})"),
           std::string(R"({"a":"\u12"})"),
           std::string(R"({"a":"\ud800"})"),
           std::string(R"({"a":"\udc00"})"),
           std::string(R"({"a":"\ud800A"})"),
           std::string(R"({"a":"\ud800\u0041"})"),
           std::string("{\"a\":\"\n\"}"),
           std::string("{\"a\":\"\0\"}", 9),
           std::string("{\"a\0\":1}", 8),
           std::string("{\"a\":\"\xFF\"}"),
           std::string("{\"a\":\"\xC0\x80\"}"),          // overlong
           std::string("{\"a\":\"\xED\xA0\x80\"}"),      // a surrogate
           std::string("{\"a\":\"\xF4\x90\x80\x80\"}"),  // above U+10FFFF
           std::string("{\"a\":\"\xE2\x82\"}"),          // cut off
           std::string("\xEF\xBB\xBF{}"),                // a byte order mark
           std::string("// c\n{}"),
       }) {
    const absl::Status status = CheckJsonObject(text, kDepth);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(JsonCheckTest, DepthCountsTheObjectItself) {
  EXPECT_TRUE(CheckJsonObject(Nested(64), 64).ok());
  const absl::Status status = CheckJsonObject(Nested(65), 64);
  EXPECT_TRUE(absl::StrContains(status.message(), "deeper than 64 levels")) << status;
  EXPECT_FALSE(CheckJsonObject(absl::StrCat("{\"a\":", std::string(200'000, '[')), 64).ok());
}

TEST(JsonCheckTest, SaysWhereAndQuotesNothing) {
  const absl::Status status = CheckJsonObject(R"({"secret":x})", kDepth);
  EXPECT_EQ(status.message(), "is not one JSON object: at byte 10 a value is expected");
}

}  // namespace
}  // namespace spanwire::base
