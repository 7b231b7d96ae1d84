#include "bridge/command.h"

#include <chrono>
#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace spanwire::bridge {
namespace {

using ::testing::HasSubstr;

// The error's message for a text that is no right command.
std::string ErrorOf(absl::string_view text) {
  absl::optional<int64_t> id;
  const absl::StatusOr<Command> command = ParseCommand(text, &id);
  return command.ok() ? "accepted" : std::string(command.status().message());
}

// A subscribe with more members.
std::string Subscribe(absl::string_view more) {
  return absl::StrCat(R"({"cmd":"subscribe","id":1,"channel":"c")", more, "}");
}

TEST(CommandTest, SubscribeFromNow) {
  absl::optional<int64_t> id;
  const absl::StatusOr<Command> command =
      ParseCommand(R"({"cmd":"subscribe","id":1,"channel":"webgui:global"})", &id);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->kind, Command::Kind::kSubscribe);
  EXPECT_EQ(command->id, 1);
  EXPECT_EQ(id, 1);
  EXPECT_EQ(command->channel, "webgui:global");
  EXPECT_FALSE(command->after);
  EXPECT_FALSE(command->last);
  EXPECT_FALSE(command->from_start);
}

TEST(CommandTest, SubscribeFromAPlace) {
  absl::optional<int64_t> id;
  EXPECT_EQ(ParseCommand(Subscribe(R"(,"after":"1704110400000000-42")"), &id)->after,
            (channel::Position{1704110400000000, 42}));
  EXPECT_EQ(ParseCommand(Subscribe(R"(,"last":1)"), &id)->last, 1u);
  EXPECT_EQ(ParseCommand(Subscribe(R"(,"last":1000)"), &id)->last, 1000u);
  EXPECT_TRUE(ParseCommand(Subscribe(R"(,"from":"start")"), &id)->from_start);
}

TEST(CommandTest, Unsubscribe) {
  absl::optional<int64_t> id;
  const absl::StatusOr<Command> command = ParseCommand(
      " {\"channel\" : \"c\\u0041\",\n\"id\":9007199254740991, \"cmd\":\"unsubscribe\"} ", &id);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->kind, Command::Kind::kUnsubscribe);
  EXPECT_EQ(command->id, 9007199254740991);
  EXPECT_EQ(command->channel, "cA");
}

TEST(CommandTest, History) {
  absl::optional<int64_t> id;
  const auto all = ParseCommand(R"({"cmd":"history","id":1,"channel":"c"})", &id);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->kind, Command::Kind::kHistory);
  EXPECT_TRUE(all->from_start);
  EXPECT_EQ(all->limit, 100u);
  const auto some =
      ParseCommand(R"({"cmd":"history","id":1,"channel":"c","after":"7-3","limit":1000})", &id);
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(some->after, (channel::Position{7, 3}));
  EXPECT_FALSE(some->from_start);
  EXPECT_EQ(some->limit, 1000u);
}

TEST(CommandTest, Publish) {
  absl::optional<int64_t> id;
  const auto command = ParseCommand(
      R"({"cmd":"publish","id":1,"channel":"c","event": {"type":"x","data":{"a":[1, 2]}} })", &id);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->kind, Command::Kind::kPublish);
  EXPECT_EQ(command->event, R"({"type":"x","data":{"a":[1, 2]}})");
}

TEST(CommandTest, Types) {
  absl::optional<int64_t> id;
  const auto command = ParseCommand(Subscribe(R"(,"types":[ "log_line" ,"t\u0065st_*"])"), &id);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_TRUE(command->types.Shows(R"({"type":"log_line"})"));
  EXPECT_TRUE(command->types.Shows(R"({"type":"test_result"})"));
  EXPECT_FALSE(command->types.Shows(R"({"type":"typing"})"));
}

TEST(CommandTest, ARequestNeedsNoIdAndMayBeLarger) {
  absl::optional<int64_t> id;
  const std::string text = R"({"cmd":"history","channel":"c"})" + std::string(100'000, ' ');
  EXPECT_TRUE(ParseCommand(text, &id, CommandSource::kRequest).ok());
  EXPECT_FALSE(ParseCommand(text, &id).ok());
  EXPECT_FALSE(
      ParseCommand(std::string(limits::kBodyBytes + 1, ' '), &id, CommandSource::kRequest).ok());
  EXPECT_FALSE(
      ParseCommand(R"({"cmd":"history","channel":"c","id":"x"})", &id, CommandSource::kRequest)
          .ok());
}

TEST(CommandTest, ErrorsNameTheKey) {
  struct Case {
    std::string text;
    absl::string_view error;
  };
  const Case cases[] = {
      {"", "not right JSON at byte 0"},
      {"hello", "not right JSON at byte 0"},
      {"[]", "not right JSON at byte 0"},
      {"{", "not right JSON at byte 1"},
      {R"({"cmd":"subscribe","id":1,"channel":"\ud800"})", "not right JSON"},
      {"{\"cmd\":\"subscribe\",\"id\":1,\"channel\":\"\xff\"}", "not right JSON"},
      {"{}", "\"cmd\" is missing"},
      {R"({"cmd":1,"id":1})", "\"cmd\" must be a string"},
      {R"({"cmd":"launch","id":1})", "\"cmd\" must be one of subscribe, unsubscribe, history and"},
      {R"({"cmd":"Subscribe","id":1})", "\"cmd\" must be"},
      {R"({"cmd":"history","id":1,"channel":"c","limit":0})", "\"limit\" must be an integer"},
      {R"({"cmd":"history","id":1,"channel":"c","limit":1001})", "\"limit\" must be an integer"},
      {R"({"cmd":"history","id":1,"channel":"c","last":5})", "\"last\" is not a key of"},
      {R"({"cmd":"history","id":1})", "\"channel\" is missing"},
      {R"({"cmd":"publish","id":1,"channel":"c"})", "\"event\" is missing"},
      {R"({"cmd":"publish","id":1,"channel":"c","event":"x"})", "\"event\" must be an object"},
      {R"({"cmd":"publish","id":1,"channel":"c","event":{},"after":"1-1"})", "\"after\" is not a"},
      {Subscribe(R"(,"limit":5)"), "\"limit\" is not a key of"},
      {R"({"cmd":"refresh","id":1,"token":"t"})", "refresh is not supported yet"},
      {R"({"cmd":"connect","token":"t"})", "connect is not supported yet"},
      {R"({"cmd":"subscribe","channel":"c"})", "\"id\" is missing"},
      {R"({"cmd":"subscribe","id":-1,"channel":"c"})", "\"id\" must be an integer"},
      {R"({"cmd":"subscribe","id":-0,"channel":"c"})", "\"id\" must be an integer"},
      {R"({"cmd":"subscribe","id":1.0,"channel":"c"})", "\"id\" must be an integer"},
      {R"({"cmd":"subscribe","id":1e3,"channel":"c"})", "\"id\" must be an integer"},
      {R"({"cmd":"subscribe","id":"1","channel":"c"})", "\"id\" must be an integer"},
      {R"({"cmd":"subscribe","id":null,"channel":"c"})", "\"id\" must be an integer"},
      {R"({"cmd":"subscribe","id":9007199254740992,"channel":"c"})", "\"id\" must be an integer"},
      {R"({"cmd":"subscribe","id":99999999999999999999999,"channel":"c"})", "\"id\" must be an"},
      {R"({"cmd":"subscribe","id":1})", "\"channel\" is missing"},
      {R"({"cmd":"subscribe","id":1,"channel":7})", "\"channel\" must be a string"},
      {Subscribe(R"(,"after":"1")"), "\"after\" must be a position"},
      {Subscribe(R"(,"after":"")"), "\"after\" must be a position"},
      {Subscribe(R"(,"after":1)"), "\"after\" must be a position"},
      {Subscribe(R"(,"after":null)"), "\"after\" must be a position"},
      {Subscribe(R"(,"after":"01-1")"), "\"after\" must be a position"},
      {Subscribe(R"(,"last":0)"), "\"last\" must be an integer from 1 to 1000"},
      {Subscribe(R"(,"last":1001)"), "\"last\" must be an integer from 1 to 1000"},
      {Subscribe(R"(,"last":"5")"), "\"last\" must be an integer"},
      {Subscribe(R"(,"last":-5)"), "\"last\" must be an integer"},
      {Subscribe(R"(,"from":"end")"), "\"from\" must be \"start\""},
      {Subscribe(R"(,"from":0)"), "\"from\" must be \"start\""},
      {Subscribe(R"(,"last":5,"from":"start")"), "at most one of"},
      {Subscribe(R"(,"last":5,"after":"1-1")"), "at most one of"},
      {Subscribe(R"(,"types":[])"), "\"types\" must be 1 to 32"},
      {Subscribe(R"(,"types":"a")"), "\"types\" must be"},
      {Subscribe(R"(,"types":["a",5])"), "\"types\" must be"},
      {Subscribe(R"(,"types":["a",["b"]])"), "\"types\" must be"},
      {Subscribe(R"(,"types":["$gap"])"), "\"types\" must be"},
      {Subscribe(R"(,"types":["a*b"])"), "\"types\" must be"},
      {Subscribe(R"(,"since":"2024-01-01")"), "\"since\" must be a time"},
      {Subscribe(R"(,"since":1704110400)"), "\"since\" must be a time"},
      {Subscribe(R"(,"since":"2024-01-01T12:00:00Z","after":"1-1")"), "at most one of"},
      {Subscribe(R"(,"since":"2024-01-01T12:00:00Z","last":5)"), "at most one of"},
      {Subscribe(R"(,"lst":5)"), "\"lst\" is not a key of this command"},
      {Subscribe(R"(,"<b>":5)"), "there is a key that is not one of this command"},
      {Subscribe(R"(,"channel":"d")"), "\"channel\" is there twice"},
      {Subscribe(R"(,"\u0063hannel":"d")"), "\"channel\" is there twice"},
      {R"({"cmd":"unsubscribe","id":1,"channel":"c","after":"1-1"})", "\"after\" is not a key of"},
      {R"({"cmd":"unsubscribe","id":1,"channel":"c","last":5})", "\"last\" is not a key of"},
  };
  for (const Case& c : cases)
    EXPECT_THAT(ErrorOf(c.text), HasSubstr(std::string(c.error))) << c.text;
}

TEST(CommandTest, CodesTellWrongFromNotYet) {
  absl::optional<int64_t> id;
  EXPECT_EQ(ParseCommand(R"({"cmd":"refresh","id":1})", &id).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ParseCommand(R"({"cmd":"launch","id":1})", &id).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(CommandTest, TheIdIsKnownAlsoWhenTheRestIsWrong) {
  absl::optional<int64_t> id = 99;
  EXPECT_FALSE(ParseCommand(R"({"cmd":"launch","id":7})", &id).ok());
  EXPECT_EQ(id, 7);
  EXPECT_FALSE(ParseCommand(R"({"id":8,"cmd":"subscribe","channel":1})", &id).ok());
  EXPECT_EQ(id, 8);
  EXPECT_FALSE(ParseCommand(R"({"cmd":"subscribe","id":"7"})", &id).ok());
  EXPECT_FALSE(id);
  id = 99;
  EXPECT_FALSE(ParseCommand("{", &id).ok());
  EXPECT_FALSE(id);
}

TEST(CommandTest, SizeIsBounded) {
  std::string text = Subscribe("");
  text += std::string(limits::kFrameBytes - text.size(), ' ');
  EXPECT_EQ(ErrorOf(text), "accepted");
  EXPECT_THAT(ErrorOf(text + " "), HasSubstr("65537 bytes long, at most 65536"));
}

TEST(CommandTest, AWallOfBracketsIsCheap) {
  const std::string walls[] = {std::string(limits::kFrameBytes, '['),
                               "{\"a\":" + std::string(limits::kFrameBytes - 5, '[')};
  for (const std::string& wall : walls) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1'000; ++i) ASSERT_NE(ErrorOf(wall), "accepted");
    // A thousand take well under a second even instrumented and on a loaded machine: nothing is
    // proportional to the wall.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  }
}

TEST(CommandTest, MutatedCommandsNeverCrash) {
  const std::string seed =
      R"({"cmd":"subscribe","id":12,"channel":"webgui:global","after":"17-4"})";
  const absl::string_view alphabet = "{}[]:,\"\\u019e-. \ncmdidlastfrom";
  std::mt19937 random(3);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text = seed;
    for (int edits = 1 + static_cast<int>(random() % 3); edits > 0; --edits) {
      const size_t place = random() % text.size();
      if (random() % 2 == 0) {
        text[place] = alphabet[random() % alphabet.size()];
      } else {
        text.erase(place, 1);
      }
    }
    absl::optional<int64_t> id;
    const absl::StatusOr<Command> command = ParseCommand(text, &id);
    if (!command.ok()) continue;
    ++accepted;
    EXPECT_EQ(command->id, id);
    EXPECT_LE(command->after.has_value() + command->last.has_value() + command->from_start, 1);
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace spanwire::bridge
