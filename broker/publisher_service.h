// PublisherService over gRPC: bytes in, machines' answers out.
//
// It reads raw messages and parses them itself: to generated code, a message that does not parse
// looks exactly like the agent's half-close, and would be answered OK with events missing.
//
// Threads: gRPC's read, route and post; everything else happens on the redis loop, which alone
// starts reads, writes and the end of a stream. A reactor lives until gRPC has said OnDone and the
// loop has heard of it.
#pragma once

#include <memory>

#include "broker/broker.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace spanwire::broker {

// `broker` outlives the service and its server; its loop runs until the server is gone.
std::unique_ptr<grpc::Service> MakePublisherService(Broker* broker);

}  // namespace spanwire::broker
