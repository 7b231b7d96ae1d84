#include "bridge/console.h"

#include <set>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace spanwire::bridge {
namespace {

TEST(ConsoleTest, ServesThePageItsStyleItsScriptsAndItsIcon) {
  const Asset* const page = FindAsset("/");
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(absl::StartsWith(page->content, "<!doctype html>\n"));
  EXPECT_TRUE(absl::EndsWith(page->content, "</html>\n"));

  ASSERT_NE(FindAsset("/console.css"), nullptr);
  EXPECT_EQ(FindAsset("/console.css")->content_type, "text/css; charset=utf-8");
  ASSERT_NE(FindAsset("/main.js"), nullptr);
  EXPECT_EQ(FindAsset("/main.js")->content_type, "text/javascript; charset=utf-8");
  ASSERT_NE(FindAsset("/favicon.svg"), nullptr);
  EXPECT_EQ(FindAsset("/favicon.svg")->content_type, "image/svg+xml");
}

TEST(ConsoleTest, ServesNothingElse) {
  for (const char* path :
       {"", "/index.html", "//", "/main.js/", "/../main.js", "/MAIN.JS", "main.js"}) {
    EXPECT_EQ(FindAsset(path), nullptr) << path;
  }
}

TEST(ConsoleTest, EveryFileHasAStrongEntityTagOfItsOwn) {
  std::set<absl::string_view> tags;
  for (const char* path : {"/", "/console.css", "/main.js", "/spanwire.js", "/favicon.svg"}) {
    const absl::string_view tag = FindAsset(path)->etag;
    EXPECT_THAT(std::string(tag), testing::MatchesRegex("\"[0-9a-f]*\"")) << path;
    EXPECT_EQ(tag.size(), 34) << path;
    EXPECT_TRUE(tags.insert(tag).second) << path;
  }
}

TEST(ConsoleTest, ThePolicyAllowsNothingInlineAndNothingFromElsewhere) {
  EXPECT_TRUE(absl::StartsWith(console_csp(), "default-src 'none'; "));
  EXPECT_FALSE(absl::StrContains(console_csp(), "unsafe"));
  EXPECT_FALSE(absl::StrContains(console_csp(), "*"));
  EXPECT_FALSE(absl::StrContains(console_csp(), "http"));
}

}  // namespace
}  // namespace spanwire::bridge
