#include "bridge/json_scanner.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "bridge/json_string.h"
#include "core/base/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace spanwire::bridge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The text without white space, or what is wrong with it.
std::string Scan(absl::string_view text) {
  std::string out;
  const absl::Status status = ScanJsonObject(text, &out);
  return status.ok() ? out : std::string(status.message());
}

bool Accepts(absl::string_view text) {
  std::string out;
  return ScanJsonObject(text, &out).ok();
}

bool AcceptsValue(absl::string_view value) { return Accepts("{\"a\":" + std::string(value) + "}"); }

TEST(JsonScannerTest, TakesOutWhiteSpaceBetweenTokensOnly) {
  EXPECT_EQ(Scan(" \t\r\n{ \"a b\" :\n[ 1 , \"c  d\\n\" , { } , [ ] ]\r\n, \"e\": -1.50E+3 } \n"),
            "{\"a b\":[1,\"c  d\\n\",{},[]],\"e\":-1.50E+3}");
  EXPECT_EQ(Scan("{}"), "{}");
}

TEST(JsonScannerTest, KeepsTokensAsTheyWereWritten) {
  for (const absl::string_view text :
       {R"({"a":"\u0041\/\ud83c\udf0d","b":1.0e+00,"c":123456789012345678901234567890})",
        R"({"世界":"🌍","":null,"t":true,"f":false,"z":[[[[]]]]})"}) {
    EXPECT_EQ(Scan(text), text);
  }
}

TEST(JsonScannerTest, AppendsToWhatIsThere) {
  std::string out = "x";
  ASSERT_TRUE(ScanJsonObject("{ }", &out).ok());
  EXPECT_EQ(out, "x{}");
}

TEST(JsonScannerTest, TakesEveryNumberOfTheGrammarAndNoOther) {
  for (const absl::string_view good : {"0", "-0", "1", "10", "0.0", "-0.5", "1e5", "1E5", "1e+5",
                                       "1e-5", "0e0", "1.25e10", "1e999"}) {
    EXPECT_TRUE(AcceptsValue(good)) << good;
  }
  for (const absl::string_view bad :
       {"01",       "-01",       "00",  "1.",   ".5",    "-",    "-.5",   "+1",
        "1e",       "1e+",       "1e-", "1.e5", "1.5.5", "0x10", "1_000", "NaN",
        "Infinity", "-Infinity", "1f",  "1 2",  "--1",   "1,"}) {
    EXPECT_FALSE(AcceptsValue(bad)) << bad;
  }
}

TEST(JsonScannerTest, TakesLiteralsAsTheyAre) {
  for (const absl::string_view bad :
       {"True", "tru", "truex", "nul", "NULL", "undefined", "fals", "t"}) {
    EXPECT_FALSE(AcceptsValue(bad)) << bad;
  }
}

TEST(JsonScannerTest, RefusesWhatIsNotOneObject) {
  for (const absl::string_view bad : {"",
                                      " ",
                                      "[]",
                                      "1",
                                      "\"a\"",
                                      "null",
                                      "{",
                                      "}",
                                      "{}{}",
                                      "{} x",
                                      "{},",
                                      "{\"a\":1}}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\" 1}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{1:1}",
                                      "{\"a\":[1,]}",
                                      "{\"a\":[,1]}",
                                      "{\"a\":[1 2]}",
                                      "{\"a\":[1}",
                                      "{\"a\":{]}",
                                      "{\"a\":[}]",
                                      "\xEF\xBB\xBF{}",
                                      "{\"a\":1/**/}",
                                      "{\"a\":1}//",
                                      "{\f}",
                                      "{\v}",
                                      "{\xC2\xA0}"}) {
    EXPECT_FALSE(Accepts(bad)) << bad;
  }
  EXPECT_FALSE(Accepts(absl::string_view("{}\0", 3)));
  EXPECT_FALSE(Accepts(absl::string_view("{\0}", 3)));
}

TEST(JsonScannerTest, RefusesStringsThatAreNotRight) {
  const std::string bad[] = {
      R"("a)",
      R"("\)",
      R"("\x41")",
      R"("\u12")",
      R"("\u12G4")",
      R"("\u")",
      R"("\U0041")",
      R"("\'")",
      R"("\0")",
      "\"\n\"",
      "\"\r\"",
      "\"\t\"",
      "\"\x01\"",
      std::string("\"\0\"", 3),
      "\"\xff\"",
      "\"\xc3\"",
      "\"\xed\xa0\x80\"",
      "\"\xc0\xaf\"",
      "\"\xf4\x90\x80\x80\"",
      R"("\ud800")",
      R"("\ud800x")",
      R"("\udc00")",
      R"("\ud800\ud800")",
      R"("\ud800\u0041")",
      R"("\ud83d\n")",
      R"("\ud83d\ud")",
      R"("\udc00\ud800")",
  };
  for (const std::string& value : bad) {
    EXPECT_FALSE(AcceptsValue(value)) << value;
    EXPECT_FALSE(Accepts("{" + value + ":1}")) << value;
  }
  for (const absl::string_view good : {R"("\ud83c\udf0d")", R"("\"\\\/\b\f\n\r\t")", R"("\u0000")",
                                       R"("\uFFFF\uabCD")", "\"\x7f\"", "\"\u2028\""}) {
    EXPECT_TRUE(AcceptsValue(good)) << good;
  }
}

// `levels` objects or lists within one another, the outermost object among them.
std::string Nested(size_t levels, bool objects) {
  std::string open = "{\"a\":";
  std::string close = "}";
  for (size_t i = 1; i < levels; ++i) {
    open += objects ? "{\"a\":" : "[";
    close += objects ? "}" : "]";
  }
  std::reverse(close.begin(), close.end());
  return open + "1" + close;
}

TEST(JsonScannerTest, GoesSixtyFourLevelsDeepAndNoFurther) {
  for (const bool objects : {true, false}) {
    EXPECT_TRUE(Accepts(Nested(limits::kJsonDepth, objects)));
    EXPECT_THAT(Scan(Nested(limits::kJsonDepth + 1, objects)), HasSubstr("nested too deeply"));
  }
  // Levels that were left do not count.
  std::string flat = "{\"a\":[[]";
  for (int i = 0; i < 1000; ++i) flat += ",[[{}]]";
  EXPECT_TRUE(Accepts(flat + "]}"));
}

TEST(JsonScannerTest, EndsAtOnceInAWallOfBrackets) {
  EXPECT_FALSE(Accepts(std::string(65536, '[')));
  EXPECT_FALSE(Accepts("{\"a\":" + std::string(65536, '[')));
  EXPECT_FALSE(Accepts("{\"a\":" + std::string(65536, '{')));
}

TEST(JsonScannerTest, ErrorsSayWhereAndQuoteNothing) {
  const std::string message = Scan("{\"secret\": x}");
  EXPECT_THAT(message, HasSubstr("at byte 11"));
  EXPECT_FALSE(absl::StrContains(message, "secret"));
}

TEST(JsonScannerTest, GivesTheOutermostMembersWithDecodedKeys) {
  std::vector<std::string> seen;
  const absl::Status status = ScanJsonObject(
      R"({"a" : 1 ,"\u0062": {"c":[2]}, "d\n":"e", "f":[ ], "g":true,"h":false,"i":null})",
      [&](const JsonMember& member) {
        seen.push_back(std::string(member.key) + "=" + std::string(member.value) + "/" +
                       std::to_string(static_cast<int>(member.kind)));
        return absl::OkStatus();
      },
      nullptr);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(seen, ElementsAre("a=1/3", "b={\"c\":[2]}/0", "d\n=\"e\"/2", "f=[ ]/1", "g=true/4",
                                "h=false/5", "i=null/6"));
}

TEST(JsonScannerTest, EndsWhereTheReaderSaysSo) {
  int members = 0;
  const absl::Status status = ScanJsonObject(R"({"a":1,"b":2)",
                                             [&](const JsonMember&) {
                                               ++members;
                                               return absl::AbortedError("enough");
                                             },
                                             nullptr);
  EXPECT_EQ(status, absl::AbortedError("enough"));
  EXPECT_EQ(members, 1);
}

TEST(DecodeJsonStringTest, SaysWhatTheTokenSays) {
  EXPECT_EQ(DecodeJsonString(R"("")"), "");
  EXPECT_EQ(DecodeJsonString(R"("plain 世界")"), "plain 世界");
  EXPECT_EQ(DecodeJsonString(R"("\u0024gap")"), "$gap");
  EXPECT_EQ(DecodeJsonString(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(DecodeJsonString(R"("\u00fc\u4e16\ud83c\udf0d\uFFFF")"), "ü世🌍\uFFFF");
  EXPECT_EQ(DecodeJsonString(R"("\u0000")"), std::string("\0", 1));
}

// Whatever is let through is unchanged by a second pass and has no line end; nothing makes it
// crash.
TEST(JsonScannerTest, MutatedTextNeverCrashesAndStaysRight) {
  const std::string seeds[] = {
      R"({"type":"a","data":{"x":[1,2.5e-3,-0,{"y":"\u0041\ud83c\udf0d"}],"z":null},"t":true})",
      R"( { "k" : "Grüße 世界 🌍" , "l" : [ [ ] , { } , false ] } )",
  };
  const absl::string_view alphabet = "{}[]:,\"\\u0019eE+-.tfn \n\r\t\xC3\xED\xA0\xF0$";
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string text = seeds[i % 2];
    for (int edits = 1 + static_cast<int>(random() % 3); edits > 0; --edits) {
      const size_t place = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 4) {
        case 0:
          text[place] = c;
          break;
        case 1:
          text.insert(place, 1, c);
          break;
        case 2:
          text.erase(place, 1 + random() % 3);
          break;
        default:
          text.insert(place, text.substr(random() % text.size(), random() % 8));
      }
    }
    std::string once;
    if (!ScanJsonObject(text, &once).ok()) continue;
    ++accepted;
    ASSERT_EQ(once.find_first_of("\r\n"), std::string::npos) << text;
    ASSERT_EQ(Scan(once), once) << text;
  }
  EXPECT_GT(accepted, 1'000);
}

}  // namespace
}  // namespace spanwire::bridge
