// gRPC server reflection, v1 and v1alpha: Debian's gRPC brings only the latter, clients of today
// ask for the former.
//
// Thread safety: stateless.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace grpc {
class Service;
}  // namespace grpc

namespace spanwire::broker {

// grpc.reflection.v1.ServerReflection and grpc.reflection.v1alpha.ServerReflection, both of which
// tell of `services`, by full name.
std::vector<std::unique_ptr<grpc::Service>> MakeReflectionServices(
    const std::vector<std::string>& services);

}  // namespace spanwire::broker
