#include "core/base/log_line.h"

#include <limits>

#include <gtest/gtest.h>

#include "core/base/limits.h"

namespace spanwire::base {
namespace {

const absl::Time kTime = absl::FromUnixMicros(1'704'110'400'000'042);

std::string Line(LogFormat format, absl::string_view message, std::vector<LogField> fields) {
  const std::string text = FormatFields(format, fields);
  return FormatLine(format, {kTime, LogLevel::kInfo, message, "spanwire-bridge", text});
}

std::string Logfmt(LogField field) { return FormatFields(LogFormat::kLogfmt, {field}); }
std::string Json(LogField field) { return FormatFields(LogFormat::kJson, {field}); }

TEST(LogLine, IsLogfmt) {
  EXPECT_EQ(
      Line(LogFormat::kLogfmt, "redis connected",
           {{"address", "127.0.0.1:6379"}, {"attempts", 3}, {"took", absl::Milliseconds(1500)}}),
      "ts=2024-01-01T12:00:00.000042Z level=info msg=\"redis connected\" daemon=spanwire-bridge "
      "address=127.0.0.1:6379 attempts=3 took=1.5s");
}

TEST(LogLine, IsOneJsonObject) {
  EXPECT_EQ(
      Line(LogFormat::kJson, "redis connected",
           {{"address", "127.0.0.1:6379"}, {"attempts", 3}, {"again", true}}),
      "{\"ts\":\"2024-01-01T12:00:00.000042Z\",\"level\":\"info\",\"msg\":\"redis connected\","
      "\"daemon\":\"spanwire-bridge\",\"address\":\"127.0.0.1:6379\",\"attempts\":3,\"again\":"
      "true}");
}

TEST(LogLine, NamesEachLevel) {
  for (const auto& [level, name] :
       std::vector<std::pair<LogLevel, const char*>>{{LogLevel::kDebug, "debug"},
                                                     {LogLevel::kInfo, "info"},
                                                     {LogLevel::kWarning, "warning"},
                                                     {LogLevel::kError, "error"}}) {
    EXPECT_EQ(FormatLine(LogFormat::kLogfmt, {kTime, level, "m", "", ""}),
              absl::StrCat("ts=2024-01-01T12:00:00.000042Z level=", name, " msg=\"m\""));
    EXPECT_EQ(*ParseLogLevel(name), level);
  }
  EXPECT_FALSE(ParseLogLevel("INFO").ok());
  EXPECT_FALSE(ParseLogLevel("").ok());
}

TEST(LogLine, QuotesInLogfmtOnlyWhatNeedsIt) {
  EXPECT_EQ(Logfmt({"k", "plain/value:1"}), " k=plain/value:1");
  EXPECT_EQ(Logfmt({"k", "grün"}), " k=\"grün\"");
  EXPECT_EQ(Logfmt({"k", ""}), " k=\"\"");
  EXPECT_EQ(Logfmt({"k", "two words"}), " k=\"two words\"");
  EXPECT_EQ(Logfmt({"k", "a=b"}), " k=\"a=b\"");
  EXPECT_EQ(Logfmt({"k", "say \"hi\" \\o/"}), " k=\"say \\\"hi\\\" \\\\o/\"");
}

TEST(LogLine, NeverHoldsALineEndOrATerminalsControl) {
  EXPECT_EQ(Logfmt({"k", "a\nts=forged level=error"}), " k=\"a\\nts=forged level=error\"");
  EXPECT_EQ(Logfmt({"k", "\r\t\x1b[31m\x7f"}), " k=\"\\r\\t\\u001b[31m\\u007f\"");
  EXPECT_EQ(Logfmt({"k", absl::string_view("\0", 1)}), " k=\"\\u0000\"");
  EXPECT_EQ(Json({"k", "\u0085\u009b31m\u2028\u2029"}),
            ",\"k\":\"\\u0085\\u009b31m\\u2028\\u2029\"");
  EXPECT_EQ(Logfmt({"k", "a\u009b31m b"}), " k=\"a\\u009b31m b\"");
}

TEST(LogLine, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(Json({"k", "a\xff\xc3(\xed\xa0\x80 \xc0\xaf \xf4\x90\x80\x80 \xe2\x82"}),
            ",\"k\":\"a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD \uFFFD\uFFFD \uFFFD\uFFFD\uFFFD\uFFFD "
            "\uFFFD\uFFFD\"");
  EXPECT_EQ(Json({"k", "€𝄞"}), ",\"k\":\"€𝄞\"");
}

TEST(LogLine, CutsLongValuesBetweenCharacters) {
  const std::string long_value(limits::kLogValueBytes + 1, 'x');
  EXPECT_EQ(Json({"k", long_value}),
            absl::StrCat(",\"k\":\"", std::string(limits::kLogValueBytes, 'x'), "…\""));
  EXPECT_EQ(Json({"k", std::string(limits::kLogValueBytes, 'x')}),
            absl::StrCat(",\"k\":\"", std::string(limits::kLogValueBytes, 'x'), "\""));
  const std::string split = std::string(limits::kLogValueBytes - 1, 'x') + "€€";
  EXPECT_EQ(Json({"k", split}),
            absl::StrCat(",\"k\":\"", std::string(limits::kLogValueBytes - 1, 'x'), "…\""));
}

TEST(LogLine, WritesNumbersAsNumbersOnlyWhereJsonHasThem) {
  EXPECT_EQ(Json({"k", 1.5}), ",\"k\":1.5");
  EXPECT_EQ(Json({"k", std::numeric_limits<double>::infinity()}), ",\"k\":\"inf\"");
  EXPECT_EQ(Json({"k", uint64_t{18446744073709551615u}}), ",\"k\":18446744073709551615");
  EXPECT_EQ(Json({"k", size_t{7}}), ",\"k\":7");
  EXPECT_EQ(Json({"k", "7"}), ",\"k\":\"7\"");
  EXPECT_EQ(Json({"k", absl::InfiniteDuration()}), ",\"k\":\"inf\"");
}

}  // namespace
}  // namespace spanwire::base
