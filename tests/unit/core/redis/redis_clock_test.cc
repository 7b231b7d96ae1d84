#include "core/redis/redis_clock.h"

#include <string>

#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"

namespace spanwire::redis {
namespace {

using ::spanwire::test::Array;
using ::spanwire::test::ErrorReply;
using ::spanwire::test::Text;

Reply Time(absl::Time time) {
  const int64_t micros = absl::ToUnixMicros(time);
  return Array(
      {Text(std::to_string(micros / 1'000'000)), Text(std::to_string(micros % 1'000'000))});
}

class RedisClockTest : public ::testing::Test {
 protected:
  test::FakeExecutor executor_;
  test::FakeCommands commands_;
  RedisClock clock_{&executor_, &commands_};
};

TEST_F(RedisClockTest, IsThisMachinesUntilRedisHasTold) {
  EXPECT_EQ(clock_.Now(), executor_.Now());
  EXPECT_EQ(clock_.offset(), absl::nullopt);
}

TEST_F(RedisClockTest, TakesTheMiddleOfTheRoundTrip) {
  const absl::Time redis = executor_.Now() + absl::Hours(1);
  clock_.OnUp();
  executor_.Advance(absl::Milliseconds(10));
  commands_.Answer(Time(redis + absl::Milliseconds(5)));
  EXPECT_EQ(clock_.Now(), redis + absl::Milliseconds(10));
  EXPECT_EQ(clock_.offset(), absl::Hours(1));
  executor_.Advance(absl::Seconds(3));
  EXPECT_EQ(clock_.Now(), redis + absl::Milliseconds(3'010));
}

TEST_F(RedisClockTest, AJumpOfTheWallClockDoesNotShow) {
  clock_.OnUp();
  commands_.Answer(Time(executor_.Now()));
  const absl::Time before = clock_.Now();
  executor_.JumpWallClock(-absl::Hours(5));
  EXPECT_EQ(clock_.Now(), before);
  EXPECT_EQ(clock_.offset(), absl::Hours(5));
}

TEST_F(RedisClockTest, AsksAgainEveryMinuteWhileConnected) {
  clock_.OnUp();
  commands_.Answer(Time(executor_.Now()));
  executor_.Advance(limits::kClockInterval);
  ASSERT_EQ(commands_.waiting(), 1u);
  const absl::Time redis = executor_.Now() + absl::Seconds(7);
  commands_.Answer(Time(redis));
  EXPECT_EQ(clock_.Now(), redis);
  clock_.OnDown(absl::UnavailableError("lost"));
  executor_.Advance(limits::kClockInterval * 2);
  EXPECT_EQ(commands_.waiting(), 0u);
  EXPECT_EQ(clock_.offset(), absl::Seconds(7)) << "kept over the loss";
}

TEST_F(RedisClockTest, AnAnswerThatIsNoTimeChangesNothing) {
  clock_.OnUp();
  commands_.Answer(ErrorReply("NOPERM"));
  EXPECT_EQ(clock_.offset(), absl::nullopt);
  executor_.Advance(limits::kClockInterval);
  commands_.Answer(Array({Text("x"), Text("y")}));
  EXPECT_EQ(clock_.offset(), absl::nullopt);
}

}  // namespace
}  // namespace spanwire::redis
