// spanwire-broker: takes events from agents and commits them to the log in Redis.
//
// The main thread runs the admin loop; the redis loop has a thread, gRPC has its own.
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include <google/protobuf/stubs/logging.h>

#include "broker/broker.h"
#include "broker/server.h"
#include "core/base/admin.h"
#include "core/base/duration.h"
#include "core/base/lifecycle.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/readiness.h"
#include "core/base/settings.h"
#include "core/redis/settings.h"

namespace spanwire::broker {
namespace {

int Fail(const absl::Status& status, int exit_code) {
  std::fprintf(stderr, "spanwire-broker: %s\n", std::string(status.message()).c_str());
  return exit_code;
}

// `config` has passed its checks.
Broker::Options MakeOptions(const v1::BrokerConfig& config, redis::RedisOptions redis) {
  Broker::Options options;
  options.redis = std::move(redis);
  options.prefix = config.log().prefix();
  options.appender.log_ttl = base::ToDuration(config.log().ttl());
  options.appender.max_events = config.log().max_events();
  options.appender.max_bytes = config.log().max_bytes();
  options.appender.append_deadline = base::ToDuration(config.append_deadline());
  if (config.replication().replicas() > 0) {
    options.replication = {config.replication().replicas(),
                           base::ToDuration(config.replication().timeout())};
  }
  return options;
}

// Everything between the first signal and the end, on a thread of its own, because gRPC's shutdown
// waits.
class Drain {
 public:
  Drain(Broker* broker, Server* server, base::Lifecycle* lifecycle)
      : broker_(broker), server_(server), lifecycle_(lifecycle) {}

  // Agents are told to go elsewhere, what they have sent is committed and acknowledged, connections
  // get their GOAWAY.
  void Begin(absl::Duration timeout) {
    broker_->Post([this] {
      server_->SetServing(false);
      server_->CloseWatches();
      broker_->streams().Drain([this] { idle_.set_value(); });
    });
    thread_ = std::thread([this, timeout, idle = idle_.get_future()] {
      const bool finished =
          idle.wait_for(absl::ToChronoNanoseconds(timeout)) == std::future_status::ready;
      if (!finished) base::LogWarning("drain timed out; what is left is cut off");
      server_->Shutdown(limits::kShutdownGrace);
      lifecycle_->Finish(finished ? 0 : 1);
    });
  }

  // Waits until gRPC's calls are over.
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  Broker* const broker_;
  Server* const server_;
  base::Lifecycle* const lifecycle_;
  std::promise<void> idle_;
  std::thread thread_;
};

int Run(const v1::BrokerConfig& config, const Broker::Options& options,
        const base::Address& listen) {
  base::Loop admin_loop("admin");
  base::Loop redis_loop("redis");
  base::Lifecycle lifecycle(&admin_loop);
  base::Metrics metrics;
  base::AddProcessMetrics(&metrics);
  BrokerMetrics broker_metrics(&metrics);
  base::Readiness readiness(&admin_loop, {"listener", "redis", "running"});
  base::AdminServer admin(&admin_loop, &metrics, &readiness);
  if (absl::Status status = admin.Start(config.admin().listen()); !status.ok()) {
    return Fail(status, EXIT_FAILURE);
  }

  std::unique_ptr<Server> server;
  Broker broker(
      &redis_loop, options, &broker_metrics,
      [&](const absl::Status& verdict) {
        readiness.Set("redis", verdict.ok(), verdict.message());
        if (server != nullptr) server->SetServing(verdict.ok() && !lifecycle.draining());
      },
      [&] { lifecycle.Finish(1); });
  absl::StatusOr<std::unique_ptr<Server>> started = Server::Start(&broker, listen);
  if (!started.ok()) return Fail(started.status(), EXIT_FAILURE);
  server = *std::move(started);
  readiness.Set("listener", true);
  readiness.Set("running", true);

  Drain drain(&broker, server.get(), &lifecycle);
  const absl::Duration timeout = base::ToDuration(config.drain_timeout());
  lifecycle.OnDrain(timeout + limits::kShutdownGrace * 2, [&] {
    base::LogInfo("broker draining");
    readiness.Set("running", false, "draining");
    drain.Begin(timeout);
  });
  broker.Start();
  redis_loop.Start();
  admin_loop.Run();

  // gRPC first, then the loop that its calls live on, then what they point to.
  drain.Join();
  broker.Post([&] {
    broker.Stop();
    redis_loop.Stop();
  });
  redis_loop.Join();
  server.reset();
  base::LogInfo("broker ended", {{"exit_code", lifecycle.exit_code()}});
  return lifecycle.exit_code();
}

int Main(int argc, char** argv) {
  base::PrepareProcess();
  // Protobuf tells standard error of every string that is not UTF-8; the agent who sent it is told
  // instead.
  google::protobuf::SetLogHandler(nullptr);
  v1::BrokerConfig config = base::DefaultBrokerConfig();
  redis::RedisOptions redis;
  base::ConfigSpec spec = base::BrokerSpec();
  spec.checks.push_back([&](const google::protobuf::Message&, auto* errors) {
    redis = redis::OptionsFromConfig(config.redis(), errors);
  });
  if (absl::Status status = base::LoadConfig(argc, argv, &config, spec); !status.ok()) {
    return Fail(status, base::kUsageExit);
  }
  base::InitLogging(config.logging(), "spanwire-broker");
  return Run(config, MakeOptions(config, std::move(redis)),
             base::Address::Parse(config.listen()).value());
}

}  // namespace
}  // namespace spanwire::broker

int main(int argc, char** argv) { return spanwire::broker::Main(argc, argv); }
