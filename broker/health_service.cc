#include "broker/health_service.h"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <grpc/health/v1/health.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include "absl/container/flat_hash_set.h"
#include "core/base/limits.h"

namespace spanwire::broker {
namespace {

namespace health = grpc::health::v1;
using health::HealthCheckRequest;
using health::HealthCheckResponse;

// The server as a whole, and its one service of ours.
bool IsKnown(const std::string& service) {
  return service.empty() || service == "spanwire.v1.PublisherService";
}

class Watch;

class HealthServiceImpl final : public HealthService, public health::Health::CallbackService {
 public:
  explicit HealthServiceImpl(Broker* broker) : broker_(broker) {}

  grpc::Service* service() override { return this; }
  void SetServing(bool serving) override;
  void Close() override;

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const HealthCheckRequest* request,
                                  HealthCheckResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    if (IsKnown(request->service())) {
      response->set_status(status());
      reactor->Finish(grpc::Status::OK);
    } else {
      reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such service"));
    }
    return reactor;
  }

  grpc::ServerWriteReactor<HealthCheckResponse>* Watch(grpc::CallbackServerContext* context,
                                                       const HealthCheckRequest* request) override;

  HealthCheckResponse::ServingStatus status() const {
    return serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  }
  Broker* broker() { return broker_; }

  // The redis loop.
  void Add(broker::Watch* watch);
  void Remove(broker::Watch* watch) { watches_.erase(watch); }

 private:
  Broker* const broker_;
  std::atomic<bool> serving_ = false;
  bool closed_ = false;
  absl::flat_hash_set<broker::Watch*> watches_;
};

// One watcher. It belongs to the redis loop, as a publish stream does.
class Watch final : public grpc::ServerWriteReactor<HealthCheckResponse> {
 public:
  Watch(HealthServiceImpl* owner, bool known) : owner_(owner), known_(known) {}

  void Begin(std::shared_ptr<Watch> self) {
    self_ = std::move(self);
    owner_->broker()->Post([self = self_] { self->owner_->Add(self.get()); });
  }

  // gRPC's threads.
  void OnWriteDone(bool ok) override {
    owner_->broker()->Post([self = self_, ok] {
      self->writing_ = false;
      ok ? self->Tell() : self->End(grpc::Status::CANCELLED);
    });
  }
  void OnCancel() override {
    owner_->broker()->Post([self = self_] { self->End(grpc::Status::CANCELLED); });
  }
  void OnDone() override {
    HealthServiceImpl* const owner = owner_;
    owner->broker()->Post([self = std::move(self_)] { self->owner_->Remove(self.get()); });
  }

  // The redis loop: writes the status, unless it was written last.
  void Tell() {
    const auto status = known_ ? owner_->status() : HealthCheckResponse::SERVICE_UNKNOWN;
    if (ended_ || writing_ || (told_ && response_.status() == status)) return;
    told_ = true;
    writing_ = true;
    response_.set_status(status);
    StartWrite(&response_);
  }
  void End(const grpc::Status& status) {
    if (!std::exchange(ended_, true)) Finish(status);
  }

 private:
  HealthServiceImpl* const owner_;
  const bool known_;
  std::shared_ptr<Watch> self_;  // until OnDone
  HealthCheckResponse response_;
  bool told_ = false;
  bool writing_ = false;
  bool ended_ = false;
};

grpc::ServerWriteReactor<HealthCheckResponse>* HealthServiceImpl::Watch(
    grpc::CallbackServerContext*, const HealthCheckRequest* request) {
  auto watch = std::make_shared<broker::Watch>(this, IsKnown(request->service()));
  watch->Begin(watch);
  return watch.get();
}

void HealthServiceImpl::Add(broker::Watch* watch) {
  watches_.insert(watch);
  if (closed_)
    return watch->End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the broker is going down"));
  if (watches_.size() > limits::kHealthWatches) {
    return watch->End(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many watches"));
  }
  watch->Tell();
}

void HealthServiceImpl::SetServing(bool serving) {
  if (serving_.exchange(serving) == serving) return;
  for (broker::Watch* watch : watches_) watch->Tell();
}

void HealthServiceImpl::Close() {
  closed_ = true;
  for (broker::Watch* watch : watches_) {
    watch->End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the broker is going down"));
  }
}

}  // namespace

std::unique_ptr<HealthService> MakeHealthService(Broker* broker) {
  return std::make_unique<HealthServiceImpl>(broker);
}

}  // namespace spanwire::broker
