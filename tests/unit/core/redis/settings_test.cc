#include "core/redis/settings.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/base/settings.h"

namespace spanwire::redis {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class RedisSettingsTest : public ::testing::Test {
 protected:
  std::vector<std::string> Errors() {
    std::vector<base::ConfigError> errors;
    options_ = OptionsFromConfig(config_, &errors);
    std::vector<std::string> texts;
    for (const base::ConfigError& error : errors) {
      texts.push_back(absl::StrCat(error.path, ": ", error.what));
    }
    return texts;
  }
  std::string PasswordFile() {
    const std::string path = ::testing::TempDir() + "/spanwire_redis_settings_password";
    std::ofstream(path) << "s3cret\n";
    return path;
  }

  v1::RedisConfig config_ = base::DefaultBrokerConfig().redis();
  RedisOptions options_;
};

TEST_F(RedisSettingsTest, TheDefaultsAreRight) {
  EXPECT_THAT(Errors(), IsEmpty());
  EXPECT_EQ(options_.address.ToString(), "127.0.0.1:6379");
  EXPECT_EQ(options_.timeout, absl::Seconds(5));
  EXPECT_EQ(options_.password, "");
}

TEST_F(RedisSettingsTest, AUrlIsReadWholeAndNeverShown) {
  for (const char* url : {"unix:///run/redis.sock", "redis://:s3cret@h:1",
                          "unix://broker:s3cret@/run/redis.sock", "redis://h"}) {
    config_.set_url(url);
    EXPECT_THAT(Errors(), IsEmpty()) << url;
  }
  for (const char* url : {"rediss://:s3cret@h:1", "http://:s3cret@h", ":s3cret@h:1", "unix:/s3cret",
                          "redis://h:s3cret", "redis://:s3cret@h:bad", "redis://h:1/2", ""}) {
    config_.set_url(url);
    EXPECT_THAT(Errors(), ElementsAre(AllOf(HasSubstr("redis.url: "), Not(HasSubstr("s3cret")))))
        << url;
  }
}

TEST_F(RedisSettingsTest, FileAndUserStandAboveTheUrl) {
  config_.set_url("redis://url:other@h:1");
  config_.set_password_file(PasswordFile());
  config_.set_username("broker");
  EXPECT_THAT(Errors(), IsEmpty());
  EXPECT_EQ(options_.username, "broker");
  EXPECT_EQ(options_.password, "s3cret");
}

TEST_F(RedisSettingsTest, EmptyOnesAreNotGiven) {
  config_.set_url("redis://url:other@h:1");
  config_.set_password_file("");
  config_.set_username("");
  EXPECT_THAT(Errors(), IsEmpty());
  EXPECT_EQ(options_.username, "url");
  EXPECT_EQ(options_.password, "other");
}

TEST_F(RedisSettingsTest, APasswordFileMustBeReadable) {
  config_.set_password_file("/nowhere/password");
  EXPECT_THAT(Errors(), ElementsAre(AllOf(HasSubstr("redis.password_file: "),
                                          HasSubstr("/nowhere/password"))));
  config_.set_username("broker");
  EXPECT_THAT(Errors(), ElementsAre(HasSubstr("redis.password_file: ")));
}

TEST_F(RedisSettingsTest, AUserNeedsAPassword) {
  config_.set_username("broker");
  EXPECT_THAT(Errors(), ElementsAre(HasSubstr("redis.username: a user needs a password")));
  config_.set_url("redis://:s3cret@h");
  EXPECT_THAT(Errors(), IsEmpty());
  EXPECT_EQ(options_.username, "broker");
}

}  // namespace
}  // namespace spanwire::redis
