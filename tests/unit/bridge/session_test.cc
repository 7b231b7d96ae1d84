// Sessions, subscriptions and the hub together, without a feed: the test plays the feed loop.
#include "bridge/session.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "bridge/renderer.h"
#include "core/base/limits.h"
#include "spanwire/v1/event.pb.h"
#include "tests/support/fake_executor.h"
#include "tests/support/fake_transport.h"

namespace spanwire::bridge {
namespace {

using channel::Position;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kChannel[] = "webgui:session:a";

FrameEntry Event(uint64_t epoch, uint64_t seq, bool visible = true,
                 absl::optional<Position> prev = absl::nullopt) {
  const Position position{epoch, seq};
  return {position, prev,
          visible ? Frame::Make(absl::StrCat("event ", position.ToString())) : nullptr};
}

Delivery::Answer Page(uint64_t reader, std::vector<FrameEntry> rows) {
  return {reader, {std::move(rows), false, absl::nullopt}};
}

Command SubscribeTo(std::string channel, absl::optional<Position> after = absl::nullopt) {
  Command command;
  command.channel = std::move(channel);
  command.after = after;
  return command;
}

class SessionTest : public ::testing::Test {
 protected:
  void Connect(Session::Options options = {}) {
    options.connection = "c1";
    session_ = std::make_unique<Session>(&hub_, &names_, &transport_, options);
    EXPECT_THAT(transport_.Sent().at(0), StartsWith(R"({"type":"$hello","connection":"c1")"));
  }
  // What the feed loop was asked since the last call.
  std::vector<FeedRequest> Requests() { return std::exchange(requests_, {}); }
  template <typename What>
  std::vector<std::string> Deliver(What what, uint64_t topic = 1) {
    std::vector<Delivery> deliveries;
    deliveries.push_back({topic, std::move(what)});
    hub_.OnDeliveries(std::move(deliveries));
    return transport_.Sent();
  }
  std::vector<std::string> Answer(std::vector<FrameEntry> rows,
                                  absl::optional<channel::Tail> tail = {}) {
    for (const FeedRequest& request : Requests()) {
      if (const auto* read = std::get_if<FeedRequest::Read>(&request.what)) {
        return Deliver(Delivery::Answer{read->reader, {std::move(rows), false, tail}},
                       request.topic);
      }
    }
    ADD_FAILURE() << "no page was asked for";
    return {};
  }
  std::vector<std::string> Say(absl::string_view command) {
    session_->OnText(command);
    return transport_.Sent();
  }
  // Subscribed and live at 7-3.
  void Follow() {
    Connect();
    Say(R"({"cmd":"subscribe","id":1,"channel":"webgui:session:a"})");
    Deliver(Delivery::Started{{7, 3}});
    Requests();
  }

  // Something was lost, and the pause is over.
  void Overflow() {
    hub_.OnOverflow();
    executor_.Advance(limits::kOverflowPause);
  }

  test::FakeExecutor executor_;
  channel::Names names_{"webgui"};
  std::vector<FeedRequest> requests_;
  test::FakeTransport transport_;
  bool accepting_ = true;
  Hub hub_{0, &executor_, [this](FeedRequest request) {
             if (!accepting_ && std::holds_alternative<FeedRequest::Attach>(request.what))
               return false;
             requests_.push_back(std::move(request));
             return true;
           }};
  std::unique_ptr<Session> session_;
};

TEST_F(SessionTest, ASubscriptionFromNowBeginsWhereTheFeedStands) {
  Connect();
  EXPECT_THAT(Say(R"({"cmd":"subscribe","id":1,"channel":"webgui:session:a"})"), IsEmpty())
      << "it begins only once the feed has a position";
  EXPECT_EQ(std::get<FeedRequest::Attach>(Requests().at(0).what).channel, kChannel);
  EXPECT_THAT(
      Deliver(Delivery::Started{{7, 3}}),
      ElementsAre(R"({"type":"$subscribed","id":1,"channel":"webgui:session:a","position":"7-3"})",
                  R"({"type":"$live","channel":"webgui:session:a","position":"7-3"})"));
  EXPECT_THAT(Deliver(Event(7, 4)), ElementsAre("event 7-4"));
  EXPECT_THAT(Deliver(Event(7, 4)), IsEmpty());
}

TEST_F(SessionTest, ResumesWithoutASeam) {
  Connect();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a","after":"7-1"})");
  EXPECT_THAT(Deliver(Delivery::Started{{7, 3}}), IsEmpty());
  EXPECT_THAT(Deliver(Event(7, 4)), IsEmpty()) << "live events wait for the replay";
  EXPECT_THAT(
      Answer({Event(7, 1), Event(7, 2), Event(7, 3)}),
      ElementsAre(
          R"({"type":"$subscribed","id":2,"channel":"webgui:session:a","position":"7-1","recovered":true})",
          "event 7-2", "event 7-3", "event 7-4",
          R"({"type":"$live","channel":"webgui:session:a","position":"7-4"})"));
}

TEST_F(SessionTest, SaysWhatCannotBeHad) {
  Connect();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a","after":"7-1"})");
  Deliver(Delivery::Started{{7, 9}});
  EXPECT_THAT(
      Answer({Event(7, 8), Event(7, 9)}),
      ElementsAre(
          R"({"type":"$subscribed","id":2,"channel":"webgui:session:a","position":"7-1","recovered":false})",
          R"({"type":"$gap","channel":"webgui:session:a","after":"7-1","position":"7-7","reason":"trimmed"})",
          "event 7-8", "event 7-9",
          R"({"type":"$live","channel":"webgui:session:a","position":"7-9"})"));
}

TEST_F(SessionTest, ChannelsOfTheUrlAreSubscribedWithoutAnId) {
  session_ = std::make_unique<Session>(
      &hub_, &names_, &transport_,
      Session::Options{"c1", false, {SubscribeTo(kChannel), SubscribeTo("nonsense")}});
  const std::vector<std::string> sent = transport_.Sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_THAT(sent[1],
              StartsWith(R"({"type":"$error","code":"invalid_argument","message":"channel must)"));
  EXPECT_THAT(Deliver(Delivery::Started{{7, 3}}).at(0),
              R"({"type":"$subscribed","channel":"webgui:session:a","position":"7-3"})");
}

// Who sends frames over HTTP says where each channel stands.
TEST_F(SessionTest, TellsTheTransportHowFarItsChannelsAre) {
  session_ = std::make_unique<Session>(
      &hub_, &names_, &transport_,
      Session::Options{
          "c1", false, {SubscribeTo("webgui:global", Position{5, 5}), SubscribeTo(kChannel)}});
  EXPECT_EQ(transport_.cursor(), "5-5,-");
  Deliver(Delivery::Started{{7, 3}}, 2);
  EXPECT_EQ(transport_.cursor(), "5-5,7-3");
  Deliver(Event(7, 4), 2);
  EXPECT_EQ(transport_.cursor(), "5-5,7-4");
  Deliver(channel::Gap{{7, 4}, {7, 9}, channel::GapReason::kTrimmed}, 2);
  EXPECT_EQ(transport_.cursor(), "5-5,7-9");
  Deliver(Event(7, 10, false), 2);
  EXPECT_EQ(transport_.cursor(), "5-5,7-9") << "nothing was shown";
  executor_.Advance(limits::kPositionInterval + absl::Seconds(1));
  EXPECT_EQ(transport_.cursor(), "5-5,7-10");
}

TEST_F(SessionTest, ASecondSubscriberOfALoopBeginsAtOnce) {
  Follow();
  Deliver(Event(7, 4));
  test::FakeTransport other_transport;
  Session other(&hub_, &names_, &other_transport, {"c2", false, {SubscribeTo(kChannel)}});
  EXPECT_THAT(Requests(), IsEmpty()) << "the topic is followed already";
  EXPECT_THAT(other_transport.Sent().at(1),
              R"({"type":"$subscribed","channel":"webgui:session:a","position":"7-4"})");
  Deliver(Event(7, 5));
  EXPECT_THAT(other_transport.Sent(), ElementsAre("event 7-5"));
}

TEST_F(SessionTest, TheLastSubscriberEndsTheTopic) {
  Follow();
  EXPECT_THAT(Say(R"({"cmd":"unsubscribe","id":9,"channel":"webgui:session:a"})"),
              ElementsAre(R"({"type":"$unsubscribed","id":9,"channel":"webgui:session:a"})"));
  const std::vector<FeedRequest> requests = Requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Detach>(requests[0].what));
  EXPECT_THAT(Deliver(Event(7, 4)), IsEmpty());
  Say(R"({"cmd":"subscribe","id":10,"channel":"webgui:session:a"})");
  EXPECT_EQ(Requests().at(0).topic, 2u) << "a number is never used twice";
}

TEST_F(SessionTest, ErrorsNameTheCommandAndHarmNothing) {
  Follow();
  EXPECT_THAT(Say("nonsense").at(0), StartsWith(R"({"type":"$error","code":"invalid_argument")"));
  EXPECT_THAT(Say(R"({"cmd":"dance","id":4})").at(0), StartsWith(R"({"type":"$error","id":4,)"));
  EXPECT_THAT(
      Say(R"({"cmd":"subscribe","id":5,"channel":"webgui:session:a"})").at(0),
      StartsWith(
          R"({"type":"$error","id":5,"channel":"webgui:session:a","code":"already_exists")"));
  EXPECT_THAT(
      Say(R"({"cmd":"subscribe","id":6,"channel":"webgui:session:{x}"})").at(0),
      StartsWith(
          R"({"type":"$error","id":6,"code":"invalid_argument","message":"channel has an id)"));
  EXPECT_THAT(
      Say(R"({"cmd":"unsubscribe","id":7,"channel":"webgui:global"})").at(0),
      StartsWith(R"({"type":"$error","id":7,"channel":"webgui:global","code":"not_found")"));
  EXPECT_THAT(Deliver(Event(7, 4)), ElementsAre("event 7-4"));
}

TEST_F(SessionTest, AnErrorOfAChannelOfTheUrlNamesIt) {
  session_ = std::make_unique<Session>(
      &hub_, &names_, &transport_,
      Session::Options{"c1", false, {SubscribeTo(kChannel), SubscribeTo(kChannel)}});
  EXPECT_THAT(
      transport_.Sent().at(1),
      StartsWith(R"({"type":"$error","channel":"webgui:session:a","code":"already_exists")"));
  EXPECT_THAT(
      Deliver(Delivery::Refused{absl::FailedPreconditionError("no log")}),
      ElementsAre(
          R"({"type":"$error","channel":"webgui:session:a","code":"failed_precondition","message":"no log","retry":false})"));
  EXPECT_THAT(Say(R"({"cmd":"unsubscribe","id":7,"channel":"\u0000"})").at(0),
              StartsWith(R"({"type":"$error","id":7,"code":"not_found")"))
      << "not the name of a channel";
}

TEST_F(SessionTest, SubscriptionsHaveABound) {
  Connect();
  for (size_t i = 0; i < limits::kSubscriptions; ++i) {
    EXPECT_THAT(Say(absl::StrCat(R"({"cmd":"subscribe","id":1,"channel":"webgui:user:)", i, "\"}")),
                IsEmpty());
  }
  EXPECT_THAT(Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:global"})").at(0),
              HasSubstr(R"("code":"resource_exhausted","message":"a connection has at most 128)"));
}

TEST_F(SessionTest, ARefusedChannelIsSaidAndMayBeAskedForAgain) {
  Connect();
  Say(R"({"cmd":"subscribe","id":1,"channel":"webgui:session:a"})");
  EXPECT_THAT(
      Deliver(Delivery::Refused{absl::PermissionDeniedError("redis refuses the channel")}).at(0),
      StartsWith(
          R"({"type":"$error","id":1,"channel":"webgui:session:a","code":"permission_denied")"));
  Requests();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a"})");
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Attach>(requests_[0].what));
}

TEST_F(SessionTest, TransientEventsComeWhileLiveOnly) {
  Connect();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a","after":"7-1"})");
  Deliver(Delivery::Started{{7, 1}});
  EXPECT_THAT(Deliver(Delivery::Transient{Frame::Make("cursor")}), IsEmpty());
  Answer({Event(7, 1)});
  EXPECT_THAT(Deliver(Delivery::Transient{Frame::Make("cursor")}), ElementsAre("cursor"));
}

TEST_F(SessionTest, ASlowBrowserKeepsItsPositionAndIsRefilled) {
  Follow();
  transport_.set_congested(true);
  EXPECT_THAT(Deliver(Event(7, 4)), IsEmpty());
  EXPECT_THAT(Deliver(Event(7, 5)), IsEmpty());
  EXPECT_THAT(Deliver(Delivery::Transient{Frame::Make("cursor")}), IsEmpty());
  EXPECT_THAT(Requests(), IsEmpty()) << "nothing is read for a browser without room";
  transport_.set_congested(false);
  session_->OnDrained();
  EXPECT_THAT(Answer({Event(7, 3), Event(7, 4), Event(7, 5)}),
              ElementsAre("event 7-4", "event 7-5"));
  EXPECT_THAT(Deliver(Event(7, 6)), ElementsAre("event 7-6"));
}

// Progress of the task `a` to `percent`, as the feed renders it.
FrameEntry Progress(uint64_t seq, int percent) {
  v1::Event event;
  event.mutable_task_progress()->set_task_id("a");
  event.mutable_task_progress()->set_progress(percent);
  const Position position{7, seq};
  Position visible = position.Before();
  Renderer renderer(true);
  return renderer.Render("c", {position, absl::nullopt, event.SerializeAsString()}, &visible);
}
std::string ProgressFrame(int percent, absl::string_view rest) {
  return absl::StrCat(R"({"type":"task_progress","timestamp":"1970-01-01T00:00:00Z",)"
                      R"("session_id":"","data":{"task_id":"a","progress":)",
                      percent, R"(},"channel":"c",)", rest, "}");
}

TEST_F(SessionTest, WhatASlowBrowserMissedIsConflatedPageByPage) {
  Follow();
  transport_.set_congested(true);
  Deliver(Progress(4, 1));
  transport_.set_congested(false);
  session_->OnDrained();
  EXPECT_THAT(Answer({Event(7, 3), Progress(4, 1), Progress(5, 2), Event(7, 6), Progress(7, 3)}),
              ElementsAre(HasSubstr("event 7-6"), ProgressFrame(3, R"("id":"7-7","conflated":2)")));
  EXPECT_THAT(Deliver(Progress(8, 4)), ElementsAre(ProgressFrame(4, R"("id":"7-8")")))
      << "live again";
  EXPECT_THAT(Deliver(Progress(9, 5)), ElementsAre(ProgressFrame(5, R"("id":"7-9")")));
}

TEST_F(SessionTest, PrevPassesWhatIsConflated) {
  Follow();
  transport_.set_congested(true);
  Deliver(Progress(4, 1));
  transport_.set_congested(false);
  session_->OnDrained();
  EXPECT_THAT(Answer({Event(7, 3), Progress(4, 1), Progress(5, 2)}),
              ElementsAre(ProgressFrame(2, R"("id":"7-5","prev":"7-3","conflated":1)")));
}

TEST_F(SessionTest, WhoIsNotSlowGetsEveryEvent) {
  Connect();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a","after":"7-3"})");
  Deliver(Delivery::Started{{7, 5}});
  const auto sent = Answer({Event(7, 3), Progress(4, 1), Progress(5, 2)});
  EXPECT_EQ(sent.size(), 4u) << "$subscribed, both events, $live";
}

TEST_F(SessionTest, ABinarySessionGetsEveryEventHoweverSlow) {
  Session::Options options;
  options.format = Format::kProto;
  Connect(options);
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a"})");
  Deliver(Delivery::Started{{7, 3}});
  Requests();
  transport_.set_congested(true);
  Deliver(Progress(4, 1));
  transport_.set_congested(false);
  session_->OnDrained();
  EXPECT_EQ(Answer({Progress(4, 1), Progress(5, 2)}).size(), 2u);
}

Delivery::Transient Typing(const std::string& user, bool active) {
  v1::Event event;
  event.mutable_typing()->set_user(user);
  event.mutable_typing()->set_active(active);
  Renderer renderer(true);
  return {renderer.RenderTransient("c", event.SerializeAsString())};
}

TEST_F(SessionTest, OfTransientEventsTheNewestOfAKeyWaitsUntilThereIsRoom) {
  Follow();
  transport_.set_congested(true);
  EXPECT_THAT(Deliver(Typing("u", true)), IsEmpty());
  EXPECT_THAT(Deliver(Typing("v", true)), IsEmpty());
  EXPECT_THAT(Deliver(Typing("u", false)), IsEmpty());
  EXPECT_THAT(Deliver(Delivery::Transient{Frame::Make("plain JSON")}), IsEmpty());
  transport_.set_congested(false);
  session_->OnDrained();
  const auto sent = transport_.Sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_THAT(sent[0],
              HasSubstr(R"("data":{"user":"u","active":false},"channel":"c","conflated":1)"));
  EXPECT_THAT(sent[1], HasSubstr(R"("data":{"user":"v","active":true},"channel":"c"})"));
  EXPECT_EQ(Deliver(Typing("u", true)).size(), 1u);
}

TEST_F(SessionTest, TransientEventsComeBehindWhatWasMissed) {
  Follow();
  transport_.set_congested(true);
  Deliver(Event(7, 4));
  Deliver(Typing("u", true));
  transport_.set_congested(false);
  session_->OnDrained();
  EXPECT_THAT(transport_.Sent(), IsEmpty());
  EXPECT_THAT(Answer({Event(7, 3), Event(7, 4)}), ElementsAre("event 7-4", HasSubstr("typing")));
}

TEST_F(SessionTest, TheTransientEventsThatWaitAreBounded) {
  Follow();
  transport_.set_congested(true);
  for (size_t i = 0; i < 2 * limits::kHeldTransients; ++i) Deliver(Typing(absl::StrCat(i), true));
  Deliver(Typing("0", false));
  transport_.set_congested(false);
  session_->OnDrained();
  const auto sent = transport_.Sent();
  ASSERT_EQ(sent.size(), limits::kHeldTransients);
  EXPECT_THAT(sent[0], HasSubstr(R"("active":false},"channel":"c","conflated":1)"));
}

TEST_F(SessionTest, ASlowBrowserWhosePositionLeftTheLogIsToldSo) {
  Follow();
  transport_.set_congested(true);
  Deliver(Event(7, 4));
  transport_.set_congested(false);
  session_->OnDrained();
  EXPECT_THAT(
      Answer({Event(7, 90)}),
      ElementsAre(
          R"({"type":"$gap","channel":"webgui:session:a","after":"7-3","position":"7-89","reason":"slow"})",
          "event 7-90"));
}

TEST_F(SessionTest, ASlowBrowserIsToldOnceEachTime) {
  Follow();
  const std::string slow = R"({"type":"$slow"})";
  const auto error = ::testing::HasSubstr("$error");
  for (int i = 0; i < 2; ++i) {
    transport_.set_congested(true);  // by the next frame
    EXPECT_THAT(Say("nonsense"), ElementsAre(error, slow));
    EXPECT_THAT(Say("nonsense"), ElementsAre(error));
    transport_.set_congested(false);
    session_->OnDrained();
    EXPECT_THAT(transport_.Sent(), IsEmpty());
  }
}

TEST_F(SessionTest, APageForACongestedBrowserIsHeldUntilThereIsRoom) {
  Connect();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a","after":"7-1"})");
  Deliver(Delivery::Started{{7, 2}});
  transport_.set_congested(true);
  EXPECT_THAT(Answer({Event(7, 1), Event(7, 2)}), IsEmpty());
  transport_.set_congested(false);
  session_->OnDrained();
  EXPECT_EQ(transport_.Sent().size(), 3u) << "$subscribed, the event and $live";
  EXPECT_THAT(Requests(), IsEmpty()) << "it is not read twice";
}

TEST_F(SessionTest, FewPagesAreReadAtATime) {
  Connect();
  for (int i = 1; i <= 5; ++i) {
    Say(absl::StrCat(R"({"cmd":"subscribe","id":1,"from":"start","channel":"webgui:user:)", i,
                     "\"}"));
    Deliver(Delivery::Started{{7, 9}}, static_cast<uint64_t>(i));
  }
  const auto asked = [this] {
    std::vector<FeedRequest> reads;
    for (FeedRequest& request : Requests()) {
      if (std::holds_alternative<FeedRequest::Read>(request.what)) {
        reads.push_back(std::move(request));
      }
    }
    return reads;
  };
  const auto answer = [this](const FeedRequest& request, uint64_t seq, bool full) {
    const uint64_t reader = std::get<FeedRequest::Read>(request.what).reader;
    return Deliver(Delivery::Answer{reader, {{Event(7, seq)}, full, {}}}, request.topic);
  };
  std::vector<FeedRequest> first = asked();
  ASSERT_EQ(first.size(), limits::kSessionReads);
  EXPECT_EQ(answer(first[0], 1, /*full=*/true).size(), 2u);
  std::vector<FeedRequest> next = asked();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].topic, 3u) << "the others have their turn before the second page";
  transport_.set_congested(true);
  EXPECT_THAT(answer(next[0], 1, false), IsEmpty());
  EXPECT_THAT(asked(), IsEmpty());
  transport_.set_congested(false);
  session_->OnDrained();
  EXPECT_EQ(transport_.Sent().size(), 3u);
  next = asked();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].topic, 4u);
  // Who leaves gives its turn on, whether it waits or reads.
  Say(R"({"cmd":"unsubscribe","id":2,"channel":"webgui:user:5"})");
  Say(R"({"cmd":"unsubscribe","id":2,"channel":"webgui:user:4"})");
  next = asked();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].topic, 1u);
  EXPECT_EQ(std::get<FeedRequest::Read>(next[0].what).ask.after, (Position{7, 1}));
}

TEST_F(SessionTest, ALargePageIsTakenPieceByPiece) {
  Connect();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a","last":9})");
  Deliver(Delivery::Started{{7, 9}});
  std::vector<FrameEntry> rows;
  for (uint64_t seq = 1; seq <= 9; ++seq) {
    rows.push_back({{7, seq}, absl::nullopt, Frame::Make(std::string(300'000, 'x'))});
  }
  EXPECT_EQ(Answer(rows).size(), 1u + 6u) << "$subscribed and what fits";
  rows.erase(rows.begin(), rows.begin() + 5);
  EXPECT_EQ(Answer(rows).size(), 4u) << "the first row was seen; three new ones and $live";
}

TEST_F(SessionTest, WhatWaitsForAReplayIsBounded) {
  Connect();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a","after":"7-1"})");
  Deliver(Delivery::Started{{7, 1}});
  for (uint64_t seq = 2; seq <= 9; ++seq) {
    Deliver(FrameEntry{{7, seq}, absl::nullopt, Frame::Make(std::string(300'000, 'x'))});
  }
  EXPECT_THAT(Answer({Event(7, 1)}), IsEmpty())
      << "what waited was dropped, the read is done again";
  const std::vector<std::string> sent = Answer({Event(7, 1), Event(7, 2)});
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[1], "event 7-2");
}

TEST_F(SessionTest, AFeedsGapIsPassedOn) {
  Follow();
  EXPECT_THAT(
      Deliver(channel::Gap{{7, 3}, {9, 0}, channel::GapReason::kLost}),
      ElementsAre(
          R"({"type":"$gap","channel":"webgui:session:a","after":"7-3","position":"9-0","reason":"lost"})"));
  EXPECT_THAT(Deliver(Event(11, 1, true, Position{9, 0})), ElementsAre("event 11-1"));
}

TEST_F(SessionTest, APageIsAskedForWithWhatTheBrowserWasToldLast) {
  Connect();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a","after":"7-1"})");
  Deliver(Delivery::Started{{7, 9}});
  auto requests = Requests();
  auto read = std::get<FeedRequest::Read>(requests.back().what);
  EXPECT_EQ(read.ask.told, (Position{7, 1}));
  Deliver(Delivery::Answer{read.reader, {{Event(7, 2, false), Event(7, 3, false)}, true, {}}});
  requests = Requests();
  read = std::get<FeedRequest::Read>(requests.back().what);
  EXPECT_EQ(read.ask.after, (Position{7, 3}));
  EXPECT_EQ(read.ask.told, (Position{7, 1}));
}

TEST_F(SessionTest, WhoReadsPastAGapOfTheFeedIsToldWhereItStands) {
  Follow();
  Deliver(Event(7, 4, /*visible=*/false));
  EXPECT_THAT(Deliver(channel::Gap{{7, 1}, {7, 3}, channel::GapReason::kTrimmed}), IsEmpty());
  EXPECT_THAT(Answer({Event(7, 4, false)}),
              ElementsAre(R"({"type":"$position","channel":"webgui:session:a","position":"7-4"})"))
      << "the feed's next prev may be 7-3, and 7-4 at most";
}

TEST_F(SessionTest, WhoLeavesTakesItsQuestionBack) {
  Connect();
  Say(R"({"cmd":"subscribe","id":1,"channel":"webgui:session:a","last":5})");
  Deliver(Delivery::Started{{7, 3}});
  const uint64_t reader = std::get<FeedRequest::Read>(Requests().back().what).reader;
  Say(R"({"cmd":"unsubscribe","id":2,"channel":"webgui:session:a"})");
  const std::vector<FeedRequest> requests = Requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(std::get<FeedRequest::Cancel>(requests[0].what).reader, reader);
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Detach>(requests[1].what));
}

TEST_F(SessionTest, APageThatCannotBeWaitedForEndsTheSubscription) {
  Connect();
  Say(R"({"cmd":"subscribe","id":1,"channel":"webgui:session:a","last":5})");
  Deliver(Delivery::Started{{7, 3}});
  const uint64_t reader = std::get<FeedRequest::Read>(Requests().back().what).reader;
  EXPECT_THAT(Deliver(Delivery::NoAnswer{reader, absl::ResourceExhaustedError("full")}).at(0),
              HasSubstr(R"("code":"resource_exhausted")"));
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Detach>(Requests().back().what));
}

TEST_F(SessionTest, EventsOfAnotherViewMoveThePositionWhichIsToldNowAndThen) {
  Follow();
  EXPECT_THAT(Deliver(Event(7, 4, /*visible=*/false)), IsEmpty());
  executor_.Advance(limits::kPositionInterval + absl::Seconds(1));
  EXPECT_THAT(transport_.Sent(),
              ElementsAre(R"({"type":"$position","channel":"webgui:session:a","position":"7-4"})"));
  executor_.Advance(limits::kPositionInterval * 2);
  EXPECT_THAT(transport_.Sent(), IsEmpty()) << "nothing has changed";
}

TEST_F(SessionTest, AfterAnOverflowEverySubscriptionReadsOnFromItsPosition) {
  Follow();
  Deliver(Event(7, 4));
  Overflow();  // 7-5 and 7-6 were lost
  const std::vector<FeedRequest> requests = Requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(std::get<FeedRequest::Attach>(requests[1].what).channel, kChannel);
  const auto& read = std::get<FeedRequest::Read>(requests[0].what);
  EXPECT_EQ(read.ask.after, (Position{7, 4}));
  EXPECT_THAT(Deliver(Delivery::Started{{7, 6}}), IsEmpty());
  EXPECT_THAT(Deliver(Page(read.reader, {Event(7, 4), Event(7, 5), Event(7, 6)})),
              ElementsAre("event 7-5", "event 7-6"));
  EXPECT_THAT(Deliver(Event(7, 7)), ElementsAre("event 7-7"));
}

TEST_F(SessionTest, APageThatWasLostIsAskedForAgain) {
  Connect();
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a","after":"7-1"})");
  Deliver(Delivery::Started{{7, 3}});
  const uint64_t lost = std::get<FeedRequest::Read>(Requests().at(1).what).reader;
  Deliver(Event(7, 4));
  Overflow();
  const std::vector<FeedRequest> requests = Requests();
  const auto& again = std::get<FeedRequest::Read>(requests.at(0).what);
  EXPECT_EQ(again.ask.after, (Position{7, 1}));
  EXPECT_NE(again.reader, lost);
  EXPECT_THAT(Deliver(Page(lost, {Event(7, 1), Event(7, 2)})), IsEmpty())
      << "it was on its way all the same, and is nobody's";
  EXPECT_THAT(Deliver(Page(again.reader, {Event(7, 1), Event(7, 2)})).back(), "event 7-2");
  // What had queued may have had holes: one more Read, and only then it is live.
  EXPECT_THAT(Answer({Event(7, 2), Event(7, 3), Event(7, 4), Event(7, 5)}),
              ElementsAre("event 7-3", "event 7-4", "event 7-5",
                          R"({"type":"$live","channel":"webgui:session:a","position":"7-5"})"));
}

TEST_F(SessionTest, AnOverflowDoesNotFeedACongestedBrowser) {
  Follow();
  transport_.set_congested(true);
  Overflow();
  EXPECT_EQ(Requests().size(), 1u) << "nothing is read";
  transport_.set_congested(false);
  session_->OnDrained();
  EXPECT_THAT(Answer({Event(7, 3), Event(7, 4)}), ElementsAre("event 7-4"));
}

TEST_F(SessionTest, OverflowsInARowAreOneRecovery) {
  Follow();
  for (int i = 0; i < 1'000; ++i) hub_.OnOverflow();
  EXPECT_THAT(Requests(), IsEmpty());
  accepting_ = false;
  executor_.Advance(limits::kOverflowPause);
  EXPECT_EQ(Requests().size(), 1u) << "it reads; about the topic it will ask again";
  accepting_ = true;
  executor_.Advance(limits::kOverflowPause);
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Attach>(Requests().back().what));
  executor_.Advance(limits::kOverflowPause * 5);
  EXPECT_THAT(Requests(), IsEmpty());
}

TEST_F(SessionTest, AfterAnOverflowWhoHadNotBegunBegins) {
  Connect();
  Say(R"({"cmd":"subscribe","id":1,"channel":"webgui:session:a"})");
  Requests();
  Overflow();
  EXPECT_EQ(Requests().size(), 1u);
  EXPECT_THAT(Deliver(Delivery::Started{{7, 3}}).at(0), HasSubstr("$subscribed"));
}

TEST_F(SessionTest, ATopicThatWasRefusedWhileItWasAttachedAnewIsDetached) {
  Connect();
  Say(R"({"cmd":"subscribe","id":1,"channel":"webgui:session:a"})");
  Overflow();
  Deliver(Delivery::Refused{absl::PermissionDeniedError("no")});
  Requests();
  Deliver(Delivery::Started{{7, 3}});
  const std::vector<FeedRequest> requests = Requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Detach>(requests[0].what));
}

TEST_F(SessionTest, TooManyRequestsForTheFeedsAreAnError) {
  Connect();
  accepting_ = false;
  EXPECT_THAT(Say(R"({"cmd":"subscribe","id":1,"channel":"webgui:session:a"})"), IsEmpty());
  executor_.Advance(absl::ZeroDuration());
  EXPECT_THAT(
      transport_.Sent().at(0),
      StartsWith(R"({"type":"$error","id":1,"channel":"webgui:session:a","code":"unavailable")"));
  accepting_ = true;
  Say(R"({"cmd":"subscribe","id":2,"channel":"webgui:session:a"})");
  EXPECT_THAT(Deliver(Delivery::Started{{7, 3}}, 2).at(0), HasSubstr("$subscribed"));
}

TEST_F(SessionTest, PingsOnlyWhoAskedForThem) {
  Connect(Session::Options{"", true, {}});
  executor_.Advance(limits::kPingInterval - absl::Seconds(1));
  EXPECT_THAT(transport_.Sent(), IsEmpty());
  executor_.Advance(absl::Seconds(2));
  EXPECT_THAT(transport_.Sent(), ElementsAre(R"({"type":"$ping"})"));
  session_.reset();
  Follow();
  executor_.Advance(limits::kPingInterval * 3);
  EXPECT_THAT(transport_.Sent(), IsEmpty());
}

TEST_F(SessionTest, WhoAsksWithoutEverReadingIsCutOff) {
  Connect();
  transport_.set_congested(true);
  for (int i = 0; i < 2000 && transport_.closed() == 0; ++i) Say("nonsense");
  EXPECT_EQ(transport_.closed(), static_cast<int>(CloseCode::kSlow));
}

TEST_F(SessionTest, AViewOfSomeTypesIsToldWhatLiesBetween) {
  const auto event = [](uint64_t seq, absl::string_view type) {
    return FrameEntry{
        {7, seq},
        absl::nullopt,
        Frame::Make(absl::StrCat(R"({"type":")", type, R"(","id":"7-)", seq, R"(","agent":"a"})"))};
  };
  Connect();
  Say(R"({"cmd":"subscribe","id":1,"channel":"webgui:session:a","types":["log_*"]})");
  test::FakeTransport other_transport;
  Command same = SubscribeTo(kChannel);
  same.types = *TypeFilter::Make({"log_line"});
  Session other(&hub_, &names_, &other_transport, {"c2", false, {same}});
  Deliver(Delivery::Started{{7, 3}});
  EXPECT_THAT(Deliver(event(4, "log_line")),
              ElementsAre(R"({"type":"log_line","id":"7-4","agent":"a"})"));
  EXPECT_THAT(Deliver(event(5, "comment")), IsEmpty());
  EXPECT_THAT(Deliver(event(6, "log_line")),
              ElementsAre(R"({"type":"log_line","id":"7-6","prev":"7-4","agent":"a"})"));
  EXPECT_THAT(Deliver(Delivery::Transient{Frame::Make(R"({"type":"typing"})")}), IsEmpty());
  EXPECT_THAT(Deliver(Delivery::Transient{Frame::Make(R"({"a":1,"type":"log\u005fx"})")}),
              ElementsAre(R"({"a":1,"type":"log\u005fx"})"));
  Deliver(event(7, "comment"));
  executor_.Advance(limits::kPositionInterval + absl::Seconds(1));
  EXPECT_THAT(transport_.Sent(),
              ElementsAre(R"({"type":"$position","channel":"webgui:session:a","position":"7-7"})"));
  EXPECT_EQ(other_transport.Sent().size(), 6u) << "$hello, $subscribed, $live, two, $position";
}

// Keeps what is to be published, until the test answers.
class FakeUpstream final : public Upstream {
 public:
  void Publish(const v1::PublishRequest& request, Done done) override {
    requests.push_back(request);
    waiting.push_back(std::move(done));
  }
  std::vector<v1::PublishRequest> requests;
  std::vector<Done> waiting;
};

class SessionCommandTest : public SessionTest {
 protected:
  void Begin() {
    session_ = std::make_unique<Session>(&hub_, &names_, &transport_, Session::Options{}, &runner_);
    transport_.Sent();
  }
  std::vector<std::string> Answered(absl::StatusOr<v1::PublishResponse> response) {
    upstream_.waiting.back()(std::move(response));
    upstream_.waiting.pop_back();
    executor_.RunPosted();
    return transport_.Sent();
  }
  static std::string PublishAs(int id) {
    return absl::StrCat(R"({"cmd":"publish","id":)", id,
                        R"(,"channel":"webgui:session:a","event":{"type":"typing"}})");
  }

  FakeUpstream upstream_;
  CommandRunner runner_{&hub_, &names_, &upstream_};
};

TEST_F(SessionCommandTest, PublishesOneEventToOneChannel) {
  Begin();
  EXPECT_THAT(Say(PublishAs(4)), IsEmpty());
  ASSERT_EQ(upstream_.requests.size(), 1u);
  EXPECT_TRUE(upstream_.requests[0].events(0).has_typing());
  EXPECT_EQ(upstream_.requests[0].events(0).channels(0), kChannel);
  EXPECT_THAT(Answered(v1::PublishResponse()),
              ElementsAre(R"({"type":"$published","id":4,"channel":"webgui:session:a"})"));
  Say(PublishAs(5));
  v1::PublishResponse response;
  response.add_positions()->set_position("7-3");
  EXPECT_THAT(
      Answered(response),
      ElementsAre(R"({"type":"$published","id":5,"channel":"webgui:session:a","position":"7-3"})"));
  Say(PublishAs(6));
  EXPECT_THAT(
      Answered(absl::UnavailableError("gone")),
      ElementsAre(
          R"({"type":"$error","id":6,"code":"unavailable","message":"gone","retry":true})"));
}

TEST_F(SessionCommandTest, FewCommandsWaitAtATime) {
  Begin();
  for (size_t i = 0; i < limits::kCommands; ++i)
    EXPECT_THAT(Say(PublishAs(static_cast<int>(i))), IsEmpty());
  EXPECT_THAT(Say(PublishAs(99)).at(0),
              StartsWith(R"({"type":"$error","id":99,"code":"resource_exhausted")"));
  Answered(v1::PublishResponse());
  EXPECT_THAT(Say(PublishAs(100)), IsEmpty());
}

TEST_F(SessionCommandTest, AnAnswerForOneWhoLeftIsNobodys) {
  Begin();
  Say(PublishAs(4));
  session_.reset();
  EXPECT_THAT(Answered(v1::PublishResponse()), IsEmpty());
}

TEST_F(SessionCommandTest, AHistoryIsOneAnswerAndNoSubscription) {
  Begin();
  EXPECT_THAT(Say(R"({"cmd":"history","id":3,"channel":"webgui:session:a","limit":2})"), IsEmpty());
  Deliver(Delivery::Started{{7, 3}});
  EXPECT_THAT(Answer({Event(7, 1), Event(7, 2), Event(7, 3)}), IsEmpty());
  executor_.Advance(absl::ZeroDuration());
  EXPECT_THAT(
      transport_.Sent(),
      ElementsAre(
          R"({"type":"$history","id":3,"channel":"webgui:session:a","events":[event 7-1,event 7-2],"more":true,"position":"7-2"})"));
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Detach>(Requests().back().what));
  EXPECT_THAT(Say(R"({"cmd":"unsubscribe","id":4,"channel":"webgui:session:a"})").at(0),
              HasSubstr("not_found"));
}

TEST_F(SessionCommandTest, AHistoryEndsBeforeAGapAndSaysWhatItLacks) {
  Begin();
  Say(R"({"cmd":"history","id":3,"channel":"webgui:session:a","after":"7-1"})");
  Deliver(Delivery::Started{{7, 9}});
  Answer({Event(7, 3), Event(7, 4), Event(7, 8)});
  executor_.Advance(absl::ZeroDuration());
  EXPECT_THAT(
      transport_.Sent(),
      ElementsAre(
          R"({"type":"$history","id":3,"channel":"webgui:session:a","events":[event 7-3,event 7-4],"more":true,"position":"7-4","gap":{"channel":"webgui:session:a","after":"7-1","position":"7-2","reason":"trimmed"}})"));
}

TEST_F(SessionTest, ADrainSpreadsTheReconnects) {
  Connect();
  hub_.Drain(absl::Seconds(5));
  EXPECT_EQ(transport_.closed(), static_cast<int>(CloseCode::kDrain));
  EXPECT_LE(transport_.reconnect_after(), absl::Seconds(5));
}

TEST_F(SessionTest, ASessionThatEndsLeavesItsTopics) {
  Follow();
  session_.reset();
  EXPECT_EQ(hub_.members(), 0u);
  EXPECT_TRUE(std::holds_alternative<FeedRequest::Detach>(Requests().at(0).what));
  EXPECT_THAT(Deliver(Event(7, 4)), IsEmpty());
}

}  // namespace
}  // namespace spanwire::bridge
