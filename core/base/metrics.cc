#include "core/base/metrics.h"

#include <mutex>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace spanwire::base {

void Counter::Increment(double by) { counter_->Increment(by); }
double Counter::value() const { return counter_->Value(); }

void Gauge::Set(double value) { gauge_->Set(value); }
void Gauge::Add(double by) { gauge_->Increment(by); }
double Gauge::value() const { return gauge_->Value(); }

void Histogram::Observe(double value) { histogram_->Observe(value); }

struct Metrics::Impl {
  // Our handle of a metric of the registry's: one each, for good.
  template <typename Handle, typename Metric>
  Handle& HandleOf(std::map<Metric*, std::unique_ptr<Handle>>* handles, Metric& metric) {
    std::lock_guard<std::mutex> lock(mutex);
    std::unique_ptr<Handle>& handle = (*handles)[&metric];
    if (handle == nullptr) handle = std::make_unique<Handle>(&metric);
    return *handle;
  }

  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  std::mutex mutex;  // guards what follows
  std::map<prometheus::Counter*, std::unique_ptr<Counter>> counters;
  std::map<prometheus::Gauge*, std::unique_ptr<Gauge>> gauges;
  std::map<prometheus::Histogram*, std::unique_ptr<Histogram>> histograms;
  std::vector<absl::AnyInvocable<void()>> callbacks;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::AddCounter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  return impl_->HandleOf(&impl_->counters, family.Add(labels));
}

Gauge& Metrics::AddGauge(const std::string& name, const std::string& help, const Labels& labels) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  return impl_->HandleOf(&impl_->gauges, family.Add(labels));
}

Histogram& Metrics::AddHistogram(const std::string& name, const std::string& help,
                                 std::vector<double> bounds, const Labels& labels) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
  return impl_->HandleOf(&impl_->histograms, family.Add(labels, std::move(bounds)));
}

void Metrics::AddCallback(absl::AnyInvocable<void()> callback) {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  impl_->callbacks.push_back(std::move(callback));
}

std::string Metrics::Expose() {
  {
    std::lock_guard<std::mutex> lock(impl_->mutex);
    for (absl::AnyInvocable<void()>& callback : impl_->callbacks) callback();
  }
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

std::vector<double> LatencyBounds() {
  return {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
          0.05,   0.1,    0.2,    0.5,   1,     2,     5,    10};
}

}  // namespace spanwire::base
