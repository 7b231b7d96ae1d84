#include "core/base/log.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "tests/support/log_capture.h"

namespace spanwire::base {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override { InitLogging(LogLevel::kInfo, LogFormat::kLogfmt, ""); }
  test::LogCapture log_;
};

TEST_F(LogTest, WritesLevelMessageDaemonAndFields) {
  InitLogging(LogLevel::kInfo, LogFormat::kLogfmt, "spanwire-broker");
  LogWarning("redis lost", {{"reason", "connection reset"}, {"attempts", 2}});
  EXPECT_THAT(
      log_.lines(),
      ElementsAre(AllOf(StartsWith("ts=20"),
                        HasSubstr("Z level=warning msg=\"redis lost\" daemon=spanwire-broker "
                                  "reason=\"connection reset\" attempts=2"))));
}

TEST_F(LogTest, WritesJsonWhenAsked) {
  InitLogging(LogLevel::kInfo, LogFormat::kJson, "spanwire-broker");
  LogError("x", {{"n", 1}});
  EXPECT_THAT(log_.lines(), ElementsAre(HasSubstr("\"level\":\"error\",\"msg\":\"x\","
                                                  "\"daemon\":\"spanwire-broker\",\"n\":1}")));
}

TEST_F(LogTest, DropsWhatIsBelowItsLevel) {
  LogDebug("quiet");
  LogInfo("heard");
  InitLogging(LogLevel::kError, LogFormat::kLogfmt, "");
  LogWarning("quiet");
  LogError("heard");
  InitLogging(LogLevel::kDebug, LogFormat::kLogfmt, "");
  LogDebug("heard");
  EXPECT_EQ(log_.Count("quiet"), 0);
  EXPECT_EQ(log_.Count("heard"), 3);
}

TEST_F(LogTest, LimitsRepeatsByMessageWhateverTheFields) {
  for (int i = 0; i < 100; ++i) LogInfo("again", {{"n", i}});
  LogInfo("other");
  EXPECT_EQ(log_.Count("again"), limits::kLogRepeats);
  EXPECT_EQ(log_.Count("other"), 1);
}

TEST_F(LogTest, LosesAndMixesNoLineOfManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 50; ++i)
        LogInfo(absl::StrCat("thread ", t, " line ", i), {{"t", t}, {"i", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log_.lines().size(), 200);
  EXPECT_EQ(log_.Count("msg=\"thread 3 line 49\" t=3 i=49"), 1);
}

TEST(Log, GoesToStandardErrorOneLineAnEntry) {
  ::testing::internal::CaptureStderr();
  LogInfo("to standard error", {{"k", "v"}});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::MatchesRegex("ts=[^\n]* level=info msg=\"to standard error\" k=v\n"));
}

}  // namespace
}  // namespace spanwire::base
