#include "core/base/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/duration.h"
#include "spanwire/v1/config.pb.h"

namespace spanwire::base {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

class YamlTest : public ::testing::Test {
 protected:
  std::vector<std::string> Read(absl::string_view text) {
    std::vector<std::string> errors;
    ReadYaml(text, "c.yaml", &config_, &origins_, &errors);
    return errors;
  }

  v1::BridgeConfig config_;
  std::map<std::string, std::string> origins_;
};

TEST_F(YamlTest, FillsTheMessage) {
  EXPECT_THAT(Read(R"(# a comment
listen: 127.0.0.1:0
redis:
  url: "redis://127.0.0.1:6379"
  timeout: 250ms
logging: { format: json }
log:
  max_events: 200
  max_bytes: 1MiB
bridge:
  allowed_hosts: [a.example, b.example]
  legacy_json: false
)"),
              IsEmpty());
  EXPECT_EQ(config_.listen(), "127.0.0.1:0");
  EXPECT_EQ(config_.redis().url(), "redis://127.0.0.1:6379");
  EXPECT_EQ(ToDuration(config_.redis().timeout()), absl::Milliseconds(250));
  EXPECT_EQ(config_.logging().format(), v1::LoggingConfig::FORMAT_JSON);
  EXPECT_EQ(config_.log().max_events(), 200);
  EXPECT_EQ(config_.log().max_bytes(), 1 << 20);
  EXPECT_THAT(config_.bridge().allowed_hosts(), ElementsAre("a.example", "b.example"));
  EXPECT_FALSE(config_.bridge().legacy_json());
}

TEST_F(YamlTest, RemembersWhereEachSettingStands) {
  Read("listen: localhost:1\nredis:\n  url: redis://h:1\nbridge:\n  allowed_hosts:\n    - a\n");
  EXPECT_THAT(origins_, Contains(Pair("listen", "c.yaml:1:9")));
  EXPECT_THAT(origins_, Contains(Pair("redis.url", "c.yaml:3:8")));
  EXPECT_THAT(origins_, Contains(Pair("bridge.allowed_hosts", "c.yaml:5:3")));
}

TEST_F(YamlTest, LeavesAloneWhatItDoesNotName) {
  config_.set_listen("localhost:1");
  config_.mutable_redis()->set_url("redis://h:1");
  config_.mutable_bridge()->add_allowed_hosts("old");
  EXPECT_THAT(Read("redis: { username: u }\nbridge: { allowed_hosts: [new] }\nlog:\n"), IsEmpty());
  EXPECT_EQ(config_.listen(), "localhost:1");
  EXPECT_EQ(config_.redis().url(), "redis://h:1");
  EXPECT_THAT(config_.bridge().allowed_hosts(), ElementsAre("new"));
}

TEST_F(YamlTest, AnEmptyFileSetsNothing) {
  EXPECT_THAT(Read(""), IsEmpty());
  EXPECT_THAT(Read("# only a comment\n"), IsEmpty());
  EXPECT_THAT(Read("---\n"), IsEmpty());
}

TEST_F(YamlTest, AnUnknownKeyIsAnErrorWithItsPlaceAndTheKeyThatWasMeant) {
  EXPECT_THAT(Read("redis:\n  url: redis://h:1\n  tiemout: 5s\n"),
              ElementsAre("c.yaml:3:3: redis.tiemout: unknown key; did you mean timeout?"));
  EXPECT_THAT(Read("frobnicate: 1\n"), ElementsAre("c.yaml:1:1: frobnicate: unknown key"));
}

TEST_F(YamlTest, ADoubledKeyIsAnErrorThatNamesBothPlaces) {
  EXPECT_THAT(Read("listen: localhost:1\nredis: {}\nlisten: localhost:2\n"),
              ElementsAre("c.yaml:3:1: listen: stands here again, first at c.yaml:1:1"));
}

TEST_F(YamlTest, AWrongTypeIsAnErrorWithItsPlace) {
  EXPECT_THAT(Read("bridge:\n  threads: [1, 2]\n"),
              ElementsAre("c.yaml:2:12: bridge.threads: a single value is expected, not a list"));
  EXPECT_THAT(Read("redis: localhost\n"),
              ElementsAre("c.yaml:1:8: redis: keys and values are expected, not a single value"));
  EXPECT_THAT(
      Read("bridge:\n  allowed_hosts: a\n"),
      ElementsAre("c.yaml:2:18: bridge.allowed_hosts: a list is expected, not a single value"));
  EXPECT_THAT(Read("bridge:\n  allowed_hosts: [[a]]\n"),
              ElementsAre(HasSubstr("a single value is expected, not a list")));
  EXPECT_THAT(Read("listen:\n"), ElementsAre("c.yaml:1:1: listen: has no value"));
  EXPECT_THAT(Read("- a\n- b\n"),
              ElementsAre("c.yaml:1:1: keys and values are expected, not a list"));
  EXPECT_THAT(Read("? [a]\n: b\n"), ElementsAre(HasSubstr("a key is expected to be a name")));
  EXPECT_THAT(Read("bridge:\n  legacy_json: yes\n"),
              ElementsAre("c.yaml:2:16: bridge.legacy_json: \"yes\" is neither true nor false"));
}

TEST_F(YamlTest, OutOfRangeIsAnErrorWithItsPlace) {
  EXPECT_THAT(
      Read("log: { max_events: 4294967296 }\n"),
      ElementsAre(
          "c.yaml:1:20: log.max_events: \"4294967296\" is out of range: at most 4294967295"));
}

TEST_F(YamlTest, TellsAllErrorsAtOnce) {
  EXPECT_THAT(Read("lisen: a\nbridge: { threads: x }\nredis: { timeout: 5 }\n"),
              ElementsAre(StartsWith("c.yaml:1:1: lisen: unknown key"),
                          StartsWith("c.yaml:2:20: bridge.threads: "),
                          StartsWith("c.yaml:3:19: redis.timeout: ")));
}

TEST_F(YamlTest, BrokenYamlIsAnErrorWithItsPlace) {
  EXPECT_THAT(Read("listen: [\n"), ElementsAre(StartsWith("c.yaml:2:1: ")));
  EXPECT_THAT(Read("a: b: c\n"), ElementsAre(StartsWith("c.yaml:1:")));
  EXPECT_THAT(Read("listen: *nowhere\n"), ElementsAre(StartsWith("c.yaml:1:")));
  EXPECT_THAT(Read("listen: a\n---\nlisten: b\n"), ElementsAre(HasSubstr("a second document")));
}

TEST_F(YamlTest, DeepNestingIsAnErrorAndNoStackOverflow) {
  EXPECT_THAT(Read(std::string(65'536, '[')), ElementsAre(StartsWith("c.yaml:1:")));
}

TEST_F(YamlTest, StrangeKeysAreShownEscaped) {
  EXPECT_THAT(Read("\"a\\x1b[1m\": 1\n"), ElementsAre("c.yaml:1:1: a\\x1b[1m: unknown key"));
}

}  // namespace
}  // namespace spanwire::base
