// A daemon's Redis settings, as RedisOptions.
#pragma once

#include "absl/status/statusor.h"
#include "core/redis/options.h"
#include "spanwire/v1/config.pb.h"

namespace spanwire::redis {

// Reads the url, the user name and the password's file, which stand above what the url says. Errors
// name the setting, never a secret. For main, before the threads start.
absl::StatusOr<RedisOptions> OptionsFromConfig(const v1::RedisConfig& config);

}  // namespace spanwire::redis
