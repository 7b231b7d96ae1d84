#include "core/base/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_executor.h"
#include "tests/support/log_capture.h"

namespace spanwire::base {
namespace {

TEST(Readiness, HoldsWhenAllItsConditionsHold) {
  test::LogCapture log;
  test::FakeExecutor executor;
  Readiness readiness(&executor, {"redis", "listener"});
  EXPECT_FALSE(readiness.ready());
  EXPECT_EQ(readiness.Describe(), "listener: starting; redis: starting");
  readiness.Set("redis", true);
  readiness.Set("listener", false, "address in use");
  EXPECT_EQ(readiness.Describe(),
            "listener: starting; redis: starting");  // not before the admin loop's turn
  executor.RunPosted();
  EXPECT_EQ(readiness.Describe(), "listener: address in use");
  readiness.Set("listener", true);
  executor.RunPosted();
  EXPECT_TRUE(readiness.ready());
  EXPECT_EQ(readiness.Describe(), "ready");
  EXPECT_EQ(log.Count("level=info msg=\"ready\""), 1);
}

TEST(Readiness, ALossIsLoggedOnceWithItsReason) {
  test::LogCapture log;
  test::FakeExecutor executor;
  Readiness readiness(&executor, {"redis"});
  readiness.Set("redis", true);
  for (int i = 0; i < 3; ++i) readiness.Set("redis", false, "connection refused");
  executor.RunPosted();
  EXPECT_FALSE(readiness.ready());
  EXPECT_EQ(log.Count("level=warning msg=\"not ready\" reason=\"redis: connection refused\""), 1);
}

TEST(Readiness, ReasonsStayOnOneLine) {
  test::FakeExecutor executor;
  Readiness readiness(&executor, {"redis"});
  readiness.Set("redis", false, "-ERR a\r\nb\x1b[1m");
  executor.RunPosted();
  EXPECT_EQ(readiness.Describe(), "redis: -ERR a  b [1m");
}

TEST(Readiness, WhatIsPostedMayOutliveIt) {
  test::FakeExecutor executor;
  {
    Readiness readiness(&executor, {"redis"});
    readiness.Set("redis", true);
  }
  executor.RunPosted();
}

}  // namespace
}  // namespace spanwire::base
