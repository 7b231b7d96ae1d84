#include "core/redis/settings.h"

#include <string>
#include <utility>

#include "absl/strings/strip.h"
#include "core/base/duration.h"
#include "core/base/file.h"

namespace spanwire::redis {

RedisOptions OptionsFromConfig(const v1::RedisConfig& config,
                               std::vector<base::ConfigError>* errors) {
  absl::StatusOr<RedisOptions> url = RedisOptions::FromUrl(config.url());
  if (!url.ok()) {
    errors->push_back(
        {"redis.url", std::string(absl::StripPrefix(url.status().message(), "redis url: "))});
  }
  RedisOptions options = url.ok() ? *std::move(url) : RedisOptions();
  if (!config.username().empty()) options.username = config.username();
  if (!config.password_file().empty()) {
    absl::StatusOr<std::string> password = base::ReadSecretFile(config.password_file());
    if (password.ok()) {
      options.password = *std::move(password);
    } else {
      errors->push_back({"redis.password_file", std::string(password.status().message())});
    }
  } else if (!config.username().empty() && options.password.empty()) {
    errors->push_back(
        {"redis.username", "a user needs a password, in redis.password_file or the url"});
  }
  options.timeout = base::ToDuration(config.timeout());
  return options;
}

}  // namespace spanwire::redis
