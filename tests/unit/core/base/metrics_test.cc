#include "core/base/metrics.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanwire::base {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, ExposesCountersGaugesAndHistograms) {
  Metrics metrics;
  Counter& events =
      metrics.AddCounter("spanwire_broker_events_total", "Events.", {{"result", "ok"}});
  Gauge& streams = metrics.AddGauge("spanwire_broker_streams", "Open streams.");
  Histogram& seconds = metrics.AddHistogram("spanwire_broker_append_seconds", "Appends.", {0.1, 1});
  events.Increment();
  events.Increment(2);
  streams.Set(5);
  streams.Add(-2);
  seconds.Observe(0.5);
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, HasSubstr("# HELP spanwire_broker_events_total Events.\n"
                              "# TYPE spanwire_broker_events_total counter\n"
                              "spanwire_broker_events_total{result=\"ok\"} 3"));
  EXPECT_THAT(text, HasSubstr("# TYPE spanwire_broker_streams gauge\nspanwire_broker_streams 3"));
  EXPECT_THAT(text, HasSubstr("spanwire_broker_append_seconds_bucket{le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("spanwire_broker_append_seconds_bucket{le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("spanwire_broker_append_seconds_bucket{le=\"+Inf\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("spanwire_broker_append_seconds_count 1\n"));
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameMetric) {
  Metrics metrics;
  Counter& a = metrics.AddCounter("spanwire_x_total", "X.", {{"k", "1"}});
  Counter& b = metrics.AddCounter("spanwire_x_total", "X.", {{"k", "1"}});
  Counter& c = metrics.AddCounter("spanwire_x_total", "X.", {{"k", "2"}});
  EXPECT_EQ(&a, &b);
  EXPECT_NE(&a, &c);
}

TEST(Metrics, RunsCallbacksBeforeEachExposition) {
  Metrics metrics;
  Gauge& gauge = metrics.AddGauge("spanwire_x", "X.");
  int n = 0;
  metrics.AddCallback([&] { gauge.Set(++n); });
  metrics.Expose();
  EXPECT_THAT(metrics.Expose(), HasSubstr("spanwire_x 2"));
}

TEST(Metrics, CountsFromManyThreadsWhileTheyAreRead) {
  Metrics metrics;
  Counter& counter = metrics.AddCounter("spanwire_x_total", "X.");
  Histogram& histogram = metrics.AddHistogram("spanwire_x_seconds", "X.", LatencyBounds());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        counter.Increment();
        histogram.Observe(0.001);
      }
    });
  }
  for (int i = 0; i < 20; ++i) metrics.Expose();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 4'000);
  EXPECT_THAT(metrics.Expose(), HasSubstr("spanwire_x_seconds_count 4000\n"));
}

TEST(Metrics, KnowsTheProcess) {
  Metrics metrics;
  AddProcessMetrics(&metrics);
  metrics.Expose();
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, ::testing::ContainsRegex("\nprocess_resident_memory_bytes [1-9]"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\nprocess_open_fds [1-9]"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\nprocess_max_fds [1-9]"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\nprocess_start_time_seconds [1-9]"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\nprocess_cpu_seconds_total [0-9]"));
}

}  // namespace
}  // namespace spanwire::base
