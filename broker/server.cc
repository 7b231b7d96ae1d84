#include "broker/server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/health_service.h"
#include "broker/publisher_service.h"
#include "broker/reflection_service.h"
#include "core/base/limits.h"
#include "core/base/log.h"

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

// Whether somebody serves the unix socket: gRPC would take its place without a word.
bool IsServed(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const bool served = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return served;
}

void SetLimits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(static_cast<int>(limits::kGrpcMessageBytes));
  grpc::ResourceQuota quota("spanwire-broker");
  quota.Resize(limits::kGrpcBytes);
  builder->SetResourceQuota(quota);
  const auto milliseconds = [](absl::Duration duration) {
    return static_cast<int>(absl::ToInt64Milliseconds(duration));
  };
  // Two brokers on one port would share the agents by chance.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
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

}  // namespace

struct Server::Impl {
  base::Address address;
  std::unique_ptr<grpc::Service> publisher;
  std::unique_ptr<HealthService> health;
  std::vector<std::unique_ptr<grpc::Service>> reflection;
  std::unique_ptr<grpc::Server> server;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Broker* broker, const base::Address& listen) {
  gpr_set_log_function(LogFromGrpc);
  const auto in_use = [&](absl::string_view why) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", listen.ToString(), ": ", why));
  };
  if (listen.unix_socket && IsServed(listen.host_or_path))
    return in_use("another process serves it");

  auto impl = std::make_unique<Impl>();
  impl->address = listen;
  impl->publisher = MakePublisherService(broker);
  impl->health = MakeHealthService(broker);
  impl->reflection = MakeReflectionServices(
      {"spanwire.v1.PublisherService", "grpc.health.v1.Health",
       "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"});
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(listen.ToString(), grpc::InsecureServerCredentials(), &port);
  SetLimits(&builder);
  builder.RegisterService(impl->publisher.get());
  builder.RegisterService(impl->health->service());
  for (const auto& service : impl->reflection) builder.RegisterService(service.get());
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || port <= 0)
    return in_use("it is in use, or not an address of this machine");
  if (!listen.unix_socket) impl->address.port = static_cast<uint16_t>(port);
  base::LogInfo("broker listening", {{"address", impl->address.ToString()}});
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const base::Address& Server::address() const { return impl_->address; }
void Server::SetServing(bool serving) { impl_->health->SetServing(serving); }
void Server::CloseWatches() { impl_->health->Close(); }

void Server::Shutdown(absl::Duration timeout) {
  impl_->server->Shutdown(absl::ToChronoTime(absl::Now() + timeout));
}

}  // namespace spanwire::broker
