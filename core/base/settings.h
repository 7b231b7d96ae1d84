// The two daemons' settings: their defaults, their bounds and their flags. The bounds are those
// that the comments of config.proto state.
//
//     spanwire::v1::BrokerConfig config = DefaultBrokerConfig();
//     ConfigSpec spec = BrokerSpec();
//     spec.checks.push_back(…);  // what the daemon itself would refuse
//     if (absl::Status status = LoadConfig(argc, argv, &config, spec); !status.ok()) …
//
// After that every field that has a default is set and within its bounds, addresses parse and are
// local.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/base/config.h"
#include "spanwire/v1/config.pb.h"

namespace spanwire::base {

v1::BrokerConfig DefaultBrokerConfig();
v1::BridgeConfig DefaultBridgeConfig();

ConfigSpec BrokerSpec();
ConfigSpec BridgeSpec();

// The checks of BrokerSpec and BridgeSpec: all but those of Redis' url, user and password, which
// each main adds from the Redis layer.
void CheckBroker(const v1::BrokerConfig& config, std::vector<ConfigError>* errors);
void CheckBridge(const v1::BridgeConfig& config, std::vector<ConfigError>* errors);

// InitLogging as configured.
void InitLogging(const v1::LoggingConfig& config, absl::string_view daemon);

}  // namespace spanwire::base
