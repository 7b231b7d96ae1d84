#include "core/redis/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/types/optional.h"
#include "core/base/log.h"
#include "tests/support/fake_commands.h"

namespace spanwire::redis {
namespace {

using ::spanwire::test::Array;
using ::spanwire::test::ErrorReply;
using ::spanwire::test::Text;
using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Status Check(absl::StatusOr<Reply> reply) {
  test::FakeCommands commands;
  absl::optional<absl::Status> verdict;
  CheckEviction(&commands, [&](absl::Status status) { verdict = std::move(status); });
  EXPECT_FALSE(verdict.has_value());
  commands.Answer(std::move(reply));
  return verdict.value_or(absl::InternalError("not called"));
}

Reply Config(const char* limit, const char* policy) {
  return Array({Text("maxmemory-samples"), Text("5"), Text("maxmemory"), Text(limit),
                Text("maxmemory-policy"), Text(policy)});
}

TEST(Preflight, NoLimitOrNoEvictionIsFine) {
  EXPECT_TRUE(Check(Config("0", "allkeys-lru")).ok());
  EXPECT_TRUE(Check(Config("1000000", "noeviction")).ok());
}

TEST(Preflight, EvictionIsRefusedAndTheSettingNamed) {
  const absl::Status status = Check(Config("1000000", "volatile-ttl"));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("maxmemory-policy volatile-ttl"), HasSubstr("noeviction")));
}

TEST(Preflight, WhatCannotBeReadIsAWarning) {
  std::vector<std::string> lines;
  base::SetLogOutput([&](absl::string_view line) { lines.emplace_back(line); });
  EXPECT_TRUE(Check(ErrorReply("NOPERM this user has no permissions to run 'config|get'")).ok());
  EXPECT_TRUE(Check(Array({})).ok());
  base::SetLogOutput(nullptr);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], AllOf(HasSubstr("noeviction"), HasSubstr("NOPERM")));
}

TEST(Preflight, ALostConnectionIsNoVerdict) {
  EXPECT_EQ(Check(absl::UnavailableError("lost")).code(), absl::StatusCode::kUnavailable);
}

// The verdict on a GET and a SET that are answered so.
absl::Status Rights(absl::StatusOr<Reply> get, absl::StatusOr<Reply> set) {
  test::FakeCommands commands;
  std::vector<absl::Status> verdicts;
  CheckRights(&commands, {{"GET", "a"}, {"SET", "b", "1"}},
              [&](absl::Status status) { verdicts.push_back(std::move(status)); });
  EXPECT_EQ(commands.waiting(), 2u);
  commands.Answer(std::move(get));
  EXPECT_TRUE(verdicts.empty());
  commands.Answer(std::move(set));
  EXPECT_EQ(verdicts.size(), 1u);
  return verdicts.at(0);
}

TEST(Preflight, OnlyAForbiddenCallIsAMissingRight) {
  EXPECT_TRUE(Rights(test::Nil(), ErrorReply("OOM command not allowed")).ok());
  EXPECT_EQ(Rights(ErrorReply("NOPERM no"), ErrorReply("NOPERM neither")),
            absl::PermissionDeniedError("redis refuses GET a: NOPERM no"));
  EXPECT_EQ(Rights(test::Nil(), ErrorReply("NOPERM no")),
            absl::PermissionDeniedError("redis refuses SET b: NOPERM no"));
  EXPECT_TRUE(absl::IsUnavailable(Rights(ErrorReply("NOPERM no"), absl::UnavailableError("lost"))));
}

}  // namespace
}  // namespace spanwire::redis
