// grpc.health.v1.Health on the project's own terms: with a descriptor, which gRPC 1.51's lacks, and
// following readiness.
//
// Threads: Check answers on gRPC's threads; watchers belong to the redis loop.
#pragma once

#include <memory>

#include "broker/broker.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace spanwire::broker {

class HealthService {
 public:
  virtual ~HealthService() = default;
  virtual grpc::Service* service() = 0;
  // On the redis loop: what watchers are told and Check answers. Not serving at first.
  virtual void SetServing(bool serving) = 0;
  // On the redis loop: ends all watches, now and those that come.
  virtual void Close() = 0;
};

// `broker` outlives the service and its server.
std::unique_ptr<HealthService> MakeHealthService(Broker* broker);

}  // namespace spanwire::broker
