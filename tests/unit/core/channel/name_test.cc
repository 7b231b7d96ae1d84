#include "core/channel/name.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanwire::channel {
namespace {

using ::testing::HasSubstr;

TEST(Names, TakesTheFourFamilies) {
  const Names names("webgui");
  for (const char* channel :
       {"webgui:session:sess_123", "webgui:agent:ui-tester", "webgui:user:a@b.c", "webgui:global",
        "webgui:session:A.z_0~:@|+=-"}) {
    EXPECT_TRUE(names.CheckChannel(channel).ok()) << channel;
  }
  EXPECT_TRUE(names.CheckChannel("webgui:session:" + std::string(128, 'x')).ok());
}

TEST(Names, RefusesAnUnknownFamilyAndSaysWhichThereAre) {
  const Names names("webgui");
  for (const char* channel :
       {"webgui:room:1", "webgui:", "webgui:globally", "webgui:global:x", "webgui:session"}) {
    EXPECT_THAT(names.CheckChannel(channel).message(), HasSubstr("webgui:session:<id>")) << channel;
  }
  EXPECT_THAT(names.CheckChannel("other:session:1").message(),
              HasSubstr("must begin with \"webgui:\""));
}

TEST(Names, RefusesAnIdWithBracesControlCharactersOrTenKilobytes) {
  const Names names("webgui");
  EXPECT_THAT(names.CheckChannel("webgui:session:{x}").message(), HasSubstr("byte 0"));
  EXPECT_THAT(names.CheckChannel("webgui:session:a\nb").message(), HasSubstr("byte 1"));
  EXPECT_THAT(names.CheckChannel(std::string("webgui:user:a\0b", 15)).message(),
              HasSubstr("byte 1"));
  EXPECT_THAT(names.CheckChannel("webgui:agent:" + std::string(10'000, 'x')).message(),
              HasSubstr("10000 bytes long, at most 128"));
  EXPECT_THAT(names.CheckChannel("webgui:agent:").message(), HasSubstr("must not be empty"));
  EXPECT_THAT(names.CheckChannel("webgui:agent:\xc3\xa4").message(), HasSubstr("byte 0"));
}

TEST(Names, AnErrorNeverRepeatsTheText) {
  EXPECT_EQ(CheckId("evil\r\nlog line").message().find("evil"), absl::string_view::npos);
}

TEST(Names, EveryKeyOfAChannelCarriesItAsHashTag) {
  const Names names("webgui");
  const std::string channel = names.Session("s1");
  EXPECT_EQ(channel, "webgui:session:s1");
  EXPECT_EQ(names.LogKey(channel), "webgui:log:{webgui:session:s1}");
  EXPECT_EQ(names.TailKey(channel), "webgui:tail:{webgui:session:s1}");
  EXPECT_EQ(names.ProducerKey(channel, "p"), "webgui:producer:{webgui:session:s1}:p");
  EXPECT_EQ(names.EpochKey("p"), "webgui:epoch:{p}");
  EXPECT_EQ(names.Probe("i"), "webgui:probe:i");
  EXPECT_EQ(names.Control(), "webgui:control");
  EXPECT_FALSE(names.CheckChannel(names.Control()).ok()) << "it is the daemons' own";
}

TEST(Names, APrefixIsShortAndPlain) {
  EXPECT_TRUE(CheckPrefix("webgui").ok());
  EXPECT_TRUE(CheckPrefix(std::string(32, 'a')).ok());
  for (const std::string& prefix : {std::string(), std::string(33, 'a'), std::string("web:gui"),
                                    std::string("Web"), std::string("a{b"), std::string("a b")}) {
    EXPECT_FALSE(CheckPrefix(prefix).ok()) << prefix;
  }
}

}  // namespace
}  // namespace spanwire::channel
