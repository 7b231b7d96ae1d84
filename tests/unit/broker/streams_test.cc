#include "broker/streams.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "spanwire/v1/control.pb.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"

namespace spanwire::broker {
namespace {

using test::Array;
using test::ErrorReply;
using test::Integer;
using test::Text;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class StreamsTest : public ::testing::Test {
 protected:
  // An agent: its stream, and how that ended.
  struct Agent final : PublishStream::Transport {
    explicit Agent(StreamsTest* test) : test(test) { stream = test->streams_->Add(this); }
    ~Agent() override {
      if (stream != nullptr) test->streams_->Remove(stream.get());
    }
    void Read() override { ++reads; }
    void Write(const v1::PublishStreamResponse& response) override {
      if (response.has_opened()) opened = response.opened();
      if (response.has_ack()) acked = response.ack().sequence();
      if (response.has_flow()) flow = response.flow();
      test->executor_.Post([this] { stream->OnWritten(true); });
    }
    void Finish(const absl::Status& status) override { end = status; }

    void Open(const std::string& producer, uint64_t epoch = 0,
              v1::AckLevel level = v1::ACK_LEVEL_UNSPECIFIED) {
      PublishFrame frame;
      frame.kind = PublishFrame::Kind::kOpen;
      frame.open.set_producer_id(producer);
      frame.open.set_producer_epoch(epoch);
      frame.open.set_ack_level(level);
      stream->OnFrame(std::move(frame));
    }
    void Send(uint64_t first, size_t bytes = 10) {
      PublishFrame frame;
      frame.first_sequence = first;
      RoutedEvent& event = frame.events.emplace_back();
      event.channels = {"webgui:global"};
      event.event = std::make_shared<const std::string>(bytes, 'e');
      stream->OnFrame(std::move(frame));
    }

    StreamsTest* const test;
    std::unique_ptr<PublishStream> stream;
    v1::Opened opened;
    v1::Flow flow;
    uint64_t acked = 0;
    int reads = 0;
    absl::Status end = absl::UnknownError("it has not ended");
  };

  // The oldest call is epoch.lua; it grants.
  void Grant(uint64_t epoch) {
    redis_.Answer(Array({Integer(1), Text(absl::StrCat(epoch))}));
    executor_.RunPosted();
  }
  void Committed() {
    executor_.RunPosted();
    redis_.Answer(Array({Text("5-1"), Integer(1), Integer(0), Integer(0)}));
    executor_.RunPosted();
  }
  static PublishCall Call(std::string key,
                          std::vector<std::vector<std::string>> channels_of_events) {
    PublishCall call;
    call.idempotency_key = std::move(key);
    for (auto& channels : channels_of_events) {
      RoutedEvent& event = call.events.emplace_back();
      event.channels = std::move(channels);
      event.event = std::make_shared<const std::string>("event");
    }
    return call;
  }
  // A unary call and how it ended.
  struct Unary {
    Unary(StreamsTest* test, PublishCall call)
        : publish(std::move(call),
                  [this, test](const absl::Status& status, const v1::PublishResponse& answer) {
                    test->streams_->OnCallEnd(&publish, status);
                    end = status;
                    response = answer;
                  }) {
      test->streams_->Publish(&publish);
    }
    absl::Status end = absl::UnknownError("it has not ended");
    v1::PublishResponse response;
    UnaryPublish publish;
  };

  test::FakeExecutor executor_;
  test::FakeCommands redis_;
  channel::Names names_{"webgui"};
  base::Metrics registry_;
  BrokerMetrics metrics_{&registry_};
  std::unique_ptr<Streams> streams_ = std::make_unique<Streams>(
      &executor_, &redis_, &names_, &metrics_, channel::Appender::Options{});
};

TEST_F(StreamsTest, WhatRedisLostIsAskedForWhenItIsBackAndMayBeWrittenTo) {
  Agent a(this);
  a.Open("p");
  Grant(100);
  a.Send(1);
  Committed();
  streams_->OnDown(absl::UnavailableError("gone"));
  streams_->SetGate(absl::UnavailableError("redis would evict events"));
  streams_->OnUp();
  EXPECT_EQ(redis_.waiting(), 0u);
  streams_->SetGate(absl::OkStatus());
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_THAT(redis_.next(), ElementsAre("MGET", "webgui:producer:{webgui:global}:p"));
  streams_->OnDown(absl::UnavailableError("gone"));
  streams_->OnUp();
  EXPECT_EQ(redis_.waiting(), 2u);
  redis_.Answer(Array({Text("100 1")}));  // of the connection before
  redis_.Answer(Array({test::Nil()}));
  executor_.RunPosted();
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(redis_.next()[0], "EVALSHA");
  Committed();
  streams_->Report();
  EXPECT_EQ(metrics_.appended_again.value(), 1);
}

TEST_F(StreamsTest, AnEmptyProducerIdIsMadeUpAndDifferentEachTime) {
  Agent a(this);
  Agent b(this);
  a.Open("");
  b.Open("");
  EXPECT_THAT(redis_.next()[3], StartsWith("webgui:epoch:{"));
  Grant(10);
  Grant(11);
  EXPECT_EQ(a.opened.producer_id().size(), 32u);
  EXPECT_NE(a.opened.producer_id(), b.opened.producer_id());
  EXPECT_EQ(a.opened.producer_epoch(), 10u);
  EXPECT_EQ(a.opened.limits().event_bytes(), 262'144u);
  EXPECT_EQ(a.opened.limits().batch_events(), 1'024u);
  EXPECT_EQ(a.opened.limits().batch_bytes(), 1'048'576u);
  EXPECT_EQ(a.opened.limits().channels(), 8u);
}

TEST_F(StreamsTest, TheSameInstanceAgainReplacesItsOldStream) {
  Agent a(this);
  a.Open("p");
  Grant(10);
  a.Send(1);
  executor_.RunPosted();
  Agent b(this);
  b.Open("p", 10);
  Committed();
  a.Send(2);
  EXPECT_GT(streams_->appender().queued_bytes(), 0u);
  Grant(10);
  EXPECT_TRUE(absl::IsAborted(a.end));
  EXPECT_THAT(std::string(a.end.message()), HasSubstr("replaced"));
  EXPECT_EQ(b.opened.producer_epoch(), 10u);
  EXPECT_EQ(streams_->appender().queued_bytes(), 0u);
}

TEST_F(StreamsTest, ANewerInstanceFencesTheOlderOneAtOnce) {
  Agent a(this);
  a.Open("p");
  Grant(10);
  Agent b(this);
  b.Open("p");
  Grant(20);
  EXPECT_TRUE(absl::IsAborted(a.end));
  EXPECT_THAT(std::string(a.end.message()), HasSubstr("fenced"));
  EXPECT_EQ(streams_->size(), 1u);
}

TEST_F(StreamsTest, OtherBrokersAreToldOfANewerEpoch) {
  Agent a(this);
  a.Open("p");
  redis_.Answer(Array({Integer(2), Text("10")}));
  ASSERT_EQ(redis_.waiting(), 1u);
  ASSERT_THAT(redis_.next(), ElementsAre("PUBLISH", "webgui:control", ::testing::_));
  v1::Control control;
  ASSERT_TRUE(control.ParseFromString(redis_.next()[2]));
  EXPECT_EQ(control.fence().producer_id(), "p");
  EXPECT_EQ(control.fence().producer_epoch(), 10u);
  executor_.RunPosted();
  EXPECT_EQ(a.opened.producer_epoch(), 10u) << "it waits for nobody";
  redis_.Answer(ErrorReply("NOPERM"));
  EXPECT_EQ(a.end.code(), absl::StatusCode::kUnknown);
  // Who comes back is nobody's news.
  Agent again(this);
  again.Open("p", 10);
  Grant(10);
  EXPECT_EQ(redis_.waiting(), 0u);
}

TEST_F(StreamsTest, AnIdleStreamEndsWhenRedisConfirmsThatThereIsANewerInstance) {
  Agent a(this);
  a.Open("p");
  Grant(10);
  Agent other(this);
  other.Open("q");
  Grant(11);
  streams_->OnFenceHint("p", 20);
  ASSERT_EQ(redis_.waiting(), 1u);
  EXPECT_EQ(redis_.next()[3], "webgui:epoch:{p}");
  EXPECT_EQ(redis_.next()[4], "10");
  EXPECT_EQ(a.end.code(), absl::StatusCode::kUnknown);
  redis_.Answer(Array({Integer(0), Text("20")}));
  EXPECT_EQ(a.end, absl::AbortedError("fenced: a newer instance of this producer has taken over "
                                      "(epoch 20)"));
  EXPECT_EQ(other.end.code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(metrics_.fenced.value(), 1);
}

TEST_F(StreamsTest, AHintThatIsNotTrueEndsNothing) {
  Agent a(this);
  a.Open("p");
  Grant(10);
  streams_->OnFenceHint("p", 20);
  Grant(10);
  streams_->OnFenceHint("p", 20);
  redis_.Answer(absl::UnavailableError("lost"));
  EXPECT_EQ(a.end.code(), absl::StatusCode::kUnknown);
  for (const uint64_t known : {9, 10}) streams_->OnFenceHint("p", known);
  streams_->OnFenceHint("nobody", 20);
  EXPECT_EQ(redis_.waiting(), 0u) << "and of these Redis is not asked";
}

TEST_F(StreamsTest, AnAnswerToAHintForAStreamThatIsGoneIsNobodys) {
  auto a = std::make_unique<Agent>(this);
  a->Open("p");
  Grant(10);
  streams_->OnFenceHint("p", 20);
  a.reset();
  Agent b(this);
  redis_.Answer(Array({Integer(0), Text("20")}));
  EXPECT_EQ(b.end.code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(metrics_.fenced.value(), 0);
}

TEST_F(StreamsTest, WhatTheEpochScriptRefusesEndsTheStream) {
  const auto refused = [&](absl::StatusOr<redis::Reply> reply) {
    Agent a(this);
    a.Open("p", 5);
    redis_.Answer(std::move(reply));
    return a.end;
  };
  EXPECT_EQ(refused(Array({Integer(0), Text("9")})).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(refused(Array({Integer(-1), Text("9")})).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused(ErrorReply("OOM command not allowed")).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused(ErrorReply("NOPERM no")).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(refused(absl::UnavailableError("gone")).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(refused(Text("?")).code(), absl::StatusCode::kUnavailable);
}

TEST_F(StreamsTest, AnAnswerForAStreamThatIsGoneIsNobodys) {
  auto a = std::make_unique<Agent>(this);
  a->Open("p");
  a->stream->OnCancelled();
  a.reset();
  Agent b(this);
  redis_.Answer(Array({Integer(1), Text("10")}));
  executor_.RunPosted();
  EXPECT_EQ(b.opened.producer_epoch(), 0u);
  EXPECT_EQ(streams_->size(), 1u);
}

TEST_F(StreamsTest, WhenRedisIsLostEveryStreamEndsAndNothingIsRemembered) {
  Agent a(this);
  a.Open("p");
  Grant(10);
  a.Send(1);
  Unary call(this, Call("k", {{"webgui:global"}}));
  executor_.RunPosted();
  streams_->OnDown(absl::UnavailableError("connection reset"));
  EXPECT_TRUE(absl::IsUnavailable(a.end)) << a.end;
  EXPECT_TRUE(absl::IsUnavailable(call.end)) << call.end;
  EXPECT_TRUE(streams_->appender().idle());
  EXPECT_EQ(streams_->size(), 0u);
}

TEST_F(StreamsTest, AFailedProducerTakesItsStreamsAndCallsWithIt) {
  Agent a(this);
  a.Open("p");
  Grant(10);
  Agent b(this);
  b.Open("q");
  Grant(11);
  streams_->OnProducerFailed("p", absl::ResourceExhaustedError("redis is out of memory"));
  EXPECT_TRUE(absl::IsResourceExhausted(a.end));
  EXPECT_EQ(b.end.code(), absl::StatusCode::kUnknown);
  Unary call(this, Call("k", {{"webgui:global"}}));
  streams_->OnProducerFailed("idem:k", absl::ResourceExhaustedError("redis is out of memory"));
  EXPECT_TRUE(absl::IsResourceExhausted(call.end));
}

TEST_F(StreamsTest, WhileTheGateIsClosedNobodyIsServed) {
  Agent a(this);
  a.Open("p");
  Grant(10);
  streams_->SetGate(absl::UnavailableError("redis would evict events"));
  EXPECT_EQ(a.end.message(), "redis would evict events");
  Agent b(this);
  b.Open("q");
  EXPECT_EQ(b.end.message(), "redis would evict events");
  Unary call(this, Call("", {{"webgui:global"}}));
  EXPECT_EQ(call.end.message(), "redis would evict events");
  streams_->SetGate(absl::OkStatus());
  Agent c(this);
  c.Open("q");
  Grant(12);
  EXPECT_EQ(c.opened.producer_epoch(), 12u);
}

TEST_F(StreamsTest, ADrainFinishesWhatIsThereAndTakesNothingNew) {
  Agent a(this);
  a.Open("p");
  Grant(10);
  a.Send(1);
  bool idle = false;
  streams_->Drain([&] { idle = true; });
  executor_.RunPosted();
  EXPECT_EQ(a.flow.level(), v1::Flow::LEVEL_DRAIN);
  EXPECT_FALSE(idle);
  Agent late(this);
  EXPECT_TRUE(absl::IsUnavailable(late.end));
  Unary call(this, Call("", {{"webgui:global"}}));
  EXPECT_TRUE(absl::IsUnavailable(call.end));
  Committed();
  EXPECT_EQ(a.acked, 1u);
  EXPECT_TRUE(absl::IsUnavailable(a.end));
  EXPECT_TRUE(idle);
}

TEST_F(StreamsTest, ADrainOfAnIdleBrokerIsOverAtOnce) {
  bool idle = false;
  streams_->Drain([&] { idle = true; });
  executor_.RunPosted();
  EXPECT_TRUE(idle);
}

TEST_F(StreamsTest, WhileTheAppenderIsFullNoStreamIsRead) {
  channel::Appender::Options options;
  options.queue_bytes = 1'000;
  streams_ = std::make_unique<Streams>(&executor_, &redis_, &names_, &metrics_, options);
  Agent a(this);
  a.Open("p");
  Grant(10);
  EXPECT_EQ(a.reads, 1);
  a.Send(1, 2'000);
  executor_.RunPosted();
  EXPECT_EQ(a.reads, 1);
  EXPECT_EQ(a.flow.level(), v1::Flow::LEVEL_STOP);
  Unary call(this, Call("", {{"webgui:global"}}));
  EXPECT_TRUE(absl::IsResourceExhausted(call.end));
  Committed();
  EXPECT_EQ(a.reads, 2);
  EXPECT_EQ(a.flow.level(), v1::Flow::LEVEL_OK);
}

TEST_F(StreamsTest, StreamsAreBounded) {
  std::vector<std::unique_ptr<Agent>> agents;
  for (size_t i = 0; i < limits::kStreams; ++i) agents.push_back(std::make_unique<Agent>(this));
  EXPECT_EQ(agents.back()->end.code(), absl::StatusCode::kUnknown);
  Agent extra(this);
  EXPECT_TRUE(absl::IsResourceExhausted(extra.end));
  agents.pop_back();
  Agent next(this);
  // The refused one is still there until its transport has gone.
  EXPECT_TRUE(absl::IsResourceExhausted(next.end));
}

TEST_F(StreamsTest, ACallWithAKeyIsAProducerOfItsOwn) {
  Unary call(this, Call("job-7", {{"webgui:session:a"}, {"webgui:global", "webgui:session:a"}}));
  executor_.RunPosted();
  ASSERT_EQ(redis_.waiting(), 2u);
  EXPECT_THAT(redis_.next()[5], "webgui:producer:{webgui:session:a}:idem:job-7");
  redis_.Answer(Array({Text("7-2"), Integer(2), Integer(0), Integer(0)}));
  EXPECT_EQ(call.end.code(), absl::StatusCode::kUnknown);
  redis_.Answer(Array({Text("9-1"), Integer(1), Integer(0), Integer(0)}));
  ASSERT_TRUE(call.end.ok()) << call.end;
  std::vector<std::string> positions;
  for (const auto& at : call.response.positions()) {
    positions.push_back(absl::StrCat(at.sequence(), " ", at.channel(), " ", at.position()));
  }
  EXPECT_THAT(positions, ElementsAre("1 webgui:session:a 7-1", "2 webgui:session:a 7-2",
                                     "2 webgui:global 9-1"));
}

TEST_F(StreamsTest, CallsWithoutAKeyAreProducersOfTheirOwn) {
  Unary first(this, Call("", {{"webgui:global"}, {"webgui:global"}}));
  executor_.RunPosted();
  EXPECT_THAT(redis_.next()[5],
              AllOf(StartsWith("webgui:producer:{webgui:global}:broker:"), EndsWith(":1")));
  redis_.Answer(Array({Text("7-2"), Integer(2), Integer(0), Integer(0)}));
  ASSERT_TRUE(first.end.ok());
  Unary second(this, Call("", {{"webgui:global"}}));
  executor_.RunPosted();
  EXPECT_THAT(redis_.next()[5], EndsWith(":2"));
  redis_.Answer(Array({Text("7-3"), Integer(1), Integer(0), Integer(0)}));
  ASSERT_TRUE(second.end.ok());
  ASSERT_EQ(second.response.positions_size(), 1);
  EXPECT_EQ(second.response.positions(0).sequence(), 1u);
  EXPECT_EQ(second.response.positions(0).position(), "7-3");
}

TEST_F(StreamsTest, ACallThatRedisRefusesTakesNoOtherAlong) {
  Unary bad(this, Call("", {{"webgui:session:bad"}}));
  executor_.RunPosted();
  redis_.Answer(ErrorReply("WRONGTYPE"));
  executor_.Advance(limits::kAppendDeadline - absl::Milliseconds(1));
  Unary good(this, Call("", {{"webgui:global"}}));
  executor_.RunPosted();
  redis_.Answer(ErrorReply("WRONGTYPE"));
  executor_.Advance(absl::Milliseconds(1));
  redis_.Answer(ErrorReply("WRONGTYPE"), 1);
  EXPECT_TRUE(absl::IsUnavailable(bad.end));
  EXPECT_EQ(good.end.code(), absl::StatusCode::kUnknown);
  redis_.Answer(Array({Text("7-1"), Integer(1), Integer(0), Integer(0)}));
  EXPECT_TRUE(good.end.ok());
}

TEST_F(StreamsTest, AnOpenThatWaitsWhileTheGateClosesIsRefused) {
  Agent a(this);
  a.Open("p");
  streams_->SetGate(absl::UnavailableError("redis would evict events"));
  Grant(10);
  EXPECT_EQ(a.end.message(), "redis would evict events");
}

TEST_F(StreamsTest, AStreamOverItsOwnBoundWaitsAlone) {
  Agent a(this);
  a.Open("p");
  Grant(10);
  Agent b(this);
  b.Open("q");
  Grant(11);
  for (uint64_t sequence = 1; a.reads == static_cast<int>(sequence) && sequence < 1'000; ++sequence)
    a.Send(sequence, 200'000);
  executor_.RunPosted();
  EXPECT_EQ(a.flow.level(), v1::Flow::LEVEL_STOP);
  EXPECT_GT(streams_->appender().queued_bytes(), limits::kAppendSinkBytes);
  EXPECT_LT(streams_->appender().queued_bytes(), limits::kAppendSinkBytes + 300'000);
  b.Send(1);
  EXPECT_EQ(b.reads, 2);
  const int reads = a.reads;
  Committed();
  EXPECT_EQ(a.flow.level(), v1::Flow::LEVEL_OK);
  EXPECT_EQ(a.reads, reads + 1);
}

TEST_F(StreamsTest, TheReplicatedLevelIsRefusedWhereItIsNotOffered) {
  Agent a(this);
  a.Open("p", 0, v1::ACK_LEVEL_REPLICATED);
  EXPECT_TRUE(absl::IsInvalidArgument(a.end));
  EXPECT_THAT(std::string(a.end.message()),
              HasSubstr("open.ack_level ACK_LEVEL_REPLICATED is not offered by this broker: its "
                        "setting replication.replicas is 0"));
  PublishCall request = Call("k", {{"webgui:global"}});
  request.ack_level = v1::ACK_LEVEL_REPLICATED;
  Unary call(this, std::move(request));
  EXPECT_TRUE(absl::IsInvalidArgument(call.end));
  EXPECT_EQ(redis_.waiting(), 0u);
}

// With acknowledgement by replicas. `waits_` is the connection of WAIT.
class ReplicatedStreamsTest : public StreamsTest {
 protected:
  ReplicatedStreamsTest() {
    streams_ = std::make_unique<Streams>(&executor_, &redis_, &names_, &metrics_,
                                         channel::Appender::Options{}, &barrier_);
  }
  void Marked() {
    redis_.Answer(Text("OK"));
    executor_.RunPosted();
  }
  void Waited(int64_t replicas) {
    waits_.Answer(Text("1000"));
    waits_.Answer(Integer(replicas));
    executor_.RunPosted();
  }

  test::FakeCommands waits_;
  channel::ReplicaBarrier barrier_{&executor_, &redis_, &waits_, "marker", {1, absl::Seconds(1)}};
};

TEST_F(ReplicatedStreamsTest, EachStreamIsAcknowledgedAtItsOwnLevel) {
  Agent a(this);
  a.Open("p", 0, v1::ACK_LEVEL_REPLICATED);
  Grant(10);
  Agent b(this);
  b.Open("q", 0, v1::ACK_LEVEL_REDIS);
  Grant(11);
  a.Send(1);
  b.Send(1);
  executor_.RunPosted();
  redis_.Answer(Array({Text("5-2"), Integer(2), Integer(0), Integer(0), Integer(0)}));
  Marked();
  EXPECT_EQ(a.acked, 0u);
  EXPECT_EQ(b.acked, 1u);
  Waited(1);
  EXPECT_EQ(a.acked, 1u);
}

TEST_F(ReplicatedStreamsTest, ALevelNotReachedEndsTheStreamsConcernedAndNoOthers) {
  Agent a(this);
  a.Open("p", 0, v1::ACK_LEVEL_REPLICATED);
  Grant(10);
  Agent b(this);
  b.Open("q");
  Grant(11);
  a.Send(1);
  b.Send(1);
  executor_.RunPosted();
  redis_.Answer(Array({Text("5-2"), Integer(2), Integer(0), Integer(0), Integer(0)}));
  Marked();
  Waited(0);
  EXPECT_TRUE(absl::IsUnavailable(a.end));
  EXPECT_THAT(std::string(a.end.message()), HasSubstr("0 of 1 replicas within 1s"));
  EXPECT_EQ(a.acked, 0u);
  EXPECT_EQ(b.end.code(), absl::StatusCode::kUnknown);
  streams_->Report();
  EXPECT_EQ(metrics_.unreplicated.value(), 1);

  // The agent comes back with what it has.
  Agent again(this);
  again.Open("p", 10, v1::ACK_LEVEL_REPLICATED);
  Grant(10);
  again.Send(1);
  executor_.RunPosted();
  redis_.Answer(Array({Text("5-2"), Integer(0), Integer(0), Integer(1)}));
  Marked();
  EXPECT_EQ(again.acked, 0u);
  Waited(1);
  EXPECT_EQ(again.acked, 1u);
  streams_->Report();
  EXPECT_EQ(metrics_.replicated.value(), 1);
}

TEST_F(ReplicatedStreamsTest, ACallIsAnsweredAtItsLevel) {
  const auto replicated = [&](std::string key) {
    PublishCall call = Call(std::move(key), {{"webgui:global"}});
    call.ack_level = v1::ACK_LEVEL_REPLICATED;
    return call;
  };
  Unary first(this, replicated("k"));
  executor_.RunPosted();
  redis_.Answer(Array({Text("7-1"), Integer(1), Integer(0), Integer(0)}));
  Marked();
  EXPECT_EQ(first.end.code(), absl::StatusCode::kUnknown);
  Waited(0);
  EXPECT_TRUE(absl::IsUnavailable(first.end));
  Unary second(this, replicated("k"));
  executor_.RunPosted();
  redis_.Answer(Array({Text("7-1"), Integer(0), Integer(0), Integer(1)}));
  Marked();
  Waited(2);
  EXPECT_TRUE(second.end.ok());
}

TEST_F(ReplicatedStreamsTest, ADrainWaitsForReplicas) {
  Agent a(this);
  a.Open("p", 0, v1::ACK_LEVEL_REPLICATED);
  Grant(10);
  a.Send(1);
  bool idle = false;
  streams_->Drain([&] { idle = true; });
  Committed();
  Marked();
  EXPECT_FALSE(idle);
  Waited(1);
  EXPECT_EQ(a.acked, 1u);
  EXPECT_TRUE(idle);
}

TEST_F(StreamsTest, CallsAreBounded) {
  std::vector<std::unique_ptr<Unary>> calls;
  for (size_t i = 0; i < limits::kPublishCalls; ++i) {
    calls.push_back(std::make_unique<Unary>(this, Call("", {{"webgui:global"}})));
  }
  EXPECT_EQ(calls.back()->end.code(), absl::StatusCode::kUnknown);
  Unary extra(this, Call("", {{"webgui:global"}}));
  EXPECT_TRUE(absl::IsResourceExhausted(extra.end));
  streams_->OnDown(absl::UnavailableError("gone"));
  EXPECT_TRUE(absl::IsUnavailable(calls.front()->end));
}

}  // namespace
}  // namespace spanwire::broker
