#include "clients/cpp/session.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace spanwire::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A session whose clock and dice the test holds. Reports are written down as text.
class SessionTest : public ::testing::Test {
 protected:
  Session::Options Options() {
    return {.agent = "ui-tester",
            .producer_id = "",
            .ack_level = v1::ACK_LEVEL_REPLICATED,
            .bounds = {},
            .random = [this] { return dice_; }};
  }

  Step Next() { return session_.Next(now_); }
  v1::PublishStreamRequest Request(const Step& step) {
    v1::PublishStreamRequest request;
    EXPECT_TRUE(request.ParseFromString(step.frame));
    return request;
  }
  void Push(int count = 1) {
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(session_.Push(v1::Event().SerializeAsString()).ok());
  }

  // From waiting to open, with `credits`.
  void Open(uint32_t credits = 100, uint64_t epoch = 77) {
    now_ = std::max(now_, session_.wake_at());
    const Step step = Next();
    ASSERT_EQ(step.action, Step::kStart);
    opens_.push_back(Request(step).open());
    session_.OnWritten();
    v1::PublishStreamResponse response;
    response.mutable_opened()->set_producer_id("p1");
    response.mutable_opened()->set_producer_epoch(epoch);
    response.mutable_opened()->set_credits(credits);
    session_.OnResponse(response, now_);
  }
  void Ack(uint64_t sequence) {
    v1::PublishStreamResponse response;
    response.mutable_ack()->set_sequence(sequence);
    session_.OnResponse(response, now_);
  }
  void Flow(uint32_t credits, v1::Flow::Level level, int retry_after_s = -1) {
    v1::PublishStreamResponse response;
    response.mutable_flow()->set_credits(credits);
    response.mutable_flow()->set_level(level);
    if (retry_after_s >= 0)
      response.mutable_flow()->mutable_retry_after()->set_seconds(retry_after_s);
    session_.OnResponse(response, now_);
  }
  void End(absl::Status status) { session_.OnEnded(std::move(status), absl::nullopt, now_); }
  // Expects a batch, and says that it was written.
  v1::Batch Written() {
    const Step step = Next();
    EXPECT_EQ(step.action, Step::kWrite);
    session_.OnWritten();
    return Request(step).batch();
  }
  absl::Duration Delay() { return session_.wake_at() - now_; }

  std::vector<std::string> Reports() {
    std::vector<std::string> lines;
    for (const Report& report : session_.TakeReports()) {
      if (const auto* acked = std::get_if<Acked>(&report)) {
        lines.push_back(absl::StrCat("acked ", acked->sequence));
      } else if (const auto* nack = std::get_if<v1::Nack>(&report)) {
        lines.push_back(absl::StrCat("nacked ", nack->sequence(), " ", nack->message()));
      } else {
        const auto& changed = std::get<Changed>(report);
        constexpr const char* kNames[] = {"connecting", "open", "stopped"};
        lines.push_back(absl::StrCat(kNames[static_cast<int>(changed.state)], " ",
                                     changed.why.ok() ? "" : changed.why.message()));
      }
    }
    return lines;
  }

  double dice_ = 0.5;
  absl::Duration now_ = absl::Seconds(1000);
  std::vector<v1::Open> opens_;
  Session session_{Options()};
};

TEST_F(SessionTest, OpensAsANewInstanceAtOnce) {
  const Step step = Next();
  ASSERT_EQ(step.action, Step::kStart);
  const v1::Open open = Request(step).open();
  EXPECT_EQ(open.agent(), "ui-tester");
  EXPECT_EQ(open.producer_id(), "");
  EXPECT_EQ(open.ack_level(), v1::ACK_LEVEL_REPLICATED);
  EXPECT_EQ(open.producer_epoch(), 0u);
  EXPECT_EQ(Next().action, Step::kNone);
}

TEST_F(SessionTest, SendsNothingBeforeOpened) {
  Push(3);
  ASSERT_EQ(Next().action, Step::kStart);
  session_.OnWritten();
  EXPECT_EQ(Next().action, Step::kNone);
  EXPECT_FALSE(session_.CanWrite());
}

TEST_F(SessionTest, BatchesWhatGatheredWhileAWriteWasInFlight) {
  Open();
  Push();
  EXPECT_TRUE(session_.CanWrite());
  ASSERT_EQ(Next().action, Step::kWrite);
  Push(5);
  EXPECT_FALSE(session_.CanWrite());
  EXPECT_EQ(Next().action, Step::kNone);
  session_.OnWritten();
  const v1::Batch batch = Written();
  EXPECT_EQ(batch.first_sequence(), 2u);
  EXPECT_EQ(batch.events_size(), 5);
}

TEST_F(SessionTest, ReportsWhatBecameOfEvents) {
  Open();
  Push(3);
  Written();
  v1::PublishStreamResponse nack;
  nack.mutable_nack()->set_sequence(2);
  nack.mutable_nack()->set_message("channels[0]: unknown family");
  session_.OnResponse(nack, now_);
  session_.OnResponse(nack, now_);
  Ack(3);
  Ack(3);
  EXPECT_THAT(Reports(), ElementsAre("open ", "nacked 2 channels[0]: unknown family", "acked 3"));
  EXPECT_EQ(session_.window().acked(), 2u);
}

TEST_F(SessionTest, AReconnectKeepsTheInstanceAndResends) {
  Open(100, 77);
  Push(4);
  Written();
  Ack(1);
  End(absl::UnavailableError("gone"));
  EXPECT_EQ(session_.state(), State::kConnecting);
  Open(100, 77);
  ASSERT_EQ(opens_.size(), 2u);
  EXPECT_EQ(opens_[1].producer_id(), "p1");
  EXPECT_EQ(opens_[1].ack_level(), v1::ACK_LEVEL_REPLICATED);
  EXPECT_EQ(opens_[1].producer_epoch(), 77u);
  const v1::Batch batch = Written();
  EXPECT_EQ(batch.first_sequence(), 2u);
  EXPECT_EQ(batch.events_size(), 3);
  EXPECT_EQ(session_.reconnects(), 1u);
  EXPECT_THAT(Reports(), ElementsAre("open ", "acked 1", "connecting gone", "open "));
}

TEST_F(SessionTest, BacksOffWithFullJitterUpToTenSeconds) {
  dice_ = 0.999;
  absl::Duration most = absl::Milliseconds(100);
  for (int i = 0; i < 12; ++i) {
    now_ = std::max(now_, session_.wake_at());
    ASSERT_EQ(Next().action, Step::kStart);
    End(absl::UnavailableError("refused"));
    EXPECT_EQ(Delay(), most * dice_);
    EXPECT_EQ(Next().action, Step::kNone) << "before its time";
    most = std::min(most * 2, absl::Seconds(10));
  }
  dice_ = 0.0;
  now_ = session_.wake_at();
  Next();
  End(absl::UnavailableError("refused"));
  EXPECT_EQ(Delay(), absl::ZeroDuration()) << "full jitter begins at nothing";
}

TEST_F(SessionTest, OnlyAStreamThatDidSomeGoodStartsTheBackoffAnew) {
  for (int i = 0; i < 5; ++i) {
    Open();
    End(absl::UnavailableError("opened and dropped"));
  }
  EXPECT_EQ(Delay(), absl::Milliseconds(1600) * dice_);
  Open();
  Push();
  Written();
  Ack(1);
  End(absl::UnavailableError("gone"));
  EXPECT_EQ(Delay(), absl::Milliseconds(100) * dice_) << "an ack is good";
  Open();
  now_ += absl::Seconds(11);
  End(absl::UnavailableError("gone"));
  EXPECT_EQ(Delay(), absl::Milliseconds(100) * dice_) << "so is a long quiet life";
}

TEST_F(SessionTest, TheBrokersHintWins) {
  Open();
  session_.OnEnded(absl::UnavailableError("later"), absl::Seconds(3), now_);
  EXPECT_EQ(Delay(), absl::Seconds(3));
  Open();
  session_.OnEnded(absl::UnavailableError("later"), absl::Hours(30), now_);
  EXPECT_EQ(Delay(), kHintMost);
}

TEST_F(SessionTest, ADrainIsFinishedWithAHalfCloseAndAHint) {
  Open();
  Push(2);
  Written();
  Flow(100, v1::Flow::LEVEL_DRAIN, 2);
  Push();
  EXPECT_EQ(Next().action, Step::kHalfClose);
  EXPECT_EQ(Next().action, Step::kNone);
  Ack(2);
  End(absl::OkStatus());
  EXPECT_EQ(Delay(), absl::Seconds(2));
  Open();
  EXPECT_EQ(Written().first_sequence(), 3u);
  EXPECT_THAT(Reports(), ElementsAre("open ", "acked 2", "connecting ", "open "));
}

TEST_F(SessionTest, ADrainWaitsForTheWriteInFlight) {
  Open();
  Push();
  ASSERT_EQ(Next().action, Step::kWrite);
  Flow(100, v1::Flow::LEVEL_DRAIN);
  EXPECT_EQ(Next().action, Step::kNone);
  session_.OnWritten();
  EXPECT_EQ(Next().action, Step::kHalfClose);
}

TEST_F(SessionTest, StopHoldsUntilTheNextFlow) {
  Open();
  Flow(100, v1::Flow::LEVEL_STOP);
  Push();
  EXPECT_EQ(Next().action, Step::kNone);
  EXPECT_FALSE(session_.CanWrite());
  Flow(100, v1::Flow::LEVEL_SLOW);
  EXPECT_EQ(Written().events_size(), 1);
}

TEST_F(SessionTest, CreditsBoundWhatIsUnacknowledged) {
  Open(2);
  Push(5);
  EXPECT_EQ(Written().events_size(), 2);
  EXPECT_EQ(Next().action, Step::kNone);
  Flow(3, v1::Flow::LEVEL_OK);
  EXPECT_EQ(Written().events_size(), 1);
  Ack(3);
  EXPECT_EQ(Written().first_sequence(), 4u);
}

TEST_F(SessionTest, AFencedInstanceStopsForGoodAndSaysSo) {
  Open();
  Push();
  Written();
  End(absl::AbortedError("fenced by epoch 78"));
  EXPECT_EQ(session_.state(), State::kStopped);
  EXPECT_THAT(Reports(), ElementsAre("open ", "stopped fenced by epoch 78"));
  now_ += absl::Hours(1);
  EXPECT_EQ(Next().action, Step::kNone);
  const auto pushed = session_.Push("");
  EXPECT_EQ(pushed.status(), absl::AbortedError("fenced by epoch 78"));
}

TEST_F(SessionTest, AnInstanceWhoseOpenIsInvalidStops) {
  Next();
  End(absl::InvalidArgumentError("producer_id: too long"));
  EXPECT_EQ(session_.state(), State::kStopped);
  EXPECT_THAT(session_.stopped().message(), HasSubstr("producer_id"));
}

TEST_F(SessionTest, AnEventThatEndsStreamsIsFoundReportedAndLeftOut) {
  Open();
  Push(3);
  Written();
  End(absl::InvalidArgumentError("does not parse"));
  Open();
  EXPECT_EQ(Written().events_size(), 1);
  Ack(1);
  EXPECT_EQ(Written().first_sequence(), 2u);
  End(absl::InvalidArgumentError("does not parse"));
  Open();
  EXPECT_EQ(Written().first_sequence(), 3u);
  Ack(3);
  EXPECT_EQ(session_.state(), State::kOpen);
  EXPECT_THAT(Reports(), ElementsAre("open ", "connecting does not parse", "open ", "acked 1",
                                     "nacked 2 does not parse", "acked 2",
                                     "connecting does not parse", "open ", "acked 3"));
}

TEST_F(SessionTest, OtherErrorsDropNothing) {
  for (const absl::Status& status :
       {absl::ResourceExhaustedError("out of memory"), absl::OutOfRangeError("expected 1"),
        absl::InternalError("reset"), absl::CancelledError(""), absl::OkStatus(),
        absl::FailedPreconditionError("no Open"), absl::UnimplementedError("not a broker")}) {
    Open();
    if (session_.window().end() == 1) Push();
    EXPECT_EQ(Written().first_sequence(), 1u);
    End(status);
    EXPECT_EQ(session_.state(), State::kConnecting) << status;
  }
}

TEST_F(SessionTest, ABrokerThatDoesNotAnswerIsGivenUp) {
  ASSERT_EQ(Next().action, Step::kStart);
  now_ += kOpenTimeout;
  EXPECT_EQ(session_.wake_at(), now_);
  EXPECT_EQ(Next().action, Step::kCancel);
  EXPECT_EQ(Next().action, Step::kNone);
  EXPECT_EQ(session_.wake_at(), absl::InfiniteDuration());
  End(absl::CancelledError("by us"));
  EXPECT_THAT(Reports(), ElementsAre("connecting the broker did not answer"));
}

TEST_F(SessionTest, SilenceMattersOnlyWhileSomethingIsUnacknowledged) {
  Open();
  EXPECT_EQ(session_.wake_at(), absl::InfiniteDuration());
  now_ += absl::Hours(1);
  EXPECT_EQ(Next().action, Step::kNone);
  Push(2);
  Written();
  now_ += kSilence / 2;
  Ack(1);
  now_ += kSilence / 2;
  EXPECT_EQ(Next().action, Step::kNone);
  now_ += kSilence / 2;
  EXPECT_EQ(Next().action, Step::kCancel);
  End(absl::CancelledError("by us"));
  Open();
  EXPECT_EQ(Written().first_sequence(), 2u);
  Ack(2);
  EXPECT_EQ(session_.wake_at(), absl::InfiniteDuration());
}

TEST_F(SessionTest, AConfusedBrokerIsLeftAndAskedAgain) {
  Open();
  Push();
  Ack(1);
  EXPECT_EQ(Next().action, Step::kCancel);
  Ack(1);
  End(absl::CancelledError("by us"));
  EXPECT_EQ(session_.state(), State::kConnecting);
  EXPECT_THAT(Reports(),
              ElementsAre("open ", "connecting the broker acknowledged 1, which was not sent"));

  now_ = session_.wake_at();
  ASSERT_EQ(Next().action, Step::kStart);
  Ack(1);
  EXPECT_EQ(Next().action, Step::kCancel) << "an ack before Opened";
}

TEST_F(SessionTest, AFullQueueSaysItsBounds) {
  Session session({.agent = "",
                   .producer_id = "",
                   .ack_level = v1::ACK_LEVEL_REDIS,
                   .bounds = {.events = 1},
                   .random = [] { return 0.0; }});
  ASSERT_TRUE(session.Push("x").ok());
  const absl::Status status = session.Push("x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("at most 1 events"));
}

TEST_F(SessionTest, AFrameOfANewerBrokerIsPassedOver) {
  Open();
  session_.OnResponse(v1::PublishStreamResponse(), now_);
  EXPECT_EQ(Next().action, Step::kNone);
  EXPECT_THAT(Reports(), ElementsAre("open "));
}

}  // namespace
}  // namespace spanwire::client
