#include "bridge/event_stream.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace spanwire::bridge {
namespace {

using channel::Position;

class EventStreamTest : public ::testing::Test {
 protected:
  // What was queued since the last call.
  std::string Taken() {
    std::vector<iovec> buffers(queue_.size());
    std::string text;
    queue_.Gather(buffers.data(), buffers.size());
    for (const iovec& buffer : buffers)
      text.append(static_cast<const char*>(buffer.iov_base), buffer.iov_len);
    queue_.Consume(text.size());
    return text;
  }
  std::string Push(absl::string_view json) {
    stream_.PushFrame(Frame::Make(json), &queue_);
    return Taken();
  }

  SocketQueue queue_;
  EventStream stream_{absl::Milliseconds(1893)};
};

TEST_F(EventStreamTest, BeginsWithWhenToComeBack) {
  stream_.PushStart(&queue_);
  EXPECT_EQ(Taken(), "retry: 1893\n");
}

TEST_F(EventStreamTest, OnlyControlFramesHaveAName) {
  EXPECT_EQ(Push(R"({"type":"$gap","channel":"x"})"),
            "event: $gap\ndata: {\"type\":\"$gap\",\"channel\":\"x\"}\n\n");
  EXPECT_EQ(Push(R"({"type":"log_line"})"), "data: {\"type\":\"log_line\"}\n\n");
  EXPECT_EQ(Push(R"({"data":{"type":"$gap"}})"), "data: {\"data\":{\"type\":\"$gap\"}}\n\n");
}

TEST_F(EventStreamTest, TheCursorComesWheneverItMoved) {
  stream_.Advance(0, absl::nullopt);
  stream_.Advance(1, Position{5, 1});
  EXPECT_EQ(Push("{1}"), "id: -,5-1\ndata: {1}\n\n");
  EXPECT_EQ(Push("{2}"), "data: {2}\n\n");
  stream_.Advance(1, Position{5, 1});
  EXPECT_EQ(Push("{3}"), "data: {3}\n\n");
  stream_.Advance(0, Position{9, 9});
  EXPECT_EQ(Push(R"({"type":"$live"})"),
            "event: $live\nid: 9-9,5-1\ndata: {\"type\":\"$live\"}\n\n");
  stream_.Advance(0, Position{9, 4});  // a rollback
  EXPECT_EQ(Push("{4}"), "id: 9-4,5-1\ndata: {4}\n\n");
}

TEST_F(EventStreamTest, ChannelsWithoutAnyPositionNeedNoCursor) {
  stream_.Advance(0, absl::nullopt);
  EXPECT_EQ(Push("{1}"), "data: {1}\n\n");
}

TEST_F(EventStreamTest, SharesTheFramesMemory) {
  const FramePtr frame = Frame::Make("{1}");
  stream_.PushFrame(frame, &queue_);
  iovec buffers[2];
  ASSERT_EQ(queue_.Gather(buffers, 2), 2u);
  EXPECT_EQ(buffers[1].iov_base, frame->json().data());
}

TEST_F(EventStreamTest, HeartbeatsAndLastWords) {
  stream_.PushHeartbeat(&queue_);
  EXPECT_EQ(Taken(), ":\n\n");
  stream_.PushDrain(absl::Milliseconds(3991), &queue_);
  EXPECT_EQ(Taken(),
            "retry: 3991\nevent: $drain\ndata: {\"type\":\"$drain\",\"after_ms\":3991}\n\n");
}

}  // namespace
}  // namespace spanwire::bridge
