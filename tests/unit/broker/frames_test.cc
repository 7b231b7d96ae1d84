#include "broker/frames.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.h"

namespace spanwire::broker {
namespace {

using ::testing::HasSubstr;

class FramesTest : public ::testing::Test {
 protected:
  absl::StatusOr<PublishFrame> Frame(const std::string& bytes) {
    return ReadPublishFrame(bytes, router_, {"builder", absl::UnixEpoch()});
  }
  absl::StatusOr<PublishFrame> Frame(const v1::PublishStreamRequest& request) {
    return Frame(request.SerializeAsString());
  }
  absl::StatusOr<PublishCall> Call(const std::string& bytes) {
    return ReadPublishCall(bytes, router_, {"", absl::UnixEpoch()});
  }
  absl::StatusOr<PublishCall> Call(const v1::PublishRequest& request) {
    return Call(request.SerializeAsString());
  }
  std::string Refusal(const std::string& bytes) {
    const absl::Status status = Frame(bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }
  std::string CallRefusal(const v1::PublishRequest& request) {
    const absl::Status status = Call(request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }

  channel::Names names_{"webgui"};
  Router router_{&names_};
};

v1::Event Good() {
  v1::Event event;
  event.mutable_log_line()->set_text("hello");
  return event;
}

v1::PublishStreamRequest BatchOf(int events, uint64_t first = 1) {
  v1::PublishStreamRequest request;
  request.mutable_batch()->set_first_sequence(first);
  for (int i = 0; i < events; ++i) *request.mutable_batch()->add_events() = Good();
  return request;
}

TEST_F(FramesTest, ReadsOpenBatchAndCommandResult) {
  v1::PublishStreamRequest request;
  request.mutable_open()->set_producer_id("p");
  auto frame = Frame(request);
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame->kind, PublishFrame::Kind::kOpen);
  EXPECT_EQ(frame->open.producer_id(), "p");

  frame = Frame(BatchOf(3, 7));
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame->kind, PublishFrame::Kind::kBatch);
  EXPECT_EQ(frame->first_sequence, 7u);
  ASSERT_EQ(frame->events.size(), 3u);
  EXPECT_EQ(frame->events[2].channels[0], "webgui:agent:builder");

  request.mutable_command_result()->set_command_id("c");
  frame = Frame(request);
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame->kind, PublishFrame::Kind::kCommandResult);
}

TEST_F(FramesTest, ABadEventDoesNotSpoilItsBatch) {
  v1::PublishStreamRequest request = BatchOf(3);
  request.mutable_batch()->mutable_events(1)->set_id("1-1");
  const auto frame = Frame(request);
  ASSERT_TRUE(frame.ok());
  EXPECT_TRUE(frame->events[0].violations.empty());
  EXPECT_EQ(frame->events[1].violations[0].field, "id");
  EXPECT_TRUE(frame->events[2].violations.empty());
}

TEST_F(FramesTest, BatchesAreBounded) {
  EXPECT_TRUE(Frame(BatchOf(1024)).ok());
  EXPECT_THAT(Refusal(BatchOf(1025).SerializeAsString()), HasSubstr("more than 1024 events"));
  EXPECT_THAT(Refusal(std::string(limits::kBatchBytes + 1, 'x')),
              HasSubstr("at most 1048576 are allowed"));
}

TEST_F(FramesTest, AnEnvelopeThatDoesNotParseIsRefused) {
  EXPECT_THAT(Refusal("\xFF\xFF"), HasSubstr("garbage"));
  EXPECT_THAT(Refusal("\x12\x05"
                      "ab"),
              HasSubstr("cut off"));
  EXPECT_THAT(Refusal(std::string("\x12\x02\x08\x80", 4)),
              HasSubstr("batch is not valid protobuf"));
  EXPECT_THAT(Refusal("\x12\x02\x10\x01"), HasSubstr("batch.events has the wrong wire type"));
  EXPECT_THAT(Refusal(std::string("\x12\x02\x0A\x00", 4)),
              HasSubstr("batch.first_sequence has the wrong wire type"));
  EXPECT_THAT(Refusal("\x0A\x03\x0A\x01\xFF"), HasSubstr("open.producer_id is not valid UTF-8"));
  EXPECT_THAT(Refusal("\x13\x14"), HasSubstr("group"));
  EXPECT_THAT(Refusal("\x08\x01"), HasSubstr("wrong wire type"));
  EXPECT_THAT(Refusal("\x1A\x03\x0A\x01\xFF"), HasSubstr("command_result.command_id"));
}

TEST_F(FramesTest, ExactlyOneFrameAMessage) {
  EXPECT_THAT(Refusal(""), HasSubstr("none of open, batch and command_result"));
  EXPECT_THAT(Refusal(std::string("\x0A\x00\x12\x00", 4)), HasSubstr("more than once"));
}

TEST_F(FramesTest, AUnaryCallNamesItsFirstBadEvent) {
  v1::PublishRequest request;
  EXPECT_THAT(CallRefusal(request), HasSubstr("at least one event"));
  *request.add_events() = Good();
  EXPECT_TRUE(Call(request).ok());
  *request.add_events() = Good();
  request.mutable_events(1)->add_channels("webgui:nope");
  EXPECT_THAT(CallRefusal(request), HasSubstr("events[1].channels[0] must be"));
}

TEST_F(FramesTest, IdempotencyKeysHaveTheirRule) {
  v1::PublishRequest request;
  *request.add_events() = Good();
  request.set_idempotency_key(std::string(123, 'k'));
  EXPECT_TRUE(Call(request).ok());
  request.set_idempotency_key(std::string(124, 'k'));
  EXPECT_THAT(CallRefusal(request), HasSubstr("at most 123 are allowed"));
  request.set_idempotency_key("a{b");
  EXPECT_THAT(CallRefusal(request), HasSubstr("idempotency_key has a character"));
}

TEST_F(FramesTest, UnaryCallsNameTheirAckLevel) {
  v1::PublishRequest request;
  *request.add_events() = Good();
  EXPECT_EQ(Call(request)->ack_level, v1::ACK_LEVEL_UNSPECIFIED);
  request.set_ack_level(v1::ACK_LEVEL_REPLICATED);
  EXPECT_EQ(Call(request)->ack_level, v1::ACK_LEVEL_REPLICATED);
  request.set_ack_level(static_cast<v1::AckLevel>(9));
  EXPECT_THAT(CallRefusal(request), HasSubstr("ack_level is none that this broker knows"));
  EXPECT_THAT(std::string(Call(std::string("\x1A\x01\x02")).status().message()),
              HasSubstr("ack_level has the wrong wire type"));
}

TEST_F(FramesTest, UnaryCallsAreBoundedAndMustParse) {
  v1::PublishRequest request;
  for (int i = 0; i < 1025; ++i) *request.add_events() = Good();
  EXPECT_THAT(CallRefusal(request), HasSubstr("more than 1024 events"));
  EXPECT_THAT(std::string(Call(std::string("\x0A\x7F")).status().message()), HasSubstr("cut off"));
  EXPECT_THAT(std::string(Call(std::string(limits::kBatchBytes + 1, 'x')).status().message()),
              HasSubstr("at most"));
}

}  // namespace
}  // namespace spanwire::broker
