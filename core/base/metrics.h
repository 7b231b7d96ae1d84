// What the daemon counts and measures, exposed as Prometheus text on the admin listener.
//
// Names are spanwire_<daemon>_<what>_<unit|total>. Metrics are made at start and live as long as
// their Metrics; the same name and labels give the same metric again. A wrong name or label, or one
// name with two kinds, is a defect: it ends the process.
//
// Owner: the daemon's main. Thread safety: everything from any thread. Increment, Set and Add are
// atomic operations; Observe takes a short lock.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace spanwire::base {

// Only grows.
class Counter {
 public:
  explicit Counter(prometheus::Counter* counter) : counter_(counter) {}
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  // `by` is not negative.
  void Increment(double by = 1);
  double value() const;

 private:
  prometheus::Counter* const counter_;
};

// A value that goes up and down.
class Gauge {
 public:
  explicit Gauge(prometheus::Gauge* gauge) : gauge_(gauge) {}
  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;
  void Set(double value);
  void Add(double by);
  double value() const;

 private:
  prometheus::Gauge* const gauge_;
};

// How values are distributed over fixed buckets.
class Histogram {
 public:
  explicit Histogram(prometheus::Histogram* histogram) : histogram_(histogram) {}
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;
  void Observe(double value);

 private:
  prometheus::Histogram* const histogram_;
};

class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `bounds` are the upper bounds of the buckets, rising; +Inf is added.
  Histogram& AddHistogram(const std::string& name, const std::string& help,
                          std::vector<double> bounds, const Labels& labels = {});

  // Run before each exposition, on the thread that calls Expose (the admin loop's): it may touch
  // atomics and metrics only, and must not add metrics or callbacks.
  void AddCallback(absl::AnyInvocable<void()> callback);

  // Everything in Prometheus' text format, version 0.0.4.
  std::string Expose();

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

// Upper bounds for latencies in seconds: 100 µs to 10 s, three a decade.
std::vector<double> LatencyBounds();

// process_*: memory, descriptors, CPU and start time, as Prometheus' own clients name them.
void AddProcessMetrics(Metrics* metrics);

}  // namespace spanwire::base
