// The two daemons' settings: their defaults, their bounds and their flags. The bounds are those
// that the comments of config.proto state.
//
//     spanwire::v1::BrokerConfig config = DefaultBrokerConfig();
//     if (absl::Status status = LoadConfig(argc, argv, &config, BrokerSpec()); !status.ok()) …
//
// After that every field that has a default is set and within its bounds, addresses parse and are
// local.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/config.h"
#include "spanwire/v1/config.pb.h"

namespace spanwire::base {

v1::BrokerConfig DefaultBrokerConfig();
v1::BridgeConfig DefaultBridgeConfig();

ConfigSpec BrokerSpec();
ConfigSpec BridgeSpec();

// The checks of BrokerSpec and BridgeSpec.
void CheckBroker(const v1::BrokerConfig& config, std::vector<ConfigError>* errors);
void CheckBridge(const v1::BridgeConfig& config, std::vector<ConfigError>* errors);

// A secret from a file: its content without the line end that editors leave, 1 to 4,096 bytes.
// Errors name the file, never the content.
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

// InitLogging as configured.
void InitLogging(const v1::LoggingConfig& config, absl::string_view daemon);

}  // namespace spanwire::base
