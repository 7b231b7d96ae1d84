// Conflation of events as the renderer makes them.
#include "bridge/conflation.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "bridge/renderer.h"
#include "core/base/limits.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {
namespace {

using channel::Position;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

v1::Event Progress(const std::string& task, int progress) {
  v1::Event event;
  event.mutable_task_progress()->set_task_id(task);
  event.mutable_task_progress()->set_progress(progress);
  return event;
}
v1::Event Delta(const std::string& message, const std::string& text) {
  v1::Event event;
  event.mutable_message_delta()->set_message_id(message);
  event.mutable_message_delta()->set_delta(text);
  return event;
}
v1::Event Line(const std::string& text) {
  v1::Event event;
  event.mutable_log_line()->set_text(text);
  return event;
}

class ConflationTest : public ::testing::Test {
 protected:
  void Add(const v1::Event& event) {
    const Position position{7, ++seq_};
    Position visible = position.Before();
    const FramePtr frame =
        renderer_
            .Render("webgui:global", {position, absl::nullopt, event.SerializeAsString()}, &visible)
            .body;
    conflation_.Add(position, frame, ConflationKeyOf(*frame));
  }
  // Of each: its seq, how many it stands for, and what it says.
  std::vector<std::string> Take() {
    std::vector<std::string> said;
    for (const Conflation::Item& item : conflation_.Take()) {
      v1::Event event;
      EXPECT_TRUE(event.ParseFromString(std::string(item.frame->event())));
      const std::string json(item.Made()->json());
      EXPECT_THAT(json, HasSubstr(absl::StrCat(R"("id":"7-)", item.position->seq, "\"")));
      if (item.conflated > 0) {
        EXPECT_THAT(json, EndsWith(absl::StrCat(R"(,"conflated":)", item.conflated, "}")));
      } else {
        EXPECT_EQ(item.Made(), item.frame);
      }
      const size_t data = json.find(R"("data":)") + 7;
      said.push_back(absl::StrCat(item.position->seq, " ", item.conflated, " ",
                                  json.substr(data, json.find(R"(,"channel")") - data)));
    }
    return said;
  }

  Renderer renderer_{true};
  Conflation conflation_;
  uint64_t seq_ = 0;
};

TEST_F(ConflationTest, TheNewestStandsForTheOlderOfItsKey) {
  for (const auto& event : {Progress("a", 1), Line("x"), Progress("b", 1), Progress("a", 2),
                            Line("x"), Progress("a", 3)}) {
    Add(event);
  }
  EXPECT_THAT(Take(), ElementsAre(R"(2 0 {"level":"LEVEL_UNSPECIFIED","text":"x"})",
                                  R"(3 0 {"task_id":"b","progress":1})",
                                  R"(5 0 {"level":"LEVEL_UNSPECIFIED","text":"x"})",
                                  R"(6 2 {"task_id":"a","progress":3})"));
  EXPECT_THAT(Take(), ElementsAre());
  Add(Progress("a", 4));
  EXPECT_THAT(Take(), ElementsAre(R"(7 0 {"task_id":"a","progress":4})"));
}

TEST_F(ConflationTest, TextsOfOneKeyAreConcatenated) {
  for (const auto& event :
       {Delta("m", "one \"\n"), Delta("n", "x"), Delta("m", ""), Delta("m", "\xC3\xBC\\")}) {
    Add(event);
  }
  EXPECT_THAT(Take(), ElementsAre(R"(2 0 {"message_id":"n","delta":"x"})",
                                  "4 2 {\"message_id\":\"m\",\"delta\":\"one "
                                  "\\\"\\n\xC3\xBC\\\\\"}"));
}

TEST_F(ConflationTest, WhatBecomesTooLongStaysApart) {
  const std::string half(limits::kEventBytes / 2 - 100, 'x');
  for (int i = 0; i < 5; ++i) Add(Delta("m", half));
  const std::vector<std::string> said = Take();
  ASSERT_EQ(said.size(), 3u);
  EXPECT_THAT(said[0], ::testing::StartsWith("2 1 "));
  EXPECT_THAT(said[1], ::testing::StartsWith("4 1 "));
  EXPECT_THAT(said[2], ::testing::StartsWith("5 0 "));
}

TEST_F(ConflationTest, OthersEventsHaveOtherKeys) {
  v1::Event mine = Progress("a", 1);
  Add(mine);
  mine.set_session_id("s");
  Add(mine);
  mine.set_agent("s");
  Add(mine);
  mine.clear_session_id();
  Add(mine);
  mine.clear_agent();
  mine.set_user_id("s");
  Add(mine);
  EXPECT_EQ(Take().size(), 5u);
}

TEST_F(ConflationTest, AKeyMayHaveSeveralFieldsAndAMap) {
  const auto metric = [](const char* name, const char* core) {
    v1::Event event;
    event.mutable_metric()->set_name(name);
    (*event.mutable_metric()->mutable_labels())["core"] = core;
    return event;
  };
  for (const auto& event :
       {metric("cpu", "0"), metric("cpu", "1"), metric("mem", "0"), metric("cpu", "0")}) {
    Add(event);
  }
  EXPECT_EQ(Take().size(), 3u);
}

TEST_F(ConflationTest, ACopyStaysApart) {
  v1::Event copy = Delta("m", "x");
  Add(copy);
  copy.set_was("7-1");
  Add(copy);
  EXPECT_THAT(Take(), ElementsAre(HasSubstr("1 0 "), HasSubstr("2 0 ")));
}

TEST_F(ConflationTest, ACustomTypeIsNoneOfTheSchemas) {
  v1::Event custom;
  custom.mutable_custom()->set_type("task_progress");
  custom.mutable_custom()->set_json(R"({"task_id":"a"})");
  Add(custom);
  Add(custom);
  EXPECT_EQ(Take().size(), 2u);
  EXPECT_FALSE(ConflationKeyOf(
      **renderer_.RenderPlainJson("webgui:global", R"({"type":"task_progress","data":{}})")));
}

TEST_F(ConflationTest, WithoutAPositionTheOldPlaceIsKept) {
  for (int i = 0; i < 1'000; ++i) {
    v1::Event event;
    event.mutable_typing()->set_user(i % 2 == 0 ? "a" : "b");
    const FramePtr frame = renderer_.RenderTransient("webgui:global", event.SerializeAsString());
    conflation_.Add(absl::nullopt, frame, ConflationKeyOf(*frame));
  }
  EXPECT_EQ(conflation_.size(), 2u);
  const std::vector<Conflation::Item> items = conflation_.Take();
  EXPECT_EQ(items[0].conflated, 499u);
  EXPECT_THAT(std::string(items[0].Made()->json()), HasSubstr(R"("user":"a")"));
}

TEST_F(ConflationTest, WhatIsForgottenLeavesTheOthersInTheirPlaces) {
  const auto typing = [&](const char* user) {
    v1::Event event;
    event.mutable_typing()->set_user(user);
    return renderer_.RenderTransient("webgui:global", event.SerializeAsString());
  };
  const auto add = [&](const char* user) {
    const FramePtr frame = typing(user);
    conflation_.Add(absl::nullopt, frame, ConflationKeyOf(*frame));
  };
  for (const char* user : {"a", "b", "c"}) add(user);
  conflation_.Forget(*ConflationKeyOf(*typing("a")));
  conflation_.Forget(*ConflationKeyOf(*typing("d")));
  add("c");
  add("a");
  const std::vector<Conflation::Item> items = conflation_.Take();
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].conflated, 0u);
  EXPECT_EQ(items[1].conflated, 1u);
  EXPECT_THAT(std::string(items[2].frame->json()), HasSubstr(R"("user":"a")"));
}

}  // namespace
}  // namespace spanwire::bridge
