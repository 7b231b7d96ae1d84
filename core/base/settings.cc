#include "core/base/settings.h"

#include <algorithm>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/address.h"
#include "core/base/config_comments.h"
#include "core/base/duration.h"
#include "core/base/limits.h"
#include "core/base/log.h"

namespace spanwire::base {
namespace {

using Errors = std::vector<ConfigError>;

void CheckDuration(const google::protobuf::Duration& value, absl::string_view path,
                   absl::Duration least, absl::Duration most, Errors* errors) {
  const absl::Duration duration = ToDuration(value);
  if (duration >= least && duration <= most) return;
  errors->push_back(
      {std::string(path), absl::StrCat(absl::FormatDuration(duration),
                                       " is out of range: ", absl::FormatDuration(least), " to ",
                                       absl::FormatDuration(most))});
}

void CheckNumber(uint64_t value, absl::string_view path, uint64_t least, uint64_t most,
                 Errors* errors) {
  if (value >= least && value <= most) return;
  const bool bytes = absl::EndsWith(path, "_bytes");
  const auto shown = [&](uint64_t n) { return bytes ? FormatBytes(n) : absl::StrCat(n); };
  errors->push_back({std::string(path), absl::StrCat(shown(value), " is out of range: ",
                                                     shown(least), " to ", shown(most))});
}

void CheckAddress(const std::string& text, absl::string_view path, Errors* errors) {
  const absl::StatusOr<Address> address = Address::Parse(text);
  if (!address.ok()) {
    errors->push_back({std::string(path), std::string(address.status().message())});
  } else if (!address->IsLocal()) {
    errors->push_back(
        {std::string(path),
         absl::StrCat("address ", text,
                      " is not loopback: until identity exists, only 127.0.0.0/8, [::1], "
                      "localhost and unix sockets are served")});
  }
}

// Url, user and password are the Redis layer's to check, which reads them (core/redis/settings.h).
void CheckRedis(const v1::RedisConfig& redis, Errors* errors) {
  CheckDuration(redis.timeout(), "redis.timeout", limits::kRedisTimeoutFloor,
                limits::kRedisTimeoutCeiling, errors);
}

void CheckLog(const v1::EventLogConfig& log, Errors* errors) {
  const auto allowed = [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-';
  };
  if (log.prefix().empty() || log.prefix().size() > limits::kPrefixBytes ||
      !std::all_of(log.prefix().begin(), log.prefix().end(), allowed)) {
    errors->push_back({"log.prefix", absl::StrCat("is not 1 to ", limits::kPrefixBytes,
                                                  " characters of a-z, 0-9, _ and -")});
  }
  CheckDuration(log.ttl(), "log.ttl", limits::kLogTtlFloor, limits::kLogTtlCeiling, errors);
  CheckNumber(log.max_events(), "log.max_events", limits::kLogEventsFloor,
              limits::kLogEventsCeiling, errors);
  CheckNumber(log.max_bytes(), "log.max_bytes", limits::kLogBytesFloor, limits::kLogBytesCeiling,
              errors);
}

// What both daemons have.
template <typename Config>
void CheckCommon(const Config& config, Errors* errors) {
  CheckAddress(config.listen(), "listen", errors);
  CheckRedis(config.redis(), errors);
  if (config.admin().listen() != "off")
    CheckAddress(config.admin().listen(), "admin.listen", errors);
  const absl::Status level = ParseLogLevel(config.logging().level()).status();
  if (!level.ok()) errors->push_back({"logging.level", std::string(level.message())});
  CheckLog(config.log(), errors);
  CheckDuration(config.drain_timeout(), "drain_timeout", absl::ZeroDuration(),
                limits::kDrainCeiling, errors);
}

// As browsers write it: scheme://host or scheme://host:port, in lower case, without a path.
bool IsOrigin(absl::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme == text.npos || scheme == 0) return false;
  const absl::string_view authority = text.substr(scheme + 3);
  return !authority.empty() && authority.find_first_of("/?#@\\* \t") == authority.npos &&
         absl::AsciiStrToLower(text) == text;
}

bool IsHost(absl::string_view text) {
  return !text.empty() && text.find_first_of("/:?#@\\* \t") == text.npos;
}

void CheckBridgeOptions(const v1::BridgeOptions& options, Errors* errors) {
  for (const std::string& origin : options.allowed_origins()) {
    if (IsOrigin(origin)) continue;
    errors->push_back({"bridge.allowed_origins",
                       absl::StrCat("\"", origin,
                                    "\" is no origin as browsers send it: "
                                    "https://app.example.com, in lower case, without a path")});
  }
  for (const std::string& host : options.allowed_hosts()) {
    if (IsHost(host)) continue;
    errors->push_back(
        {"bridge.allowed_hosts",
         absl::StrCat("\"", host, "\" is no host name; it stands without scheme and port")});
  }
  CheckNumber(options.allowed_origins_size(), "bridge.allowed_origins", 0, limits::kAllowedNames,
              errors);
  CheckNumber(options.allowed_hosts_size(), "bridge.allowed_hosts", 0, limits::kAllowedNames,
              errors);
  CheckNumber(options.threads(), "bridge.threads", 1, limits::kThreads, errors);
}

template <typename Config>
Config DefaultCommon(absl::string_view listen, absl::string_view admin) {
  Config config;
  config.set_listen(std::string(listen));
  config.mutable_redis()->set_url("redis://127.0.0.1:6379");
  *config.mutable_redis()->mutable_timeout() = FromDuration(limits::kRedisTimeout);
  config.mutable_admin()->set_listen(std::string(admin));
  config.mutable_logging()->set_level("info");
  config.mutable_logging()->set_format(v1::LoggingConfig::FORMAT_LOGFMT);
  config.mutable_log()->set_prefix("webgui");
  *config.mutable_log()->mutable_ttl() = FromDuration(limits::kLogTtl);
  config.mutable_log()->set_max_events(limits::kLogEvents);
  config.mutable_log()->set_max_bytes(limits::kLogBytes);
  return config;
}

ConfigSpec CommonSpec() {
  ConfigSpec spec;
  spec.aliases = {{"redis", "redis.url"}, {"admin", "admin.listen"}};
  spec.describe = CommentOf;
  return spec;
}

}  // namespace

v1::BrokerConfig DefaultBrokerConfig() {
  auto config = DefaultCommon<v1::BrokerConfig>("127.0.0.1:7400", "127.0.0.1:7401");
  *config.mutable_append_deadline() = FromDuration(limits::kAppendDeadline);
  *config.mutable_drain_timeout() = FromDuration(limits::kDrainTimeout);
  config.mutable_replication()->set_replicas(0);
  *config.mutable_replication()->mutable_timeout() = FromDuration(limits::kReplicationTimeout);
  return config;
}

v1::BridgeConfig DefaultBridgeConfig() {
  auto config = DefaultCommon<v1::BridgeConfig>("127.0.0.1:7480", "127.0.0.1:7481");
  config.mutable_bridge()->set_legacy_json(true);
  const uint32_t cores = std::thread::hardware_concurrency();
  config.mutable_bridge()->set_threads(std::clamp(cores, 2u, limits::kThreads + 1) - 1);
  *config.mutable_drain_timeout() = FromDuration(limits::kDrainWindow);
  return config;
}

ConfigSpec BrokerSpec() {
  ConfigSpec spec = CommonSpec();
  spec.program = "spanwire-broker";
  spec.summary =
      "takes events from agents over gRPC, appends them to their channels' logs in Redis and "
      "publishes them.";
  spec.checks.push_back([](const google::protobuf::Message& config, Errors* errors) {
    CheckBroker(static_cast<const v1::BrokerConfig&>(config), errors);
  });
  return spec;
}

ConfigSpec BridgeSpec() {
  ConfigSpec spec = CommonSpec();
  spec.program = "spanwire-bridge";
  spec.aliases.push_back({"broker", "broker.target"});
  spec.summary = "follows channels in Redis and hands their events to browsers over WebSocket.";
  spec.checks.push_back([](const google::protobuf::Message& config, Errors* errors) {
    CheckBridge(static_cast<const v1::BridgeConfig&>(config), errors);
  });
  return spec;
}

void CheckBroker(const v1::BrokerConfig& config, std::vector<ConfigError>* errors) {
  CheckCommon(config, errors);
  CheckDuration(config.append_deadline(), "append_deadline", limits::kAppendDeadlineFloor,
                limits::kAppendDeadlineCeiling, errors);
  CheckNumber(config.replication().replicas(), "replication.replicas", 0, limits::kReplicasCeiling,
              errors);
  CheckDuration(config.replication().timeout(), "replication.timeout",
                limits::kReplicationTimeoutFloor, limits::kReplicationTimeoutCeiling, errors);
}

void CheckBridge(const v1::BridgeConfig& config, std::vector<ConfigError>* errors) {
  CheckCommon(config, errors);
  CheckBridgeOptions(config.bridge(), errors);
  if (!config.broker().target().empty())
    CheckAddress(config.broker().target(), "broker.target", errors);
}

void InitLogging(const v1::LoggingConfig& config, absl::string_view daemon) {
  const bool json = config.format() == v1::LoggingConfig::FORMAT_JSON;
  InitLogging(ParseLogLevel(config.level()).value_or(LogLevel::kInfo),
              json ? LogFormat::kJson : LogFormat::kLogfmt, daemon);
}

}  // namespace spanwire::base
