#include "bridge/stream_request.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "bridge/control.h"
#include "bridge/http_target.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

using channel::Position;
using ::testing::StartsWith;

absl::StatusOr<StreamRequest> Parse(absl::string_view query, absl::string_view last_event_id = "") {
  Request request;
  EXPECT_TRUE(ParseTarget(absl::StrCat("/v1/sse?", query), &request));
  if (!last_event_id.empty())
    request.headers.emplace_back("Last-Event-ID", std::string(last_event_id));
  return ParseStreamRequest(request, channel::Names("webgui"));
}

constexpr char kTwo[] = "channel=webgui:session:a&channel=webgui:global";
constexpr char kSecond[] = "webgui:global";

TEST(StreamRequest, ChannelsInTheirOrderFromNow) {
  const auto request = Parse(kTwo);
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->channels.size(), 2u);
  EXPECT_EQ(request->channels[0].channel, "webgui:session:a");
  EXPECT_EQ(request->channels[1].channel, "webgui:global");
  for (const Command& command : request->channels) {
    EXPECT_FALSE(command.id || command.after || command.last || command.from_start);
  }
  EXPECT_EQ(request->wait, limits::kPollWait);
}

TEST(StreamRequest, TheCursorComesFirstWhateverElseIsAsked) {
  const auto request = Parse(absl::StrCat(kTwo, "&cursor=-,7-3&last=5&wait=0&other=x"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->channels[0].last, 5u);
  EXPECT_EQ(request->channels[0].after, absl::nullopt);
  EXPECT_EQ(request->channels[1].after, (Position{7, 3}));
  EXPECT_EQ(request->channels[1].last, absl::nullopt);
  EXPECT_EQ(request->wait, absl::ZeroDuration());
  EXPECT_TRUE(Parse(absl::StrCat(kTwo, "&from=start"))->channels[1].from_start);
  const auto since = Parse(absl::StrCat(kTwo, "&cursor=-,7-3&since=2024-01-01T13:00:00+01:00"));
  ASSERT_TRUE(since.ok()) << since.status();
  EXPECT_EQ(since->channels[0].since, absl::FromUnixSeconds(1704110400));
  EXPECT_EQ(since->channels[1].since, absl::nullopt);
}

TEST(StreamRequest, LastEventIdStandsAboveTheCursor) {
  const auto request = Parse(absl::StrCat(kTwo, "&cursor=1-1,1-1"), "7-3,-");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->channels[0].after, (Position{7, 3}));
  EXPECT_EQ(request->channels[1].after, absl::nullopt);
}

TEST(StreamRequest, SaysWhichParameterIsWrong) {
  std::string many = "channel=webgui:user:0";
  for (size_t i = 1; i <= limits::kStreamChannels; ++i) {
    absl::StrAppend(&many, "&channel=webgui:user:", i);
  }
  const std::pair<std::string, std::string> table[] = {
      {"", "channel is missing"},
      {"channel=", "channel must be"},
      {"channel=webgui:session:%7Bx%7D", "channel has an id"},
      {"channel=webgui:global&channel=webgui:global", "channel repeats"},
      {many, "channel is there more than 32 times"},
      {absl::StrCat(kTwo, "&cursor=7-3"), "cursor must be 2 positions"},
      {absl::StrCat(kTwo, "&cursor=7-3,x"), "cursor must be 2 positions"},
      {absl::StrCat(kTwo, "&cursor="), "cursor must be 2 positions"},
      {absl::StrCat(kTwo, "&cursor=-,-&cursor=-,-"), "cursor is there twice"},
      {absl::StrCat(kTwo, "&after=7-1"), "after is for commands"},
      {absl::StrCat(kTwo, "&last=0"), "last must be an integer from 1 to 1000"},
      {absl::StrCat(kTwo, "&last=1001"), "last must be"},
      {absl::StrCat(kTwo, "&last=-1"), "last must be"},
      {absl::StrCat(kTwo, "&last=+1"), "last must be"},
      {absl::StrCat(kTwo, "&from=end"), "from must be start"},
      {absl::StrCat(kTwo, "&from=start&last=1"), "at most one of"},
      {absl::StrCat(kTwo, "&since=now"), "since must be a time"},
      {absl::StrCat(kTwo, "&since=2024-01-01T12:00:00Z&last=1"), "at most one of"},
      {absl::StrCat(kTwo, "&wait=26"), "wait must be whole seconds from 0 to 25"},
      {absl::StrCat(kTwo, "&wait=1.5"), "wait must be"},
      {absl::StrCat(kTwo, "&wait="), "wait must be"},
  };
  for (const auto& [query, message] : table) {
    const auto request = Parse(query);
    EXPECT_EQ(request.status().code(), absl::StatusCode::kInvalidArgument) << query;
    EXPECT_THAT(std::string(request.status().message()), StartsWith(message)) << query;
  }
  EXPECT_THAT(std::string(Parse(kTwo, "forged").status().message()),
              StartsWith("Last-Event-ID must be 2 positions"));
}

TEST(StreamRequest, AnErrorSaysOfWhichChannelItIs) {
  const auto blamed = [](absl::string_view query) {
    return ChannelOf(Parse(std::string(query)).status()).value_or("");
  };
  EXPECT_EQ(blamed("channel=webgui:global&channel=oops"), "oops");
  EXPECT_EQ(blamed(absl::StrCat(kTwo, "&cursor=7-1,x")), kSecond);
  EXPECT_EQ(blamed(absl::StrCat(kTwo, "&cursor=7-1,-&last=0")), kSecond) << "the first begins not";
  EXPECT_EQ(blamed(absl::StrCat(kTwo, "&cursor=7-1,7-2&last=0")), "");
  EXPECT_EQ(blamed(absl::StrCat(kTwo, "&cursor=7-1")), "");
}

}  // namespace
}  // namespace spanwire::bridge
