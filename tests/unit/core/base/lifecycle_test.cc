#include "core/base/lifecycle.h"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "core/base/limits.h"
#include "tests/support/log_capture.h"

namespace spanwire::base {
namespace {

TEST(Lifecycle, FinishEndsTheAdminLoopWithItsExitCode) {
  Loop admin("admin");
  Lifecycle lifecycle(&admin);
  EXPECT_EQ(lifecycle.exit_code(), 0);
  admin.Post([&] {
    lifecycle.Finish(3);
    lifecycle.Finish(4);
  });
  admin.Run();
  EXPECT_EQ(lifecycle.exit_code(), 3);
}

TEST(Lifecycle, TheFirstSignalDrainsOnTheAdminLoop) {
  for (const int signal : {SIGTERM, SIGINT}) {
    test::LogCapture log;
    Loop admin("admin");
    Lifecycle lifecycle(&admin);
    bool on_loop = false;
    lifecycle.OnDrain(absl::Seconds(10), [&] {
      on_loop = admin.InThisThread() && lifecycle.draining();
      lifecycle.Finish(0);
    });
    EXPECT_FALSE(lifecycle.draining());
    ::raise(signal);
    admin.Run();
    EXPECT_TRUE(on_loop);
    EXPECT_EQ(lifecycle.exit_code(), 0);
    EXPECT_EQ(log.Count(absl::StrCat("msg=\"signal\" number=", signal)), 1);
  }
}

TEST(Lifecycle, ADrainIsCalledOnce) {
  Loop admin("admin");
  Lifecycle lifecycle(&admin);
  int drains = 0;
  lifecycle.OnDrain(absl::Seconds(10), [&] { ++drains; });
  lifecycle.Drain();
  lifecycle.Drain();
  ::raise(SIGTERM);
  const auto end = admin.After(absl::Milliseconds(20), [&] { lifecycle.Finish(0); });
  admin.Run();
  EXPECT_EQ(drains, 1);
}

TEST(Lifecycle, ASignalBeforeOnDrainIsNotLost) {
  Loop admin("admin");
  Lifecycle lifecycle(&admin);
  ::raise(SIGTERM);
  const auto later = admin.After(absl::Milliseconds(10), [&] {
    lifecycle.OnDrain(absl::Seconds(10), [&] { lifecycle.Finish(0); });
  });
  const auto guard = admin.After(absl::Seconds(30), [&] { lifecycle.Finish(9); });
  admin.Run();
  EXPECT_EQ(lifecycle.exit_code(), 0);
}

TEST(Lifecycle, ADrainThatTakesTooLongIsEnded) {
  test::LogCapture log;
  Loop admin("admin");
  Lifecycle lifecycle(&admin);
  lifecycle.OnDrain(absl::Milliseconds(10), [] {});
  lifecycle.Drain();
  admin.Run();
  EXPECT_EQ(lifecycle.exit_code(), 1);
  EXPECT_EQ(log.Count("drain timed out"), 1);
}

TEST(LifecycleDeathTest, ASecondSignalEndsTheProcessAtOnceEvenWhenTheLoopIsStuck) {
  const auto stuck = [](int signal) {
    Loop admin("admin");
    Lifecycle lifecycle(&admin);
    ::raise(SIGTERM);
    absl::SleepFor(limits::kSignalEcho * 1.5);
    ::raise(signal);  // no loop has run
    std::exit(0);
  };
  EXPECT_EXIT(stuck(SIGTERM), ::testing::ExitedWithCode(128 + SIGTERM), "");
  EXPECT_EXIT(stuck(SIGINT), ::testing::ExitedWithCode(128 + SIGINT), "");
}

TEST(LifecycleDeathTest, AnEchoOfTheFirstSignalIsNoSecondOne) {
  EXPECT_EXIT(
      {
        Loop admin("admin");
        Lifecycle lifecycle(&admin);
        ::raise(SIGTERM);
        ::raise(SIGTERM);
        lifecycle.OnDrain(absl::Seconds(10), [&] { lifecycle.Finish(3); });
        admin.Run();
        std::exit(lifecycle.exit_code());
      },
      ::testing::ExitedWithCode(3), "");
}

TEST(LifecycleDeathTest, AfterItsEndSignalsEndTheProcessAgain) {
  EXPECT_EXIT(
      {
        {
          Loop admin("admin");
          Lifecycle lifecycle(&admin);
        }
        ::raise(SIGTERM);
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST(LifecycleDeathTest, PrepareProcessIgnoresBrokenPipesAndRaisesTheLimitOfFiles) {
  EXPECT_EXIT(
      {
        rlimit files = {};
        ::getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = 64;
        ::setrlimit(RLIMIT_NOFILE, &files);
        PrepareProcess();
        ::raise(SIGPIPE);
        ::getrlimit(RLIMIT_NOFILE, &files);
        std::exit(files.rlim_cur == files.rlim_max && files.rlim_max > 64 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace spanwire::base
