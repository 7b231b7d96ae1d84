// spanwire-bridge: follows channels in Redis and delivers them to browsers.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/grpc_upstream.h"
#include "bridge/server.h"
#include "core/base/admin.h"
#include "core/base/duration.h"
#include "core/base/lifecycle.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/random.h"
#include "core/base/readiness.h"
#include "core/base/settings.h"
#include "core/base/version.h"
#include "core/redis/settings.h"

namespace spanwire::bridge {
namespace {

int Fail(const absl::Status& status, int exit_code) {
  std::fprintf(stderr, "spanwire-bridge: %s\n", std::string(status.message()).c_str());
  return exit_code;
}

// `config` has passed its checks.
Server::Options MakeOptions(const v1::BridgeConfig& config, redis::RedisOptions redis) {
  Server::Options options;
  options.listen = base::Address::Parse(config.listen()).value();
  options.prefix = config.log().prefix();
  options.feeds.redis = std::move(redis);
  options.feeds.log_ttl = base::ToDuration(config.log().ttl());
  options.feeds.instance = absl::StrCat("bridge-", absl::Hex(base::FreshSeed(), absl::kZeroPad16));
  options.feeds.plain_json = config.bridge().legacy_json();
  const auto& bridge = config.bridge();
  options.allowed_hosts.assign(bridge.allowed_hosts().begin(), bridge.allowed_hosts().end());
  options.allowed_origins.assign(bridge.allowed_origins().begin(), bridge.allowed_origins().end());
  options.threads = bridge.threads();
  return options;
}

int Main(int argc, char** argv) {
  base::PrepareProcess();
  v1::BridgeConfig config = base::DefaultBridgeConfig();
  redis::RedisOptions redis;
  base::ConfigSpec spec = base::BridgeSpec();
  spec.checks.push_back([&](const google::protobuf::Message&, auto* errors) {
    redis = redis::OptionsFromConfig(config.redis(), errors);
  });
  if (absl::Status status = base::LoadConfig(argc, argv, &config, spec); !status.ok()) {
    return Fail(status, base::kUsageExit);
  }
  base::InitLogging(config.logging(), "spanwire-bridge");

  base::Loop admin_loop("admin");
  base::Lifecycle lifecycle(&admin_loop);
  base::Metrics metrics;
  base::AddProcessMetrics(&metrics);
  base::Readiness readiness(&admin_loop,
                            {std::begin(Server::kConditions), std::end(Server::kConditions)});
  base::AdminServer admin(&admin_loop, &metrics, &readiness);
  if (absl::Status status = admin.Start(config.admin().listen()); !status.ok()) {
    return Fail(status, EXIT_FAILURE);
  }

  std::unique_ptr<Upstream> upstream;
  if (!config.broker().target().empty()) {
    upstream = NewUpstream(config.broker().target());
    if (upstream == nullptr) {
      return Fail(absl::UnimplementedError("broker.target: this build speaks no gRPC"),
                  base::kUsageExit);
    }
  }
  Server server(MakeOptions(config, std::move(redis)), std::move(upstream), &lifecycle, &metrics,
                &readiness);
  const absl::Duration window = base::ToDuration(config.drain_timeout());
  lifecycle.OnDrain(window + limits::kCloseDeadline + absl::Seconds(1), [&] {
    base::LogInfo("bridge draining");
    server.Drain(window, [&lifecycle] { lifecycle.Finish(0); });
  });
  server.Start();
  admin_loop.Run();
  base::LogInfo("bridge ended", {{"exit_code", lifecycle.exit_code()}});
  return lifecycle.exit_code();
}

}  // namespace
}  // namespace spanwire::bridge

int main(int argc, char** argv) { return spanwire::bridge::Main(argc, argv); }
