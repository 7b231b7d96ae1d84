#include "bridge/json_writer.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace spanwire::bridge {
namespace {

std::string String(absl::string_view text) {
  std::string out;
  return AppendJsonString(text, &out) ? out : "refused";
}

std::string Text(absl::string_view text) {
  std::string out;
  AppendJsonText(text, &out);
  return out;
}

std::string Double(double value) {
  std::string out;
  AppendJsonDouble(value, &out);
  return out;
}

std::string Timestamp(int64_t seconds, int64_t nanos) {
  std::string out;
  AppendJsonTimestamp(seconds, nanos, &out);
  return out;
}

TEST(JsonStringTest, EscapesWhatJsonDemandsAndNothingElse) {
  struct Case {
    absl::string_view text;
    absl::string_view json;
  };
  const Case cases[] = {
      {"", R"("")"},
      {"Executing UI tests...", R"("Executing UI tests...")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {absl::string_view("\0\x01\x1f", 3), R"("\u0000\u0001\u001f")"},
      {"</script>&'", R"("</script>&'")"},
      {"\x7f", "\"\x7f\""},
      {"Grüße, 世界 🌍", R"("Grüße, 世界 🌍")"},
      {"\u2028\u2029", "\"\u2028\u2029\""},
  };
  for (const Case& c : cases) EXPECT_EQ(String(c.text), c.json);
}

// The fast walk takes eight bytes at a time: a character that needs care may stand at each place of
// them.
TEST(JsonStringTest, FindsEachCharacterAtEachPlace) {
  for (int byte = 0; byte < 128; ++byte) {
    const char c = static_cast<char>(byte);
    for (size_t size = 1; size <= 20; ++size) {
      for (size_t place = 0; place < size; ++place) {
        std::string text(size, 'x');
        text[place] = c;
        const std::string alone = String(absl::string_view(&c, 1));
        const std::string inner = alone.substr(1, alone.size() - 2);
        const std::string expected =
            "\"" + std::string(place, 'x') + inner + std::string(size - place - 1, 'x') + "\"";
        ASSERT_EQ(String(text), expected) << byte << " at " << place;
      }
    }
  }
}

TEST(JsonStringTest, RefusesWhatIsNotUtf8) {
  const std::string bad[] = {
      "\x80",
      "\xff",
      "\xc3",
      "\xc3(",
      "\xc0\x80",
      "\xc1\xbf",
      "\xe0\x80\x80",
      "\xe0\x9f\xbf",
      "\xed\xa0\x80",
      "\xed\xbf\xbf",
      "\xe2\x82",
      "\xf0\x9f\x98",
      "\xf0\x8f\xbf\xbf",
      "\xf4\x90\x80\x80",
      "\xf5\x80\x80\x80",
      "abc\xe2\x82xyz",
      "12345678\x80",
  };
  for (const std::string& text : bad) EXPECT_EQ(String(text), "refused") << text;
  const std::string good[] = {"\xc2\x80",         "\xdf\xbf",        "\xe0\xa0\x80",
                              "\xed\x9f\xbf",     "\xee\x80\x80",    "\xef\xbf\xbf",
                              "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
  for (const std::string& text : good) EXPECT_EQ(String(text), "\"" + text + "\"");
}

TEST(JsonStringTest, TextShowsAReplacementForWhatIsNotUtf8) {
  EXPECT_EQ(Text("a\xff"
                 "b\n"),
            "\"a\uFFFD"
            "b\\n\"");
  EXPECT_EQ(Text("\xe2\x82"), "\"\uFFFD\uFFFD\"");
  EXPECT_EQ(Text("fine"), "\"fine\"");
}

TEST(JsonNumberTest, SixtyFourBitsAreStrings) {
  std::string out;
  AppendJsonInt64(std::numeric_limits<int64_t>::min(), &out);
  AppendJsonUint64(std::numeric_limits<uint64_t>::max(), &out);
  AppendJsonInt32(std::numeric_limits<int32_t>::min(), &out);
  AppendJsonUint32(std::numeric_limits<uint32_t>::max(), &out);
  EXPECT_EQ(out, "\"-9223372036854775808\"\"18446744073709551615\"-21474836484294967295");
}

TEST(JsonNumberTest, DoublesAreShortAndPlain) {
  struct Case {
    double value;
    const char* json;
  };
  const Case cases[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {-45, "-45"},
      {100000, "100000"},
      {1e15, "1000000000000000"},
      {9007199254740993.0, "9007199254740992"},
      {1e20, "100000000000000000000"},
      {1e21, "1e+21"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {0.1, "0.1"},
      {93.25, "93.25"},
      {1.0 / 3, "0.3333333333333333"},
      {0.0001, "0.0001"},
      {0.000001, "0.000001"},
      {1e-7, "1e-07"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::quiet_NaN(), "\"NaN\""},
      {std::numeric_limits<double>::infinity(), "\"Infinity\""},
      {-std::numeric_limits<double>::infinity(), "\"-Infinity\""},
  };
  for (const Case& c : cases) EXPECT_EQ(Double(c.value), c.json);
}

TEST(JsonNumberTest, DoublesReadBackAsTheSame) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t bits = random();
    double value;
    static_assert(sizeof(value) == sizeof(bits));
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(std::strtod(Double(value).c_str(), nullptr), value);
    const double near = static_cast<double>(static_cast<int64_t>(bits >> (bits & 63))) / 1024;
    ASSERT_EQ(std::strtod(Double(near).c_str(), nullptr), near);
  }
}

TEST(JsonNumberTest, FloatsAreAsShortAsFloatsCanBe) {
  std::string out;
  AppendJsonFloat(0.1f, &out);
  EXPECT_EQ(out, "0.1");
}

TEST(JsonBase64Test, IsPadded) {
  std::string out;
  AppendJsonBase64("", &out);
  AppendJsonBase64("\xff\xfe", &out);
  AppendJsonBase64("any carnal pleas", &out);
  EXPECT_EQ(out, "\"\"\"//4=\"\"YW55IGNhcm5hbCBwbGVhcw==\"");
}

TEST(JsonTimestampTest, HasAsManyDigitsAsItNeeds) {
  EXPECT_EQ(Timestamp(1'704'110'400, 0), "\"2024-01-01T12:00:00Z\"");
  EXPECT_EQ(Timestamp(1'704'110'400, 500'000'000), "\"2024-01-01T12:00:00.500Z\"");
  EXPECT_EQ(Timestamp(1'704'110'400, 1'000), "\"2024-01-01T12:00:00.000001Z\"");
  EXPECT_EQ(Timestamp(1'704'110'400, 1), "\"2024-01-01T12:00:00.000000001Z\"");
  EXPECT_EQ(Timestamp(0, 0), "\"1970-01-01T00:00:00Z\"");
  EXPECT_EQ(Timestamp(-1, 999'999'999), "\"1969-12-31T23:59:59.999999999Z\"");
}

TEST(JsonTimestampTest, HasTheYears1To9999) {
  EXPECT_TRUE(IsJsonTimestamp(-62'135'596'800, 0));
  EXPECT_EQ(Timestamp(-62'135'596'800, 0), "\"0001-01-01T00:00:00Z\"");
  EXPECT_FALSE(IsJsonTimestamp(-62'135'596'801, 0));
  EXPECT_TRUE(IsJsonTimestamp(253'402'300'799, 999'999'999));
  EXPECT_EQ(Timestamp(253'402'300'799, 999'000'000), "\"9999-12-31T23:59:59.999Z\"");
  EXPECT_FALSE(IsJsonTimestamp(253'402'300'800, 0));
  EXPECT_FALSE(IsJsonTimestamp(0, -1));
  EXPECT_FALSE(IsJsonTimestamp(0, 1'000'000'000));
}

TEST(JsonTimestampTest, AgreesWithAbseilsCalendar) {
  std::mt19937_64 random(2);
  std::uniform_int_distribution<int64_t> any(-62'135'596'800, 253'402'300'799);
  for (int i = 0; i < 20'000; ++i) {
    const int64_t seconds = any(random);
    const std::string expected = absl::FormatTime(
        "\"%E4Y-%m-%dT%H:%M:%SZ\"", absl::FromUnixSeconds(seconds), absl::UTCTimeZone());
    ASSERT_EQ(Timestamp(seconds, 0), expected);
  }
}

}  // namespace
}  // namespace spanwire::bridge
