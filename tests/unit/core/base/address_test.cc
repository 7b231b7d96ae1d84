#include "core/base/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanwire::base {
namespace {

using ::testing::HasSubstr;

TEST(Address, ReadsWhatItWrites) {
  for (const char* text : {"127.0.0.1:7400", "localhost:0", "[::1]:65535", "redis.example.com:6379",
                           "unix:/run/spanwire/broker.sock"}) {
    const auto address = Address::Parse(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(Address, KnowsItsParts) {
  EXPECT_EQ(*Address::Parse("[::1]:7400"), (Address{false, "::1", 7400}));
  EXPECT_EQ(*Address::Parse("unix:/tmp/a:b"), (Address{true, "/tmp/a:b", 0}));
}

TEST(Address, OnlyThisMachineIsLocal) {
  for (const char* text :
       {"127.0.0.1:1", "127.255.1.2:1", "[::1]:1", "localhost:1", "LocalHost:1", "unix:/tmp/x"}) {
    EXPECT_TRUE(Address::Parse(text)->IsLocal()) << text;
  }
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "128.0.0.1:1", "126.9.9.9:1",
                           "[::ffff:127.0.0.1]:1", "[fe80::1]:1", "localhost.example.com:1",
                           "127.0.0.1.example.com:1", "127.1:1", "example.com:1"}) {
    EXPECT_FALSE(Address::Parse(text)->IsLocal()) << text;
  }
}

TEST(Address, SaysWhatIsWrong) {
  const auto message = [](absl::string_view text) {
    const auto address = Address::Parse(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(address.status().message());
  };
  EXPECT_THAT(message(""), HasSubstr("no port"));
  EXPECT_THAT(message("localhost"), HasSubstr("address \"localhost\" has no port"));
  EXPECT_THAT(message("7400"), HasSubstr("no port"));
  EXPECT_THAT(message(":7400"), HasSubstr("no host"));
  EXPECT_THAT(message("::1:7400"), HasSubstr("brackets"));
  EXPECT_THAT(message("[::1]"), HasSubstr("no port"));
  EXPECT_THAT(message("[::1]7400"), HasSubstr("no port"));
  EXPECT_THAT(message("[127.0.0.1]:7400"), HasSubstr("no IPv6 address"));
  EXPECT_THAT(message("[]:7400"), HasSubstr("no IPv6 address"));
  EXPECT_THAT(message("http://localhost:80"), HasSubstr("brackets"));
  EXPECT_THAT(message("a b:80"), HasSubstr("neither a name nor a number"));
  EXPECT_THAT(message("unix:relative"), HasSubstr("absolute"));
  EXPECT_THAT(message("unix:"), HasSubstr("absolute"));
  EXPECT_THAT(message("unix:///tmp/x"), HasSubstr("two slashes"));
  EXPECT_THAT(message("unix:/" + std::string(107, 'x')), HasSubstr("107 bytes"));
  EXPECT_THAT(message(absl::string_view("unix:/a\0b", 9)), HasSubstr("zero byte"));
  EXPECT_THAT(message("bad\nname:80"), HasSubstr("bad\\nname"));
}

TEST(Address, TakesOnlyWholePorts) {
  for (const char* text : {"a:", "a:+1", "a:-1", "a: 1", "a:1 ", "a:0x10", "a:65536", "a:999999"}) {
    EXPECT_THAT(std::string(Address::Parse(text).status().message()), HasSubstr("0 to 65535"))
        << text;
  }
  EXPECT_EQ(Address::Parse("a:65535")->port, 65535);
}

TEST(Address, AUnixPathMayHave107Bytes) {
  EXPECT_TRUE(Address::Parse("unix:/" + std::string(106, 'x')).ok());
}

}  // namespace
}  // namespace spanwire::base
