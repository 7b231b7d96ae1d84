// Makes the Upstream that speaks gRPC. Only main and upstream.cc know it.
//
// Thread safety: stateless.
#pragma once

#include <memory>
#include <string>

#include "bridge/upstream.h"

namespace spanwire::bridge {

// `target`: host:port or unix:/path. Connects when something is published, and again when needed.
std::unique_ptr<Upstream> NewUpstream(const std::string& target);

}  // namespace spanwire::bridge
