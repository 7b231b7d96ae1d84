#include "core/base/field_value.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/duration.h"
#include "spanwire/v1/config.pb.h"

namespace spanwire::base {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FieldValueTest : public ::testing::Test {
 protected:
  const Setting& Find(const std::string& path) {
    for (const Setting& setting : settings_) {
      if (setting.Path() == path) return setting;
    }
    ADD_FAILURE() << "no setting " << path;
    return settings_[0];
  }
  absl::Status Set(const std::string& path, absl::string_view text) {
    const Setting& setting = Find(path);
    return SetFromText(text, setting.field(), setting.Holder(&config_));
  }
  std::string Error(const std::string& path, absl::string_view text) {
    return std::string(Set(path, text).message());
  }

  v1::BridgeConfig config_;
  const std::vector<Setting> settings_ = AllSettings(*v1::BridgeConfig::descriptor());
};

TEST_F(FieldValueTest, ASettingHasItsThreeNames) {
  const Setting& setting = Find("redis.password_file");
  EXPECT_EQ(setting.Flag(), "redis-password-file");
  EXPECT_EQ(setting.Environment(), "SPANWIRE_REDIS_PASSWORD_FILE");
}

TEST_F(FieldValueTest, NamesNeverCollideAndEveryKindCanBeSet) {
  for (const auto* type : {v1::BridgeConfig::descriptor(), v1::BrokerConfig::descriptor()}) {
    std::set<std::string> flags, variables;
    for (const Setting& setting : AllSettings(*type)) {
      EXPECT_TRUE(flags.insert(setting.Flag()).second) << setting.Path();
      EXPECT_TRUE(variables.insert(setting.Environment()).second) << setting.Path();
      const std::unique_ptr<google::protobuf::Message> root(
          google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
      google::protobuf::Message* holder = setting.Holder(root.get());
      int set = 0;
      for (const char* text : {"text", "true", "7", "json", "10s"}) {
        set += SetFromText(text, setting.field(), holder).ok() ? 1 : 0;
      }
      EXPECT_GT(set, 0) << setting.Path() << " takes nothing";
    }
  }
}

TEST_F(FieldValueTest, ReadsEachKind) {
  EXPECT_TRUE(Set("listen", "unix:/tmp/x").ok());
  EXPECT_TRUE(Set("bridge.legacy_json", "false").ok());
  EXPECT_TRUE(Set("bridge.threads", "7").ok());
  EXPECT_TRUE(Set("log.max_bytes", "16MiB").ok());
  EXPECT_TRUE(Set("log.ttl", "1h30m").ok());
  EXPECT_TRUE(Set("logging.format", "json").ok());
  EXPECT_TRUE(Set("bridge.allowed_hosts", "a").ok());
  EXPECT_TRUE(Set("bridge.allowed_hosts", "b").ok());
  EXPECT_EQ(config_.listen(), "unix:/tmp/x");
  EXPECT_TRUE(config_.bridge().has_legacy_json());
  EXPECT_FALSE(config_.bridge().legacy_json());
  EXPECT_EQ(config_.bridge().threads(), 7);
  EXPECT_EQ(config_.log().max_bytes(), 16 << 20);
  EXPECT_EQ(ToDuration(config_.log().ttl()), absl::Minutes(90));
  EXPECT_EQ(config_.logging().format(), v1::LoggingConfig::FORMAT_JSON);
  EXPECT_EQ(config_.bridge().allowed_hosts_size(), 2);
}

TEST_F(FieldValueTest, WritesWhatItReads) {
  for (const auto& [path, text] :
       std::vector<std::pair<std::string, std::string>>{{"listen", "unix:/tmp/x"},
                                                        {"bridge.legacy_json", "false"},
                                                        {"bridge.threads", "7"},
                                                        {"log.max_bytes", "16MiB"},
                                                        {"log.ttl", "1h30m"},
                                                        {"logging.format", "json"}}) {
    EXPECT_EQ(ToText(Find(path), config_), "");
    EXPECT_TRUE(Set(path, text).ok());
    EXPECT_EQ(ToText(Find(path), config_), text);
  }
  EXPECT_TRUE(Set("bridge.allowed_hosts", "a").ok());
  EXPECT_TRUE(Set("bridge.allowed_hosts", "b").ok());
  EXPECT_EQ(ToText(Find("bridge.allowed_hosts"), config_), "a,b");
}

TEST_F(FieldValueTest, SaysWhatWouldBeRight) {
  EXPECT_EQ(Error("bridge.legacy_json", "yes"), "\"yes\" is neither true nor false");
  EXPECT_EQ(Error("bridge.threads", "many"), "\"many\" is no whole number of 0 or more");
  EXPECT_EQ(Error("bridge.threads", "-1"), "\"-1\" is no whole number of 0 or more");
  EXPECT_EQ(Error("bridge.threads", ""), "\"\" is no whole number of 0 or more");
  EXPECT_EQ(Error("bridge.threads", "4294967296"),
            "\"4294967296\" is out of range: at most 4294967295");
  EXPECT_EQ(Error("bridge.threads", "99999999999999999999"),
            "\"99999999999999999999\" is out of range: at most 4294967295");
  EXPECT_EQ(Error("logging.format", "xml"), "\"xml\" is none of logfmt|json");
  EXPECT_EQ(Error("logging.format", "unspecified"), "\"unspecified\" is none of logfmt|json");
  EXPECT_EQ(Error("logging.format", ""), "\"\" is none of logfmt|json");
  EXPECT_THAT(Error("log.ttl", "10"), HasSubstr("is no duration"));
  EXPECT_THAT(Error("log.max_bytes", "8 megs"), HasSubstr("is no size in bytes"));
  EXPECT_EQ(v1::BridgeConfig().ByteSizeLong(), 0);
}

TEST_F(FieldValueTest, AControlCharacterIsRefusedAndTextIsNotShown) {
  const std::string error = Error("redis.url", "redis://:s3cret@h\n:1");
  EXPECT_THAT(error, HasSubstr("control character"));
  EXPECT_THAT(error, Not(HasSubstr("s3cret")));
}

TEST_F(FieldValueTest, LongWrongValuesAreCut) {
  EXPECT_LT(Error("bridge.threads", std::string(10'000, 'x')).size(), 200);
}

}  // namespace
}  // namespace spanwire::base
