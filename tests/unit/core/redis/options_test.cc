#include "core/redis/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanwire::redis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RedisOptions Read(absl::string_view url) {
  const absl::StatusOr<RedisOptions> options = RedisOptions::FromUrl(url);
  EXPECT_TRUE(options.ok()) << url << ": " << options.status();
  return options.value_or(RedisOptions());
}

std::string Error(absl::string_view url) {
  const absl::StatusOr<RedisOptions> options = RedisOptions::FromUrl(url);
  EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument) << url;
  return std::string(options.status().message());
}

TEST(RedisOptions, HostAndPort) {
  const RedisOptions options = Read("redis://127.0.0.1:6380");
  EXPECT_EQ(options.address.host_or_path, "127.0.0.1");
  EXPECT_EQ(options.address.port, 6380);
  EXPECT_FALSE(options.address.unix_socket);
  EXPECT_EQ(options.username, "");
  EXPECT_EQ(options.password, "");
  EXPECT_EQ(options.timeout, limits::kRedisTimeout);
}

TEST(RedisOptions, ThePortIs6379UnlessGiven) {
  EXPECT_EQ(Read("redis://redis.example").address.port, 6379);
  EXPECT_EQ(Read("redis://redis.example/").address.port, 6379);
  EXPECT_EQ(Read("redis://[::1]").address.port, 6379);
  EXPECT_EQ(Read("redis://[::1]").address.host_or_path, "::1");
  EXPECT_EQ(Read("redis://[::1]:7000").address.port, 7000);
}

TEST(RedisOptions, UserAndPasswordAreDecoded) {
  const RedisOptions options = Read("redis://br%6Fker:p%40ss%3a%2F%25@localhost:6379");
  EXPECT_EQ(options.username, "broker");
  EXPECT_EQ(options.password, "p@ss:/%");
  EXPECT_EQ(options.address.host_or_path, "localhost");
}

TEST(RedisOptions, APasswordAloneAndOneWithReservedCharacters) {
  EXPECT_EQ(Read("redis://:secret@localhost:6379").username, "");
  EXPECT_EQ(Read("redis://:secret@localhost:6379").password, "secret");
  EXPECT_EQ(Read("redis://u:a@b:c/d@localhost:6379").password, "a@b:c/d");
}

TEST(RedisOptions, UnixSocket) {
  const RedisOptions options = Read("unix:///run/redis/redis.sock");
  EXPECT_TRUE(options.address.unix_socket);
  EXPECT_EQ(options.address.host_or_path, "/run/redis/redis.sock");
  EXPECT_EQ(Read("unix://u:p@/run/a@b.sock").address.host_or_path, "/run/a@b.sock");
  EXPECT_EQ(Read("unix://u:p@/run/a@b.sock").password, "p");
}

TEST(RedisOptions, EachMistakeIsNamed) {
  EXPECT_THAT(Error("redis://localhost:6379/0"), HasSubstr("pub/sub knows none"));
  EXPECT_THAT(Error("rediss://localhost:6379"), HasSubstr("not supported yet"));
  EXPECT_THAT(Error("http://localhost:6379"), HasSubstr("unknown scheme"));
  EXPECT_THAT(Error("localhost:6379"), HasSubstr("unknown scheme"));
  EXPECT_THAT(Error(""), HasSubstr("unknown scheme"));
  EXPECT_THAT(Error("redis://localhost:6379?db=1"), HasSubstr("may follow the port"));
  EXPECT_THAT(Error("redis://user@localhost:6379"), HasSubstr("needs a password"));
  EXPECT_THAT(Error("redis://user:@localhost:6379"), HasSubstr("password is empty"));
  EXPECT_THAT(Error("redis://user:%zz@localhost:6379"), HasSubstr("hexadecimal"));
  EXPECT_THAT(Error("redis://user:p%4@localhost:6379"), HasSubstr("hexadecimal"));
  EXPECT_THAT(Error("redis://"), HasSubstr("host and port"));
  EXPECT_THAT(Error("redis://localhost:0"), HasSubstr("host and port"));
  EXPECT_THAT(Error("redis://localhost:65536"), HasSubstr("host and port"));
  EXPECT_THAT(Error("redis://:6379"), HasSubstr("host and port"));
  EXPECT_THAT(Error("redis://unix:/tmp/x"), HasSubstr("pub/sub knows none"));
  EXPECT_THAT(Error("unix://run/redis.sock"), HasSubstr("absolute path"));
  EXPECT_THAT(Error("unix:///" + std::string(200, 'x')), HasSubstr("107"));
}

TEST(RedisOptions, NoErrorQuotesAPassword) {
  for (absl::string_view url :
       {"redis://user:SECRET@localhost:x", "redis://user:SECRET@localhost:6379/3",
        "redis://user:SECRET%@localhost", "redis://user:SECRET", "redis://SECRET@localhost",
        "rediss://user:SECRET@localhost", "SECRET", "unix://user:SECRET@run",
        "redis://user:SECRET@localhost?x=1"}) {
    EXPECT_THAT(Error(url), Not(HasSubstr("SECRET"))) << url;
  }
}

}  // namespace
}  // namespace spanwire::redis
