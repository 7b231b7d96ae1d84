#include "core/base/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/config_comments.h"
#include "core/base/duration.h"
#include "core/base/field_value.h"
#include "core/base/limits.h"
#include "tests/support/log_capture.h"

namespace spanwire::base {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Texts(const std::vector<ConfigError>& errors) {
  std::vector<std::string> texts;
  for (const ConfigError& error : errors)
    texts.push_back(absl::StrCat(error.path, ": ", error.what));
  return texts;
}

// What is wrong with the defaults once `path` is `text`.
std::vector<std::string> Bridge(const std::string& path, const std::string& text) {
  v1::BridgeConfig config = DefaultBridgeConfig();
  for (const Setting& setting : AllSettings(*config.GetDescriptor())) {
    if (setting.Path() != path) continue;
    EXPECT_TRUE(SetFromText(text, setting.field(), setting.Holder(&config)).ok());
  }
  std::vector<ConfigError> errors;
  CheckBridge(config, &errors);
  return Texts(errors);
}

std::vector<std::string> Broker(const std::string& path, const std::string& text) {
  v1::BrokerConfig config = DefaultBrokerConfig();
  for (const Setting& setting : AllSettings(*config.GetDescriptor())) {
    if (setting.Path() != path) continue;
    EXPECT_TRUE(SetFromText(text, setting.field(), setting.Holder(&config)).ok());
  }
  std::vector<ConfigError> errors;
  CheckBroker(config, &errors);
  return Texts(errors);
}

TEST(Settings, TheDefaultsAreThoseThatTheContractStates) {
  const v1::BrokerConfig broker = DefaultBrokerConfig();
  EXPECT_EQ(broker.listen(), "127.0.0.1:7400");
  EXPECT_EQ(broker.admin().listen(), "127.0.0.1:7401");
  EXPECT_EQ(ToDuration(broker.append_deadline()), absl::Seconds(10));
  EXPECT_EQ(ToDuration(broker.drain_timeout()), absl::Seconds(10));
  EXPECT_EQ(broker.replication().replicas(), 0u) << "nothing is promised that may not be there";
  EXPECT_EQ(ToDuration(broker.replication().timeout()), absl::Seconds(1));
  const v1::BridgeConfig bridge = DefaultBridgeConfig();
  EXPECT_EQ(bridge.listen(), "127.0.0.1:7480");
  EXPECT_EQ(bridge.admin().listen(), "127.0.0.1:7481");
  EXPECT_EQ(ToDuration(bridge.drain_timeout()), absl::Seconds(5));
  EXPECT_TRUE(bridge.bridge().legacy_json());
  EXPECT_GE(bridge.bridge().threads(), 1);
  EXPECT_EQ(bridge.redis().url(), "redis://127.0.0.1:6379");
  EXPECT_EQ(ToDuration(bridge.redis().timeout()), absl::Seconds(5));
  EXPECT_EQ(bridge.logging().level(), "info");
  EXPECT_EQ(bridge.log().prefix(), "webgui");
  EXPECT_EQ(ToDuration(bridge.log().ttl()), absl::Hours(1));
  EXPECT_EQ(bridge.log().max_events(), 5'000);
  EXPECT_EQ(bridge.log().max_bytes(), 8 << 20);
}

TEST(Settings, TheDefaultsAreRight) {
  EXPECT_THAT(Broker("", ""), IsEmpty());
  EXPECT_THAT(Bridge("", ""), IsEmpty());
}

TEST(Settings, EverySettingIsExplained) {
  for (const auto* type : {v1::BridgeConfig::descriptor(), v1::BrokerConfig::descriptor()}) {
    for (const Setting& setting : AllSettings(*type)) {
      EXPECT_NE(CommentOf(setting.field()), "") << setting.Path();
    }
  }
  EXPECT_EQ(CommentOf(*v1::RedisConfig::descriptor()->FindFieldByName("url")),
            "redis://[user:password@]host:port or unix://[user:password@]/path. Default "
            "redis://127.0.0.1:6379.");
}

TEST(Settings, OnlyLocalAddressesAreServed) {
  for (const char* path : {"listen", "admin.listen"}) {
    EXPECT_THAT(Broker(path, "unix:/tmp/x"), IsEmpty());
    EXPECT_THAT(Broker(path, "[::1]:0"), IsEmpty());
    for (const char* address : {"0.0.0.0:7400", "[::]:7400", "192.168.1.2:7400", "broker:7400"}) {
      EXPECT_THAT(Broker(path, address),
                  ElementsAre(HasSubstr(absl::StrCat(path, ": address ", address,
                                                     " is not loopback: until identity exists"))));
      EXPECT_THAT(Bridge(path, address), ElementsAre(HasSubstr("is not loopback")));
    }
    EXPECT_THAT(Broker(path, "7400"), ElementsAre(HasSubstr("has no port")));
  }
  EXPECT_THAT(Broker("admin.listen", "off"), IsEmpty());
  EXPECT_THAT(Broker("listen", "off"), ElementsAre(HasSubstr("has no port")));
}

TEST(Settings, ReplicationHasBounds) {
  EXPECT_THAT(Broker("replication.replicas", "16"), IsEmpty());
  EXPECT_THAT(Broker("replication.replicas", "17"),
              ElementsAre("replication.replicas: 17 is out of range: 0 to 16"));
  EXPECT_THAT(Broker("replication.timeout", "10ms"), IsEmpty());
  // To WAIT, 0 means for ever.
  EXPECT_THAT(Broker("replication.timeout", "0s"),
              ElementsAre("replication.timeout: 0 is out of range: 10ms to 10s"));
  EXPECT_THAT(Broker("replication.timeout", "11s"),
              ElementsAre("replication.timeout: 11s is out of range: 10ms to 10s"));
}

TEST(Settings, BoundsAreInclusiveAndNamed) {
  struct Bound {
    const char* path;
    const char *below, *least, *most, *above;
  };
  for (const Bound& bound :
       std::vector<Bound>{{"redis.timeout", "99ms", "100ms", "60s", "60001ms"},
                          {"log.ttl", "999ms", "1s", "24h", "24h1s"},
                          {"log.max_events", "99", "100", "100000", "100001"},
                          {"log.max_bytes", "65535", "64KiB", "1GiB", "1073741825"},
                          {"append_deadline", "999ms", "1s", "60s", "61s"},
                          {"drain_timeout", nullptr, "0", "60s", "61s"}}) {
    EXPECT_THAT(Broker(bound.path, bound.least), IsEmpty()) << bound.path;
    EXPECT_THAT(Broker(bound.path, bound.most), IsEmpty()) << bound.path;
    EXPECT_THAT(Broker(bound.path, bound.above), ElementsAre(HasSubstr("is out of range: ")));
    if (bound.below == nullptr) continue;
    EXPECT_THAT(Broker(bound.path, bound.below), ElementsAre(HasSubstr("is out of range: ")));
  }
  EXPECT_THAT(Bridge("bridge.threads", "0"),
              ElementsAre("bridge.threads: 0 is out of range: 1 to 64"));
  EXPECT_THAT(Bridge("bridge.threads", "64"), IsEmpty());
  EXPECT_THAT(Bridge("bridge.threads", "65"),
              ElementsAre("bridge.threads: 65 is out of range: 1 to 64"));
}

TEST(Settings, NamesMustBeNames) {
  EXPECT_THAT(Broker("log.prefix", "web_gui-2"), IsEmpty());
  for (const char* prefix :
       {"", "Web", "a:b", "a{b}", "a b", "012345678901234567890123456789012"}) {
    EXPECT_THAT(Broker("log.prefix", prefix), ElementsAre(HasSubstr("log.prefix: "))) << prefix;
  }
  EXPECT_THAT(Broker("logging.level", "loud"),
              ElementsAre(HasSubstr("debug, info, warning or error")));
}

TEST(Settings, OriginsAndHostsAreExact) {
  for (const char* origin :
       {"https://app.example.com", "http://localhost:3000", "http://[::1]:8080"}) {
    EXPECT_THAT(Bridge("bridge.allowed_origins", origin), IsEmpty()) << origin;
  }
  for (const char* origin : {"*", "null", "app.example.com", "https://app.example.com/", "https://",
                             "https://App.example.com", "https://*.example.com", "://x"}) {
    EXPECT_THAT(Bridge("bridge.allowed_origins", origin), ElementsAre(HasSubstr("is no origin")))
        << origin;
  }
  EXPECT_THAT(Bridge("bridge.allowed_hosts", "app.example.com"), IsEmpty());
  for (const char* host : {"https://app.example.com", "app.example.com:80", "a/b", "*", ""}) {
    EXPECT_THAT(Bridge("bridge.allowed_hosts", host), ElementsAre(HasSubstr("is no host name")));
  }
}

TEST(Settings, ListsAreBounded) {
  v1::BridgeConfig config = DefaultBridgeConfig();
  for (size_t i = 0; i <= limits::kAllowedNames; ++i) {
    config.mutable_bridge()->add_allowed_hosts("a.example");
  }
  std::vector<ConfigError> errors;
  CheckBridge(config, &errors);
  EXPECT_THAT(Texts(errors), ElementsAre(HasSubstr("bridge.allowed_hosts: 65 ")));
}

TEST(Settings, LoggingIsSetUpAsConfigured) {
  test::LogCapture log;
  v1::LoggingConfig config;
  config.set_level("warning");
  config.set_format(v1::LoggingConfig::FORMAT_JSON);
  InitLogging(config, "spanwire-bridge");
  LogInfo("quiet");
  LogWarning("heard");
  InitLogging(LogLevel::kInfo, LogFormat::kLogfmt, "");
  EXPECT_THAT(log.lines(),
              ElementsAre(HasSubstr("\"msg\":\"heard\",\"daemon\":\"spanwire-bridge\"}")));
}

}  // namespace
}  // namespace spanwire::base
