#include "broker/publish_stream.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"

namespace spanwire::broker {
namespace {

using test::Array;
using test::Integer;
using test::Text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PublishStreamTest : public ::testing::Test,
                          public PublishStream::Transport,
                          public PublishStream::Host,
                          public channel::AppenderListener {
 protected:
  // What the stream told its transport and its host, in words.
  std::vector<std::string> Said() {
    executor_.RunPosted();
    return std::exchange(said_, {});
  }

  // PublishStream::Transport
  void Read() override { said_.push_back("read"); }
  void Write(const v1::PublishStreamResponse& response) override {
    switch (response.frame_case()) {
      case v1::PublishStreamResponse::kOpened:
        said_.push_back(absl::StrCat("opened ", response.opened().producer_id(), " ",
                                     response.opened().producer_epoch(), " ",
                                     response.opened().credits()));
        break;
      case v1::PublishStreamResponse::kAck:
        said_.push_back(absl::StrCat("ack ", response.ack().sequence()));
        for (const v1::EventPosition& at : response.ack().positions()) {
          absl::StrAppend(&said_.back(), " ", at.sequence(), "@", at.channel(), "@", at.position());
        }
        break;
      case v1::PublishStreamResponse::kNack:
        said_.push_back(absl::StrCat("nack ", response.nack().sequence(), " ",
                                     response.nack().code(), " ",
                                     response.nack().violations(0).field()));
        break;
      case v1::PublishStreamResponse::kFlow:
        said_.push_back(absl::StrCat("flow ", v1::Flow::Level_Name(response.flow().level()), " ",
                                     response.flow().credits()));
        break;
      default:
        said_.push_back("?");
    }
    if (writes_at_once_) executor_.Post([this] { stream_->OnWritten(true); });
  }
  void Finish(const absl::Status& status) override {
    said_.push_back(absl::StrCat("finish ", absl::StatusCodeToString(status.code())));
    why_ = status;
  }
  // PublishStream::Host
  void OnOpen(PublishStream* stream, const v1::Open& open) override {
    stream->Accept(std::make_shared<channel::Producer>(
        channel::Producer{open.producer_id(), 77, limits::kProducerTtl}));
  }
  void OnEnd(PublishStream*, const absl::Status&) override { said_.push_back("end"); }
  void OnFenced(PublishStream*, uint64_t newer) override {
    said_.push_back(absl::StrCat("raise ", newer));
  }
  bool HasRoom(PublishStream*) override { return room_; }
  // channel::AppenderListener
  void OnProducerFailed(absl::string_view, const absl::Status& why) override { stream_->End(why); }

  void Open(bool want_positions = false) {
    PublishFrame frame;
    frame.kind = PublishFrame::Kind::kOpen;
    frame.open.set_producer_id("p");
    frame.open.set_want_positions(want_positions);
    stream_->OnFrame(std::move(frame));
    Said();
  }

  static RoutedEvent Event(std::vector<std::string> channels = {"webgui:session:a"},
                           bool transient = false) {
    RoutedEvent event;
    event.channels = std::move(channels);
    event.transient = transient;
    event.event = std::make_shared<const std::string>("event");
    return event;
  }
  static RoutedEvent BadEvent() {
    RoutedEvent event;
    event.violations = {{"agent", "is bad"}};
    return event;
  }
  void Batch(uint64_t first, std::vector<RoutedEvent> events) {
    PublishFrame frame;
    frame.first_sequence = first;
    frame.events = std::move(events);
    stream_->OnFrame(std::move(frame));
  }
  std::vector<RoutedEvent> Events(size_t count) {
    std::vector<RoutedEvent> events;
    for (size_t i = 0; i < count; ++i) events.push_back(Event());
    return events;
  }

  // Redis has appended `count` events by the oldest call.
  void Commit(int64_t count, uint64_t last) {
    executor_.RunPosted();
    redis_.Answer(Array({Text(absl::StrCat("5-", last)), Integer(count), Integer(0), Integer(0)}));
  }

  test::FakeExecutor executor_;
  test::FakeCommands redis_;
  channel::Names names_{"webgui"};
  channel::Appender appender_{&executor_, &redis_, &names_, this, {}};
  base::Metrics registry_;
  BrokerMetrics metrics_{&registry_};
  bool room_ = true;
  bool writes_at_once_ = true;
  std::vector<std::string> said_;
  absl::Status why_;
  std::unique_ptr<PublishStream> stream_ =
      std::make_unique<PublishStream>(&executor_, &appender_, this, this, &metrics_, 100);
};

TEST_F(PublishStreamTest, OpenIsAnsweredAndTheNextFrameRead) {
  PublishFrame frame;
  frame.kind = PublishFrame::Kind::kOpen;
  frame.open.set_producer_id("p");
  stream_->OnFrame(std::move(frame));
  EXPECT_THAT(Said(), ElementsAre("read", "opened p 77 100"));
}

TEST_F(PublishStreamTest, AStreamWithoutOpenEndsFailedPrecondition) {
  Batch(1, Events(1));
  EXPECT_THAT(Said(), ElementsAre("end", "finish FAILED_PRECONDITION"));
  EXPECT_EQ(redis_.waiting(), 0u);
}

TEST_F(PublishStreamTest, AHalfCloseBeforeOpenIsNoSuccess) {
  stream_->OnHalfClose();
  EXPECT_THAT(Said(), ElementsAre("end", "finish FAILED_PRECONDITION"));
}

TEST_F(PublishStreamTest, OpenHasADeadlineAndOnlyUntilItCame) {
  executor_.Advance(limits::kOpenDeadline - absl::Milliseconds(1));
  EXPECT_THAT(Said(), IsEmpty());
  executor_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(Said(), ElementsAre("end", "finish FAILED_PRECONDITION"));
  EXPECT_THAT(std::string(why_.message()), HasSubstr("10s"));
}

TEST_F(PublishStreamTest, AnOpenStreamMayBeSilent) {
  Open();
  executor_.Advance(absl::Hours(1));
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(PublishStreamTest, ASecondOpenEndsTheStream) {
  Open();
  PublishFrame frame;
  frame.kind = PublishFrame::Kind::kOpen;
  stream_->OnFrame(std::move(frame));
  EXPECT_THAT(Said(), ElementsAre("end", "finish FAILED_PRECONDITION"));
}

TEST_F(PublishStreamTest, BadOpensAreRefusedByField) {
  const auto refusal = [&](v1::Open open) {
    stream_ = std::make_unique<PublishStream>(&executor_, &appender_, this, this, &metrics_);
    PublishFrame frame;
    frame.kind = PublishFrame::Kind::kOpen;
    frame.open = std::move(open);
    stream_->OnFrame(std::move(frame));
    EXPECT_EQ(why_.code(), absl::StatusCode::kInvalidArgument);
    return std::string(std::exchange(why_, absl::OkStatus()).message());
  };
  v1::Open open;
  open.set_producer_id("a{b}");
  EXPECT_THAT(refusal(open), HasSubstr("open.producer_id has a character"));
  open.set_producer_id(std::string(129, 'a'));
  EXPECT_THAT(refusal(open), HasSubstr("at most 128"));
  open.set_producer_id("idem:x");
  EXPECT_THAT(refusal(open), HasSubstr("must not begin with \"idem:\""));
  open.set_producer_id("p");
  open.set_producer_epoch(uint64_t{1} << 53);
  EXPECT_THAT(refusal(open), HasSubstr("open.producer_epoch"));
  open.set_producer_epoch(5);
  open.clear_producer_id();
  EXPECT_THAT(refusal(open), HasSubstr("open.producer_id is empty"));
  open.clear_producer_epoch();
  open.set_ack_level(static_cast<v1::AckLevel>(9));
  EXPECT_THAT(refusal(open), HasSubstr("open.ack_level"));
  open.clear_ack_level();
  open.set_agent("a b");
  EXPECT_THAT(refusal(open), HasSubstr("open.agent"));
}

TEST_F(PublishStreamTest, NothingIsAcknowledgedBeforeRedisHasIt) {
  Open();
  Batch(1, Events(3));
  EXPECT_THAT(Said(), ElementsAre("read"));
  Commit(3, 3);
  EXPECT_THAT(Said(), ElementsAre("ack 3"));
  EXPECT_EQ(stream_->unacknowledged(), 0u);
}

TEST_F(PublishStreamTest, AnEventOnTwoChannelsWaitsForBoth) {
  Open();
  Batch(1, {Event({"webgui:session:a", "webgui:global"}), Event()});
  Said();
  Commit(2, 2);  // both on session:a
  EXPECT_THAT(Said(), IsEmpty());
  Commit(1, 1);
  EXPECT_THAT(Said(), ElementsAre("ack 2"));
}

TEST_F(PublishStreamTest, AnAckCoversAllThatIsCommittedInOneTurn) {
  Open();
  Batch(1, {Event(), Event({"webgui:global"}), Event({"webgui:user:u"})});
  Said();
  for (int channel = 0; channel < 3; ++channel) {
    redis_.Answer(Array({Text("5-1"), Integer(1), Integer(0), Integer(0)}));
  }
  EXPECT_THAT(Said(), ElementsAre("ack 3"));
}

TEST_F(PublishStreamTest, ALaterCommitWaitsForTheEarlierOne) {
  Open();
  Batch(1, {Event(), Event({"webgui:global"})});
  Said();
  redis_.Answer(Array({Text("9-1"), Integer(1), Integer(0), Integer(0)}), 1);
  EXPECT_THAT(Said(), IsEmpty());
  Commit(1, 1);
  EXPECT_THAT(Said(), ElementsAre("ack 2"));
}

TEST_F(PublishStreamTest, PositionsAreToldWhenWanted) {
  Open(/*want_positions=*/true);
  Batch(41, {Event(), Event({"webgui:session:a"}, /*transient=*/true), Event()});
  Said();
  Commit(2, 12);
  EXPECT_THAT(Said(), ElementsAre("ack 43 41@webgui:session:a@5-11 43@webgui:session:a@5-12"));
}

TEST_F(PublishStreamTest, DuplicatesAreAcknowledgedWithoutPosition) {
  Open(/*want_positions=*/true);
  Batch(1, Events(2));
  Said();
  // The producer had reached 2 on this channel.
  redis_.Answer(Array({Text("5-9"), Integer(0), Integer(0), Integer(2)}));
  EXPECT_THAT(Said(), ElementsAre("ack 2"));
}

TEST_F(PublishStreamTest, ANackStandsBeforeTheAckThatCoversIt) {
  Open();
  Batch(1, {Event(), BadEvent(), Event()});
  EXPECT_THAT(Said(), ElementsAre("read", "nack 2 3 agent"));
  Commit(2, 2);
  EXPECT_THAT(Said(), ElementsAre("ack 3"));
  Batch(4, {BadEvent(), BadEvent()});
  EXPECT_THAT(Said(), ElementsAre("read", "nack 4 3 agent", "nack 5 3 agent", "ack 5"));
}

TEST_F(PublishStreamTest, TheFirstBatchMayBeginAnywhereTheNextOneNot) {
  Open();
  Batch(500, Events(2));
  Batch(502, {});
  Batch(502, Events(1));
  EXPECT_THAT(Said(), ElementsAre("read", "read", "read"));
  Batch(504, Events(1));
  EXPECT_THAT(Said(), ElementsAre("end", "finish OUT_OF_RANGE"));
  EXPECT_EQ(why_.message(), "batch.first_sequence is 504, expected 503");
}

TEST_F(PublishStreamTest, SequencesHaveBounds) {
  Open();
  Batch(0, Events(1));
  EXPECT_EQ(why_.code(), absl::StatusCode::kInvalidArgument);
  stream_ = std::make_unique<PublishStream>(&executor_, &appender_, this, this, &metrics_);
  Open();
  Batch(limits::kMaxSequence, Events(1));
  EXPECT_FALSE(stream_->ended());
  Batch(limits::kMaxSequence + 1, Events(1));
  EXPECT_EQ(why_.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PublishStreamTest, MoreThanTheCreditsEndsTheStream) {
  Open();
  Batch(1, Events(100));
  EXPECT_FALSE(stream_->ended());
  Batch(101, Events(1));
  EXPECT_THAT(Said(), ElementsAre("read", "end", "finish RESOURCE_EXHAUSTED"));
  EXPECT_EQ(appender_.queued_bytes(), 0u);
}

TEST_F(PublishStreamTest, AfterAHalfCloseEverythingIsAcknowledgedAndThenItIsOk) {
  Open();
  Batch(1, {Event(), BadEvent()});
  stream_->OnHalfClose();
  EXPECT_THAT(Said(), ElementsAre("read", "nack 2 3 agent"));
  Commit(1, 1);
  EXPECT_THAT(Said(), ElementsAre("ack 2", "end", "finish OK"));
}

TEST_F(PublishStreamTest, TheEndWaitsForTheWriteUnderWay) {
  Open();
  writes_at_once_ = false;
  Batch(1, Events(1));
  stream_->OnHalfClose();
  Commit(1, 1);
  EXPECT_THAT(Said(), ElementsAre("read", "ack 1"));
  stream_->OnWritten(true);
  EXPECT_THAT(Said(), ElementsAre("end", "finish OK"));
}

TEST_F(PublishStreamTest, AStreamThatFailsDuringAWriteFinishesAfterIt) {
  Open();
  writes_at_once_ = false;
  Batch(1, Events(1));
  Commit(1, 1);
  Said();
  stream_->End(absl::UnavailableError("redis is lost"));
  EXPECT_THAT(Said(), ElementsAre("end"));
  stream_->OnWritten(false);
  EXPECT_THAT(Said(), ElementsAre("finish UNAVAILABLE"));
}

TEST_F(PublishStreamTest, AnAgentThatDoesNotReadIsNotReadEither) {
  stream_ = std::make_unique<PublishStream>(&executor_, &appender_, this, this, &metrics_, 100'000);
  Open();
  writes_at_once_ = false;
  uint64_t next = 1;
  int reads = 0;
  do {
    std::vector<RoutedEvent> events;
    for (int i = 0; i < 100; ++i) events.push_back(BadEvent());
    Batch(next, std::move(events));
    next += 100;
    reads = 0;
    for (const std::string& word : Said()) reads += word == "read" ? 1 : 0;
  } while (reads > 0 && next < 10'000);
  EXPECT_LT(next, limits::kUnwrittenFrames + 300);
  writes_at_once_ = true;
  stream_->OnWritten(true);
  EXPECT_THAT(Said(), ::testing::Contains("read"));
}

TEST_F(PublishStreamTest, WithoutRoomNothingIsReadAndTheAgentIsTold) {
  Open();
  room_ = false;
  Batch(1, Events(1));
  EXPECT_THAT(Said(), ElementsAre("flow LEVEL_STOP 100"));
  stream_->Resume();
  EXPECT_THAT(Said(), IsEmpty());
  room_ = true;
  stream_->Resume();
  EXPECT_THAT(Said(), ElementsAre("read", "flow LEVEL_OK 100"));
}

TEST_F(PublishStreamTest, ADrainAcknowledgesWhatIsUnderWayAndSendsTheAgentAway) {
  Open();
  Batch(1, Events(2));
  Said();
  stream_->Drain(absl::Milliseconds(300));
  EXPECT_THAT(Said(), ElementsAre("flow LEVEL_DRAIN 100"));
  Commit(2, 2);
  EXPECT_THAT(Said(), ElementsAre("ack 2", "end", "finish UNAVAILABLE"));
}

TEST_F(PublishStreamTest, ADrainEndsAnIdleStreamAtOnce) {
  Open();
  stream_->Drain(absl::Milliseconds(300));
  EXPECT_THAT(Said(), ElementsAre("flow LEVEL_DRAIN 100", "end", "finish UNAVAILABLE"));
}

TEST_F(PublishStreamTest, AFencedStreamEndsAbortedAndTheEpochIsRaised) {
  Open();
  Batch(1, Events(2));
  Said();
  redis_.Answer(Array({Text("5-9"), Integer(0), Integer(0), Integer(-99)}));
  EXPECT_THAT(Said(), ElementsAre("raise 99", "end", "finish ABORTED"));
  EXPECT_THAT(std::string(why_.message()), HasSubstr("fenced"));
}

TEST_F(PublishStreamTest, ABadFrameEndsItAndNothingIsAnsweredOk) {
  Open();
  Batch(1, Events(2));
  stream_->OnBadFrame(absl::InvalidArgumentError("batch is not valid protobuf"));
  stream_->OnHalfClose();
  EXPECT_THAT(Said(), ElementsAre("read", "end", "finish INVALID_ARGUMENT"));
  EXPECT_EQ(appender_.queued_bytes(), 0u);
}

TEST_F(PublishStreamTest, AnAgentThatGoesAwayLeavesNothingBehind) {
  Open();
  Batch(1, Events(2));
  stream_->OnCancelled();
  EXPECT_THAT(Said(), ElementsAre("read", "end", "finish CANCELLED"));
  stream_->OnHalfClose();
  stream_->OnCancelled();
  Batch(3, Events(1));
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(PublishStreamTest, ACommandResultIsTaken) {
  Open();
  PublishFrame frame;
  frame.kind = PublishFrame::Kind::kCommandResult;
  stream_->OnFrame(std::move(frame));
  EXPECT_THAT(Said(), ElementsAre("read"));
}

}  // namespace
}  // namespace spanwire::broker
