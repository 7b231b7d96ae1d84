#include "broker/probe.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"

namespace spanwire::broker {
namespace {

using test::Array;
using test::ErrorReply;
using test::Integer;
using test::Text;
using ::testing::HasSubstr;

class ProbeTest : public ::testing::Test {
 protected:
  void Answer(int64_t unpublished = 0) {
    redis_.Answer(Array({Text("5-1"), Integer(1), Integer(unpublished), Integer(0)}));
  }
  // Of the call that waits: the mode, and its event's sequence.
  std::string Mode() { return redis_.next()[9]; }
  std::string Sequence() { return redis_.next()[17]; }

  test::FakeExecutor executor_;
  test::FakeCommands redis_;
  channel::Names names_{"webgui"};
  int verdicts_ = 0;
  Probe probe_{&executor_, &redis_, &names_, "i1", "PUBLISH", [this] { ++verdicts_; }};
};

TEST_F(ProbeTest, AsksAtOnceWithALoggedEventAndThenEverySecondWithATransientOne) {
  EXPECT_TRUE(absl::IsUnavailable(probe_.verdict()));
  probe_.OnUp();
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(redis_.next()[3], "webgui:log:{webgui:probe:i1}");
  EXPECT_EQ(redis_.next()[6], "webgui:probe:i1");
  EXPECT_EQ(Mode(), "open");
  EXPECT_EQ(Sequence(), "1");
  Answer();
  EXPECT_TRUE(probe_.verdict().ok());
  EXPECT_EQ(verdicts_, 1);
  executor_.Advance(limits::kProbeInterval);
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(Mode(), "keep");
  EXPECT_EQ(Sequence(), "-2");
}

TEST_F(ProbeTest, NotPublishedIsARightThatIsMissing) {
  probe_.OnUp();
  Answer(/*unpublished=*/1);
  EXPECT_TRUE(absl::IsPermissionDenied(probe_.verdict()));
  EXPECT_THAT(std::string(probe_.verdict().message()), HasSubstr("&webgui:*"));
  // After a failure everything is to be proven again.
  executor_.Advance(limits::kProbeInterval);
  EXPECT_EQ(Mode(), "open");
  Answer();
  EXPECT_TRUE(probe_.verdict().ok());
}

TEST_F(ProbeTest, AnErrorIsTheReason) {
  probe_.OnUp();
  redis_.Answer(ErrorReply("OOM command not allowed when used memory > 'maxmemory'."));
  EXPECT_TRUE(absl::IsResourceExhausted(probe_.verdict()));
  executor_.Advance(limits::kProbeInterval);
  redis_.Answer(ErrorReply("NOPERM this user has no permissions to run the 'evalsha' command"));
  EXPECT_THAT(std::string(probe_.verdict().message()), HasSubstr("NOPERM"));
}

TEST_F(ProbeTest, NoAnswerByTheDeadlineIsAFailure) {
  probe_.OnUp();
  Answer();
  executor_.Advance(limits::kProbeInterval);
  executor_.Advance(limits::kProbeDeadline - absl::Milliseconds(1));
  EXPECT_TRUE(probe_.verdict().ok());
  executor_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(std::string(probe_.verdict().message()), HasSubstr("for 1s"));
  EXPECT_EQ(redis_.waiting(), 1u);  // one at a time
  Answer();
  EXPECT_TRUE(probe_.verdict().ok());
}

TEST_F(ProbeTest, ALostConnectionIsAFailureAndItsAnswersAreNobodys) {
  probe_.OnUp();
  Answer();
  executor_.Advance(limits::kProbeInterval);
  probe_.OnDown();
  EXPECT_TRUE(absl::IsUnavailable(probe_.verdict()));
  executor_.Advance(absl::Minutes(1));
  EXPECT_EQ(redis_.waiting(), 1u);
  probe_.OnUp();
  Answer();  // of the old connection
  EXPECT_TRUE(absl::IsUnavailable(probe_.verdict()));
  EXPECT_EQ(Mode(), "open");
  Answer();
  EXPECT_TRUE(probe_.verdict().ok());
}

TEST_F(ProbeTest, ADemotedMasterIsGivenUp) {
  probe_.OnUp();
  redis_.Answer(ErrorReply("READONLY You can't write against a read only replica."));
  EXPECT_FALSE(redis_.reset().ok());
}

}  // namespace
}  // namespace spanwire::broker
