#include "broker/server.h"

#include <string>
#include <utility>
#include <vector>

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

#include "absl/time/clock.h"
#include "broker/handed_over.h"
#include "broker/health_service.h"
#include "broker/publisher_service.h"
#include "broker/reflection_service.h"
#include "core/base/acceptor.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/loop.h"

namespace spanwire::broker {
namespace {

// gRPC's own complaints go where ours go, in our shape.
void LogFromGrpc(gpr_log_func_args* entry) {
  if (entry->severity == GPR_LOG_SEVERITY_ERROR) {
    base::LogWarning("grpc complains", {{"text", entry->message}});
  } else {
    base::LogDebug("grpc says", {{"text", entry->message}});
  }
}

void SetLimits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(static_cast<int>(limits::kGrpcMessageBytes));
  grpc::ResourceQuota quota("spanwire-broker");
  quota.Resize(limits::kGrpcBytes);
  builder->SetResourceQuota(quota);
  const auto milliseconds = [](absl::Duration duration) {
    return static_cast<int>(absl::ToInt64Milliseconds(duration));
  };
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                              static_cast<int>(limits::kStreamsPerConnection));
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              milliseconds(limits::kAgentHandshakeDeadline));
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(limits::kHeadBytes));
  // An agent whose machine is gone is noticed, and its streams end.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(limits::kAgentPingInterval));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              milliseconds(limits::kAgentPongDeadline));
  // Agents may look after us as often.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              milliseconds(limits::kAgentPingInterval / 3));
}

// Accepts the agents' connections, on a thread of its own, and hands them over to gRPC. Its own
// accept loop goes deaf for ever when descriptors run out once (1.51, CVE-2023-4785).
class Door final : private base::Acceptor::Handler {
 public:
  using Grpc = grpc::experimental::ExternalConnectionAcceptor;

  // Comes before BuildAndStart, Open after it.
  Door(grpc::ServerBuilder* builder, BrokerMetrics* metrics)
      : metrics_(metrics),
        grpc_(builder->experimental().AddExternalConnectionAcceptor(
            grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
            grpc::InsecureServerCredentials())) {}
  ~Door() override { Close(); }

  absl::Status Bind(const base::Address& listen) { return acceptor_.Start(listen); }
  void Open() { loop_.Start(); }
  // Comes before gRPC's shutdown, after which it would leak what it is given.
  void Close() {
    loop_.Stop();
    loop_.Join();
    acceptor_.Stop();
  }
  const base::Address& address() const { return acceptor_.address(); }

 private:
  bool Admits(const base::FileDescriptor& fd) override {
    return LeavesReserve(fd.get()) && connections_.HasRoom(loop_.Uptime());
  }
  void OnConnection(base::FileDescriptor fd) override {
    metrics_->connections.Increment();
    connections_.Add(fd.get());
    Grpc::NewConnectionParameters parameters;
    parameters.fd = fd.Release();
    grpc_->HandleNewConnection(&parameters);
  }
  // The agent sees that the connection ends, and comes again later.
  void OnRefused(const base::FileDescriptor&) override {
    metrics_->refused_connections.Increment();
  }

  BrokerMetrics* const metrics_;
  const std::unique_ptr<Grpc> grpc_;
  HandedOver connections_;
  base::Loop loop_{"accept"};
  base::Acceptor acceptor_{&loop_, this};
};

}  // namespace

struct Server::Impl {
  std::unique_ptr<grpc::Service> publisher;
  std::unique_ptr<HealthService> health;
  std::vector<std::unique_ptr<grpc::Service>> reflection;
  std::unique_ptr<Door> door;
  std::unique_ptr<grpc::Server> server;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Broker* broker, const base::Address& listen) {
  gpr_set_log_function(LogFromGrpc);
  auto impl = std::make_unique<Impl>();
  impl->publisher = MakePublisherService(broker);
  impl->health = MakeHealthService(broker);
  impl->reflection = MakeReflectionServices(
      {"spanwire.v1.PublisherService", "grpc.health.v1.Health",
       "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"});
  grpc::ServerBuilder builder;
  impl->door = std::make_unique<Door>(&builder, broker->metrics());
  if (absl::Status status = impl->door->Bind(listen); !status.ok()) return status;
  SetLimits(&builder);
  builder.RegisterService(impl->publisher.get());
  builder.RegisterService(impl->health->service());
  for (const auto& service : impl->reflection) builder.RegisterService(service.get());
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr) return absl::InternalError("gRPC does not start");
  impl->door->Open();
  base::LogInfo("broker listening", {{"address", impl->door->address().ToString()}});
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const base::Address& Server::address() const { return impl_->door->address(); }
void Server::SetServing(bool serving) { impl_->health->SetServing(serving); }
void Server::CloseWatches() { impl_->health->Close(); }

void Server::Shutdown(absl::Duration timeout) {
  impl_->door->Close();
  impl_->server->Shutdown(absl::ToChronoTime(absl::Now() + timeout));
}

}  // namespace spanwire::broker
