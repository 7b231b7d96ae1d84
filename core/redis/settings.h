// A daemon's Redis settings, as RedisOptions.
#pragma once

#include <vector>

#include "core/base/config.h"
#include "core/redis/options.h"
#include "spanwire/v1/config.pb.h"

namespace spanwire::redis {

// Reads the url, the user name and the password's file, which stand above what the url says; empty
// ones count as not given. What is wrong is added to `errors`, by the setting's name and without
// any secret; what is returned is then of no use. For a ConfigSpec's check, before the threads
// start: so what --check-config refuses is what the start refuses, and the file is read once.
RedisOptions OptionsFromConfig(const v1::RedisConfig& config,
                               std::vector<base::ConfigError>* errors);

}  // namespace spanwire::redis
