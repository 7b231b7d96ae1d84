#include "core/redis/settings.h"

#include <utility>

#include "core/base/duration.h"
#include "core/base/settings.h"

namespace spanwire::redis {

absl::StatusOr<RedisOptions> OptionsFromConfig(const v1::RedisConfig& config) {
  absl::StatusOr<RedisOptions> options = RedisOptions::FromUrl(config.url());
  if (!options.ok()) return options.status();
  if (config.has_username()) options->username = config.username();
  if (config.has_password_file()) {
    absl::StatusOr<std::string> password = base::ReadSecretFile(config.password_file());
    if (!password.ok()) return password.status();
    options->password = *std::move(password);
  }
  options->timeout = base::ToDuration(config.timeout());
  return options;
}

}  // namespace spanwire::redis
