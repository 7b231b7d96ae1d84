#include "bridge/upstream.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "bridge/grpc_upstream.h"
#include "core/base/limits.h"
#include "spanwire/v1/publisher.grpc.pb.h"

namespace spanwire::bridge {
namespace {

struct PublishRpc {
  grpc::ClientContext context;
  v1::PublishRequest request;
  v1::PublishResponse response;
  Upstream::Done done;
  size_t bytes = 0;
};

class GrpcUpstream final : public Upstream {
 public:
  explicit GrpcUpstream(const std::string& target) {
    grpc::ChannelArguments arguments;
    // A broker is near; http_proxy in the environment is about other things.
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    stub_ = v1::PublisherService::NewStub(
        grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
  }

  ~GrpcUpstream() override {
    absl::MutexLock lock(&mutex_);
    closing_ = true;
    for (PublishRpc* rpc : rpcs_) rpc->context.TryCancel();
    const auto ended = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return rpcs_.empty(); };
    mutex_.Await(absl::Condition(&ended));
  }

  void Publish(const v1::PublishRequest& request, Done done) override {
    auto rpc = std::make_unique<PublishRpc>();
    rpc->bytes = request.ByteSizeLong();
    if (!Add(rpc.get())) {
      return done(absl::ResourceExhaustedError("too much is being published now"));
    }
    rpc->request = request;
    rpc->done = std::move(done);
    rpc->context.set_deadline(std::chrono::system_clock::now() +
                              absl::ToChronoMilliseconds(limits::kUpstreamDeadline));
    PublishRpc* const started = rpc.release();
    stub_->async()->Publish(&started->context, &started->request, &started->response,
                            [this, started](const grpc::Status& status) {
                              Finish(std::unique_ptr<PublishRpc>(started), status);
                            });
  }

 private:
  // False: it is too much.
  bool Add(PublishRpc* rpc) {
    absl::MutexLock lock(&mutex_);
    if (closing_ || rpcs_.size() >= limits::kUpstreamCalls ||
        bytes_ + rpc->bytes > limits::kUpstreamBytes) {
      return false;
    }
    bytes_ += rpc->bytes;
    rpcs_.insert(rpc);
    return true;
  }

  void Finish(std::unique_ptr<PublishRpc> rpc, const grpc::Status& status) {
    if (status.ok()) {
      rpc->done(std::move(rpc->response));
    } else {
      rpc->done(
          absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message()));
    }
    absl::MutexLock lock(&mutex_);
    bytes_ -= rpc->bytes;
    rpcs_.erase(rpc.get());
  }

  std::unique_ptr<v1::PublisherService::Stub> stub_;
  absl::Mutex mutex_;
  absl::flat_hash_set<PublishRpc*> rpcs_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<Upstream> NewUpstream(const std::string& target) {
  return std::make_unique<GrpcUpstream>(target);
}

}  // namespace spanwire::bridge
