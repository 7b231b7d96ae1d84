#include "core/channel/append_call.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/channel/script.h"

namespace spanwire::channel {
namespace {

using ::testing::ElementsAre;

constexpr char kChannel[] = "webgui:session:a";

AppendItem Event(const std::shared_ptr<const Producer>& producer, uint64_t sequence, bool transient,
                 std::string event) {
  return {producer, sequence, transient, std::make_shared<const std::string>(std::move(event)), {}};
}

AppendTerms Terms() {
  AppendTerms terms;
  terms.channel = kChannel;
  terms.verb = "PUBLISH";
  terms.salt = 17;
  terms.mode = "open";
  terms.max_events = 5000;
  terms.log_ttl = absl::Seconds(60);
  terms.floor = 7;
  return terms;
}

TEST(AppendCommandTest, SaysWhatTheScriptReads) {
  const Names names("webgui");
  const auto p = std::make_shared<const Producer>(Producer{"p", 100, absl::Seconds(2)});
  const auto q = std::make_shared<const Producer>(Producer{"q", 200, absl::Seconds(3)});
  const std::vector<AppendGroup> groups = {
      {p, {Event(p, 4, false, "four"), Event(p, 5, true, "five")}},
      {q, {Event(q, 1, false, "one")}},
  };
  const AppendTerms terms = Terms();
  const AppendCommand command(names, groups, terms, false);
  EXPECT_THAT(command.words(),
              ElementsAre("EVALSHA", PublishScript().sha1(), "4", "webgui:log:{webgui:session:a}",
                          "webgui:tail:{webgui:session:a}", "webgui:producer:{webgui:session:a}:p",
                          "webgui:producer:{webgui:session:a}:q", kChannel, "PUBLISH", "17", "open",
                          "5000", "60000", "86400000", "7",               //
                          "100", "2000", "2", "4", "four", "-5", "five",  //
                          "200", "3000", "1", "1", "one"));
}

TEST(AppendCommandTest, SendsTheScriptItselfWhereItIsNotKnown) {
  const Names names("webgui");
  const auto p = std::make_shared<const Producer>(Producer{"p", 100, absl::Seconds(2)});
  const std::vector<AppendGroup> groups = {{p, {Event(p, 1, false, "one")}}};
  const AppendTerms terms = Terms();
  const AppendCommand command(names, groups, terms, true);
  EXPECT_EQ(command.words()[0], "EVAL");
  EXPECT_EQ(command.words()[1], PublishScript().source());
}

}  // namespace
}  // namespace spanwire::channel
