#include "core/base/file.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.h"

namespace spanwire::base {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Write(const std::string& name, const std::string& content) {
  const std::string path = ::testing::TempDir() + "/spanwire_file_test_" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(ReadFile, GivesTheWholeContentUpToItsBound) {
  const std::string path = Write("plain", std::string("a\0b\n", 4));
  EXPECT_EQ(*ReadFile(path, 4), std::string("a\0b\n", 4));
  EXPECT_EQ(ReadFile(path, 3).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(ReadFile, NamesTheFileAndTheReason) {
  const absl::Status missing = ReadFile("/nowhere/at/all", 10).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("/nowhere/at/all"));
  EXPECT_FALSE(ReadFile(::testing::TempDir(), 10).ok());
}

TEST(ReadSecretFile, LeavesOutOneLineEnd) {
  EXPECT_EQ(*ReadSecretFile(Write("lf", "s3cret\n")), "s3cret");
  EXPECT_EQ(*ReadSecretFile(Write("crlf", "s3cret\r\n")), "s3cret");
  EXPECT_EQ(*ReadSecretFile(Write("none", " s3cret ")), " s3cret ");
}

TEST(ReadSecretFile, RefusesWhatIsNoSecretWithoutShowingIt) {
  const auto message = [](const std::string& path) {
    return std::string(ReadSecretFile(path).status().message());
  };
  EXPECT_THAT(message(Write("empty", "")), HasSubstr("is empty"));
  EXPECT_THAT(message(Write("blank", "\n")), HasSubstr("is empty"));
  EXPECT_THAT(message(Write("two", "s3cret\nmore\n")), HasSubstr("more than one line"));
  EXPECT_THAT(message(Write("two", "s3cret\nmore\n")), Not(HasSubstr("s3cret")));
  EXPECT_THAT(message(Write("long", std::string(limits::kSecretBytes + 1, 'x'))),
              HasSubstr("4096"));
  EXPECT_THAT(message(Write("huge", std::string(100'000, 'x'))), HasSubstr("more than"));
  EXPECT_TRUE(ReadSecretFile(Write("full", std::string(limits::kSecretBytes, 'x') + "\r\n")).ok());
}

}  // namespace
}  // namespace spanwire::base
