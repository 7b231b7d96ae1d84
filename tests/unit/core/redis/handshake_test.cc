#include "core/redis/handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_commands.h"

namespace spanwire::redis {
namespace {

using ::spanwire::test::ErrorReply;
using ::spanwire::test::Text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kInfo[] =
    "# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\nos:Linux\r\n";

TEST(Handshake, WithoutPasswordAsksForVersionAndPing) {
  Handshake handshake("", "");
  EXPECT_THAT(handshake.command(), ElementsAre("INFO", "server"));
  ASSERT_TRUE(handshake.OnReply(Text(kInfo)).ok());
  EXPECT_EQ(handshake.version(), "7.0.15");
  EXPECT_FALSE(handshake.done());
  EXPECT_THAT(handshake.command(), ElementsAre("PING"));
  ASSERT_TRUE(handshake.OnReply(Text("PONG")).ok());
  EXPECT_TRUE(handshake.done());
  EXPECT_THAT(handshake.command(), IsEmpty());
}

TEST(Handshake, PasswordGoesFirst) {
  Handshake alone("", "secret");
  EXPECT_THAT(alone.command(), ElementsAre("AUTH", "secret"));
  Handshake both("broker", "secret");
  EXPECT_THAT(both.command(), ElementsAre("AUTH", "broker", "secret"));
  ASSERT_TRUE(both.OnReply(Text("OK")).ok());
  EXPECT_THAT(both.command(), ElementsAre("INFO", "server"));
}

TEST(Handshake, RefusedPasswordIsUnauthenticated) {
  Handshake handshake("broker", "secret");
  const absl::Status status =
      handshake.OnReply(ErrorReply("WRONGPASS invalid username-password pair"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(status.message()), HasSubstr("WRONGPASS"));
}

TEST(Handshake, WhatRedisQuotesOfAuthIsNotPassedOn) {
  for (const char* error :
       {"ERR unknown command 'AUTH', with args beginning with: 'broker' 's3cret' ",
        "WRONGPASS s3cret", "s3cret", "S3CRET s3cret", "", "-s3cret"}) {
    Handshake handshake("broker", "s3cret");
    const absl::Status status = handshake.OnReply(ErrorReply(error));
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << error;
    EXPECT_THAT(std::string(status.message()), HasSubstr("redis refuses AUTH"));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("s3cret")));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("S3CRET")));
  }
}

TEST(Handshake, PasswordWantedIsUnauthenticated) {
  Handshake handshake("", "");
  EXPECT_EQ(handshake.OnReply(ErrorReply("NOAUTH Authentication required.")).code(),
            absl::StatusCode::kUnauthenticated);
}

TEST(Handshake, TooOldNamesBothVersions) {
  Handshake handshake("", "");
  const absl::Status status = handshake.OnReply(Text("redis_version:6.2.1\r\n"));
  EXPECT_EQ(status,
            absl::FailedPreconditionError("redis 6.2.1 is too old: 7.0 or newer is needed"));
}

TEST(Handshake, NewerIsFine) {
  for (absl::string_view version : {"7.0.0", "7.4.1", "8.0.2", "10.0", "255.255.255"}) {
    Handshake handshake("", "");
    EXPECT_TRUE(handshake.OnReply(Text("redis_version:" + std::string(version) + "\r\n")).ok());
    EXPECT_EQ(handshake.version(), version);
  }
}

TEST(Handshake, WhatIsNoRedisIsSaid) {
  for (const char* info : {"", "# Server\r\n", "redis_version:\r\n", "redis_version:x.y\r\n"}) {
    Handshake handshake("", "");
    EXPECT_EQ(handshake.OnReply(Text(info)).code(), absl::StatusCode::kFailedPrecondition) << info;
  }
}

TEST(Handshake, LoadingIsTemporary) {
  Handshake handshake("", "");
  ASSERT_TRUE(handshake.OnReply(Text(kInfo)).ok());
  const absl::Status status =
      handshake.OnReply(ErrorReply("LOADING Redis is loading the dataset in memory"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(handshake.done());
}

TEST(Handshake, ForbiddenCommandsAreNamed) {
  Handshake info("", "");
  const absl::Status status = info.OnReply(ErrorReply("NOPERM this user has no permissions"));
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("INFO"));
  Handshake ping("", "");
  ASSERT_TRUE(ping.OnReply(Text(kInfo)).ok());
  EXPECT_EQ(ping.OnReply(ErrorReply("NOPERM no")).code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace spanwire::redis
