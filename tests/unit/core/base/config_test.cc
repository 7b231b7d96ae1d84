#include "core/base/config.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/settings.h"
#include "core/base/version.h"
#include "tests/support/log_capture.h"

namespace spanwire::base {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ConfigTest : public ::testing::Test {
 protected:
  static std::string File(const std::string& text) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    const std::string path =
        absl::StrCat(::testing::TempDir(), "/spanwire_config_", test->name(), ".yaml");
    std::ofstream(path) << text;
    return path;
  }
  absl::StatusOr<ConfigRequest> Read(const std::vector<std::string>& arguments,
                                     const std::map<std::string, std::string>& environment = {}) {
    config_ = DefaultBridgeConfig();
    warnings_.clear();
    return ReadConfig(arguments, environment, BridgeSpec(), &config_, &warnings_);
  }
  std::string Error(const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& environment = {}) {
    return std::string(Read(arguments, environment).status().message());
  }

  v1::BridgeConfig config_;
  std::vector<std::string> warnings_;
};

TEST_F(ConfigTest, WithoutAnythingTheDefaultsStand) {
  EXPECT_EQ(*Read({}), ConfigRequest::kRun);
  EXPECT_EQ(config_.SerializeAsString(), DefaultBridgeConfig().SerializeAsString());
}

TEST_F(ConfigTest, FlagsStandAboveTheEnvironmentAndThatAboveTheFile) {
  const std::string file = File("redis:\n  url: redis://file:1\n  username: file\n  timeout: 1s\n");
  const auto request =
      Read({"--config", file, "--redis-url", "redis://flag:1"},
           {{"SPANWIRE_REDIS_URL", "redis://env:1"}, {"SPANWIRE_REDIS_USERNAME", "env"}});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(config_.redis().url(), "redis://flag:1");
  EXPECT_EQ(config_.redis().username(), "env");
  EXPECT_EQ(config_.redis().timeout().seconds(), 1);
  EXPECT_EQ(config_.admin().listen(), "127.0.0.1:7481");
}

TEST_F(ConfigTest, FlagsHaveBothFormsAndShortNames) {
  ASSERT_TRUE(Read({"--listen=localhost:1", "--redis", "redis://a:1", "--admin=off"}).ok());
  EXPECT_EQ(config_.listen(), "localhost:1");
  EXPECT_EQ(config_.redis().url(), "redis://a:1");
  EXPECT_EQ(config_.admin().listen(), "off");
}

TEST_F(ConfigTest, TheLastOfTwoFlagsStandsAndListsAddUp) {
  ASSERT_TRUE(Read({"--listen", "localhost:1", "--listen", "localhost:2", "--bridge-allowed-hosts",
                    "a, b", "--bridge-allowed-hosts=c"},
                   {{"SPANWIRE_BRIDGE_ALLOWED_HOSTS", "gone"}})
                  .ok());
  EXPECT_EQ(config_.listen(), "localhost:2");
  EXPECT_THAT(config_.bridge().allowed_hosts(), ElementsAre("a", "b", "c"));
}

TEST_F(ConfigTest, AnUnknownFlagIsAnErrorThatNamesTheOneThatWasMeant) {
  EXPECT_EQ(Error({"--lisen", "localhost:1"}), "unknown flag --lisen; did you mean --listen?");
  EXPECT_EQ(Error({"--redis-ulr=x"}), "unknown flag --redis-ulr; did you mean --redis-url?");
  EXPECT_EQ(Error({"--chekc-config"}), "unknown flag --chekc-config; did you mean --check-config?");
  EXPECT_EQ(Error({"--frobnicate", "--quux=1"}), "unknown flag --frobnicate\nunknown flag --quux");
}

TEST_F(ConfigTest, StrayArgumentsAndMissingValuesAreErrors) {
  EXPECT_EQ(Error({"listen"}), "unexpected argument \"listen\"");
  EXPECT_EQ(Error({"--"}), "unexpected argument \"--\"");
  EXPECT_EQ(Error({"-v"}), "unexpected argument \"-v\"");
  EXPECT_EQ(Error({"--listen", "unix:/x", "redis://u:secret@h"}), "unexpected argument number 3");
  EXPECT_EQ(Error({"--listen"}), "--listen: needs a value");
  EXPECT_EQ(Error({"--listen", "--check-config"}), "--listen: needs a value");
  EXPECT_EQ(Error({"--check-config=yes"}), "--check-config: takes no value");
  EXPECT_EQ(Error({"--config="}), "--config: needs the name of a file");
}

TEST_F(ConfigTest, AVariableThatFitsNoSettingIsAWarning) {
  ASSERT_TRUE(Read({}, {{"SPANWIRE_REDIS_ULR", "redis://:s3cret@h:1"}, {"HOME", "/root"}}).ok());
  EXPECT_THAT(warnings_,
              ElementsAre("SPANWIRE_REDIS_ULR fits no setting; did you mean SPANWIRE_REDIS_URL?"));
}

TEST_F(ConfigTest, ErrorsNameTheFlagTheVariableOrThePlaceInTheFile) {
  const std::string file = File("drain_timeout: 2m\nlog:\n  ttl: 25h\n");
  const std::string error =
      Error({"--config", file, "--bridge-threads", "65"}, {{"SPANWIRE_REDIS_TIMEOUT", "5"}});
  EXPECT_THAT(error, HasSubstr("--bridge-threads: bridge.threads: 65 is out of range: 1 to 64"));
  EXPECT_THAT(error, HasSubstr("SPANWIRE_REDIS_TIMEOUT: redis.timeout: \"5\" is no duration"));
  EXPECT_THAT(error, HasSubstr(file + ":1:16: drain_timeout: 2m is out of range: 0 to 1m"));
  EXPECT_THAT(error, HasSubstr(file + ":3:8: log.ttl: 25h is out of range: 1s to 24h"));
}

TEST_F(ConfigTest, AFileThatCannotBeReadIsAnError) {
  const auto request = Read({"--config", "/nowhere/c.yaml"});
  EXPECT_EQ(request.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(request.status().message()), HasSubstr("/nowhere/c.yaml"));
}

TEST_F(ConfigTest, TellsAtMostTwentyErrors) {
  std::string text;
  for (int i = 0; i < 50; ++i) absl::StrAppend(&text, "unknown", i, ": 1\n");
  EXPECT_THAT(
      Error({"--config", File(text)}),
      AllOf(HasSubstr("unknown19"), Not(HasSubstr("unknown20")), HasSubstr("… and 30 more")));
}

TEST_F(ConfigTest, HelpAndVersionStandAboveErrors) {
  EXPECT_EQ(*Read({"--nonsense", "--help"}), ConfigRequest::kHelp);
  EXPECT_EQ(*Read({"-h"}), ConfigRequest::kHelp);
  EXPECT_EQ(*Read({"--version", "--check-config"}), ConfigRequest::kVersion);
  EXPECT_EQ(*Read({"--version", "--help"}), ConfigRequest::kHelp);
  EXPECT_EQ(*Read({"--check-config"}), ConfigRequest::kCheck);
}

TEST_F(ConfigTest, HelpNamesEverySettingWithItsDefaultAndMeaning) {
  const std::string help = HelpText(BridgeSpec(), DefaultBridgeConfig());
  EXPECT_THAT(help, HasSubstr("Usage: spanwire-bridge [--config FILE] [flags]"));
  EXPECT_THAT(
      help,
      HasSubstr("--redis-url, --redis TEXT   [redis://127.0.0.1:6379]\n        redis://[user:"));
  EXPECT_THAT(help, HasSubstr("--log-max-bytes SIZE   [8MiB]\n"));
  EXPECT_THAT(help, HasSubstr("--drain-timeout DURATION   [5s]\n"));
  EXPECT_THAT(help, HasSubstr("--logging-format logfmt|json   [logfmt]\n"));
  EXPECT_THAT(help, HasSubstr("--bridge-legacy-json true|false   [true]\n"));
  EXPECT_THAT(help, HasSubstr("--redis-password-file TEXT\n"));
}

// What main sees: the real command line, environment and exit codes.
class LoadConfigTest : public ConfigTest {
 protected:
  absl::Status Load(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "spanwire-bridge");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    config_ = DefaultBridgeConfig();
    return LoadConfig(static_cast<int>(argv.size()), argv.data(), &config_, BridgeSpec());
  }
};

using LoadConfigDeathTest = LoadConfigTest;

TEST_F(LoadConfigTest, ReadsTheProcesssEnvironmentAndLogsWarnings) {
  test::LogCapture log;
  ::setenv("SPANWIRE_LISTEN", "localhost:9", 1);
  ::setenv("SPANWIRE_LISEN", "s3cret", 1);
  const absl::Status status = Load({});
  ::unsetenv("SPANWIRE_LISTEN");
  ::unsetenv("SPANWIRE_LISEN");
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(config_.listen(), "localhost:9");
  EXPECT_EQ(log.Count("SPANWIRE_LISEN fits no setting; did you mean SPANWIRE_LISTEN?"), 1);
  EXPECT_EQ(log.Count("s3cret"), 0);
}

TEST_F(LoadConfigTest, ReturnsErrors) {
  EXPECT_EQ(Load({"--listen", "10.0.0.1:1"}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LoadConfigDeathTest, PrintsAndEndsWhenThatIsAllThatIsAsked) {
  // EXPECT_EXIT looks at standard error.
  const auto load = [&](const char* flag) {
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    (void)Load({flag});
    std::exit(9);
  };
  EXPECT_EXIT(load("--check-config"), ::testing::ExitedWithCode(0), "configuration ok");
  EXPECT_EXIT(load("--help"), ::testing::ExitedWithCode(0), "Usage: spanwire-bridge");
  EXPECT_EXIT(load("--version"), ::testing::ExitedWithCode(0),
              absl::StrCat("spanwire-bridge ", Version()));
}

}  // namespace
}  // namespace spanwire::base
