#include "bridge/plain_json.h"

#include <algorithm>
#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridge/json_scanner.h"
#include "bridge/json_string.h"
#include "core/base/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace spanwire::bridge {
namespace {

using ::testing::HasSubstr;

constexpr absl::string_view kChannel = "webgui:session:sess_123";

// What browsers get, or why it is refused.
std::string Translate(absl::string_view message) {
  const absl::StatusOr<std::string> json = TranslatePlainJson(message, kChannel);
  if (json.ok()) return *json;
  EXPECT_EQ(json.status().code(), absl::StatusCode::kInvalidArgument);
  return absl::StrCat("refused: ", json.status().message());
}

void ExpectRefused(absl::string_view message, absl::string_view why) {
  EXPECT_THAT(Translate(message), HasSubstr(absl::StrCat("refused: ", why))) << message;
}

TEST(PlainJsonTest, TheRecordsSampleKeepsItsFourKeysByteForByte) {
  const std::string sample =
      R"({"type":"session_status_changed","timestamp":"2024-01-01T12:00:00Z","session_id":"sess_123","data":{"status":"testing","progress":45,"message":"Executing UI tests..."}})";
  EXPECT_EQ(Translate(sample),
            absl::StrCat(sample.substr(0, sample.size() - 1), ",\"channel\":\"", kChannel, "\"}"));
}

TEST(PlainJsonTest, TheRecordsSampleAsItIsPrintedInTheRecord) {
  EXPECT_EQ(Translate(R"({
  "type": "session_status_changed",
  "timestamp": "2024-01-01T12:00:00Z",
  "session_id": "sess_123",
  "data": {
    "status": "testing",
    "progress": 45,
    "message": "Executing UI tests..."
  }
}
)"),
            R"({"type":"session_status_changed","timestamp":"2024-01-01T12:00:00Z",)"
            R"("session_id":"sess_123","data":{"status":"testing","progress":45,)"
            R"("message":"Executing UI tests..."},"channel":"webgui:session:sess_123"})");
}

TEST(PlainJsonTest, TokensStayAsTheyWereWritten) {
  EXPECT_EQ(
      Translate(R"({"n":1.50e+3,"type":"a.b:c-d_e","s":"\u0041\/"})"),
      R"({"n":1.50e+3,"type":"a.b:c-d_e","s":"\u0041\/","channel":"webgui:session:sess_123"})");
}

TEST(PlainJsonTest, NoLineEndGetsThrough) {
  EXPECT_EQ(Translate("{\r\n\"type\":\n\"a\"\r}\n\n"),
            R"({"type":"a","channel":"webgui:session:sess_123"})");
  ExpectRefused("{\"type\":\"a\nb\"}", "is not right JSON");
  ExpectRefused("{\"type\":\"a\",\"b\":\"\r\ndata: forged\"}", "is not right JSON");
}

TEST(PlainJsonTest, ATypeOfTheServersIsRefusedHoweverItIsWritten) {
  for (const absl::string_view type : {"$gap", R"(\u0024gap)", R"(\u0024\u0067ap)", "", " a", "1a",
                                       "_a", "a b", "a$", "ä", R"(a\n)", R"(a\u0000)", "a/b"}) {
    ExpectRefused(absl::StrCat("{\"type\":\"", type, "\"}"), "has a \"type\" that is not");
  }
  for (const absl::string_view value : {"1", "null", "true", "{}", "[\"a\"]"}) {
    ExpectRefused(absl::StrCat("{\"type\":", value, "}"), "has a \"type\" that is not");
  }
  EXPECT_TRUE(
      absl::StartsWith(Translate(R"({"\u0074ype":"\u0061"})"), R"({"\u0074ype":"\u0061",)"));
}

TEST(PlainJsonTest, ATypeHasAtMost128Characters) {
  EXPECT_TRUE(
      absl::StartsWith(Translate(absl::StrCat("{\"type\":\"", std::string(128, 'a'), "\"}")), "{"));
  ExpectRefused(absl::StrCat("{\"type\":\"", std::string(129, 'a'), "\"}"), "has a \"type\"");
}

TEST(PlainJsonTest, ATypeIsNeeded) {
  ExpectRefused("{}", "has no \"type\"");
  ExpectRefused(R"({"data":{"type":"a"}})", "has no \"type\"");
  ExpectRefused(R"({"Type":"a"})", "has no \"type\"");
}

TEST(PlainJsonTest, AKeyOfTheServersIsRefusedHoweverItIsWritten) {
  for (const absl::string_view key :
       {"id", "prev", "was", "channel", "conflated", R"(\u0069d)", R"(\u0063hannel)"}) {
    ExpectRefused(absl::StrCat("{\"type\":\"a\",\"", key, "\":\"1-1\"}"), "has the key");
  }
  // Within the data they are the publisher's own.
  EXPECT_TRUE(absl::StartsWith(Translate(R"({"type":"a","data":{"id":1,"channel":2}})"), "{"));
}

TEST(PlainJsonTest, AKeyTwiceIsRefusedHoweverItIsWritten) {
  ExpectRefused(R"({"type":"a","type":"b"})", "has the same key twice");
  ExpectRefused(R"({"type":"a","\u0074ype":"$gap"})", "has the same key twice");
  ExpectRefused(R"({"\u0061":1,"type":"b","a":2})", "has the same key twice");
  ExpectRefused(R"({"\/":1,"/":2,"type":"b"})", "has the same key twice");
}

TEST(PlainJsonTest, DepthIsBounded) {
  const auto nested = [](int lists) {
    return absl::StrCat(R"({"type":"a","data":)", std::string(lists, '['), std::string(lists, ']'),
                        "}");
  };
  EXPECT_TRUE(absl::StartsWith(Translate(nested(63)), "{"));
  ExpectRefused(nested(64), "is not right JSON");
  ExpectRefused(absl::StrCat("{\"a\":", std::string(100'000, '[')), "is not right JSON");
}

TEST(PlainJsonTest, SizeIsBounded) {
  const std::string frame = R"({"type":"a","data":""})";
  std::string message = frame;
  message.insert(message.size() - 2, std::string(limits::kPlainJsonBytes - frame.size(), 'x'));
  ASSERT_EQ(message.size(), limits::kPlainJsonBytes);
  EXPECT_TRUE(absl::StartsWith(Translate(message), "{"));
  message.insert(message.size() - 2, "x");
  ExpectRefused(message, "is 262145 bytes long, at most 262144 are allowed");
}

TEST(PlainJsonTest, TextIsUtf8) {
  ExpectRefused("{\"type\":\"a\",\"b\":\"\xff\"}", "is not right JSON");
  ExpectRefused("{\"type\":\"a\",\"b\":\"\xed\xa0\x80\"}", "is not right JSON");
  ExpectRefused(R"({"type":"a","b":"\ud800"})", "is not right JSON");
  ExpectRefused(R"({"type":"a","\udc00":1})", "is not right JSON");
}

TEST(PlainJsonTest, IsOneObjectOfStrictJson) {
  for (const absl::string_view message :
       {"[]", "{\"type\":\"a\"}{}", "{\"type\":\"a\",}", "{\"type\":\"a\",\"n\":01}",
        "{\"type\":\"a\",\"n\":1.}", "{\"type\":\"a\",\"n\":-}", "{\"type\":\"a\",\"n\":1e}",
        "{\"type\":\"a\"", "{type:\"a\"}", "{\"type\":'a'}", "{\"type\":\"a\",\"n\":NaN}"}) {
    ExpectRefused(message, "is not right JSON");
  }
}

TEST(PlainJsonTest, ErrorsQuoteNothing) {
  EXPECT_FALSE(absl::StrContains(Translate(R"({"type":"a","s3cret":1,"s3cret":2})"), "s3cret"));
  EXPECT_FALSE(absl::StrContains(Translate(R"({"type":"$s3cret"})"), "s3cret"));
}

// Whatever gets through would get through again without its channel, and has no line end.
TEST(PlainJsonTest, MutatedMessagesNeverCrashAndStayRight) {
  const std::string seed =
      R"({"type":"task","\u0069x":1,"data":{"id":[1,2.5,{"a":"\ud83c\udf0d"}]},"t":true})";
  const absl::string_view pieces[] = {"\"id\":", "\\u0069d", "$",    "\"",  "{",  "}",
                                      "[",       ",",        ":",    "\n",  "\\", "type",
                                      "e",       "0",        "\xC3", "was", " "};
  std::mt19937 random(11);
  int accepted = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string message = seed;
    for (int edits = 1 + static_cast<int>(random() % 2); edits > 0; --edits) {
      const size_t place = random() % message.size();
      if (random() % 2 == 0) message.erase(place, 1 + random() % 4);
      if (random() % 2 == 0) {
        message.insert(std::min(place, message.size()),
                       std::string(pieces[random() % std::size(pieces)]));
      }
    }
    const absl::StatusOr<std::string> json = TranslatePlainJson(message, kChannel);
    if (!json.ok()) continue;
    ++accepted;
    ASSERT_EQ(json->find_first_of("\r\n"), std::string::npos);
    std::string types;
    int servers = 0;
    ASSERT_TRUE(ScanJsonObject(
                    *json,
                    [&](const JsonMember& member) {
                      if (member.key == "type") types += DecodeJsonString(member.value) + ";";
                      if (member.key == "id" || member.key == "prev" || member.key == "was")
                        ++servers;
                      return absl::OkStatus();
                    },
                    nullptr)
                    .ok());
    ASSERT_EQ(servers, 0) << message;
    ASSERT_FALSE(absl::StrContains(types, "$")) << message;
    ASSERT_EQ(std::count(types.begin(), types.end(), ';'), 1) << message;
  }
  EXPECT_GT(accepted, 1'000);
}

}  // namespace
}  // namespace spanwire::bridge
