#include "bridge/socket_queue.h"

#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

std::string Waiting(const SocketQueue& queue, size_t most = 1'000) {
  std::vector<iovec> buffers(most);
  std::string text;
  const size_t count = queue.Gather(buffers.data(), most);
  for (size_t i = 0; i < count; ++i)
    text.append(static_cast<const char*>(buffers[i].iov_base), buffers[i].iov_len);
  return text;
}

TEST(SocketQueue, KeepsFramesAndOwnBuffersInOrder) {
  SocketQueue queue;
  queue.Push(std::string("head"));
  queue.Push(Frame::MakeBinary("frame"));
  queue.Push(std::string("tail"));
  EXPECT_EQ(Waiting(queue),
            "head\x82\x05"
            "frametail");
  EXPECT_EQ(Waiting(queue, 1), "head");
  EXPECT_EQ(queue.bytes(), 15u);
}

TEST(SocketQueue, ConsumesAcrossItemsAtEveryCut) {
  for (size_t cut = 0; cut <= 9; ++cut) {
    SocketQueue queue;
    for (const char* part : {"abc", "def", "ghi"}) queue.Push(std::string(part));
    queue.Consume(cut);
    EXPECT_EQ(Waiting(queue), std::string("abcdefghi").substr(cut));
    EXPECT_EQ(queue.bytes(), 9 - cut);
    queue.Consume(9 - cut);
    EXPECT_TRUE(queue.empty());
  }
}

TEST(SocketQueue, SharesAFrameAndLetsGoOfItOnceItIsSent) {
  const FramePtr frame = Frame::Make("{}");
  SocketQueue queue;
  queue.Push(frame);
  queue.Push(frame);
  EXPECT_EQ(frame.use_count(), 3);
  queue.Consume(frame->websocket().size());
  EXPECT_EQ(frame.use_count(), 2);
  queue.DropUnsent();
  EXPECT_EQ(frame.use_count(), 1);
}

TEST(SocketQueue, DropsWhatWasNotBegunAndKeepsWhatWas) {
  SocketQueue queue;
  for (const char* part : {"abc", "def", "ghi"}) queue.Push(std::string(part));
  queue.Consume(1);
  queue.DropUnsent();
  EXPECT_EQ(Waiting(queue), "bc");
  EXPECT_EQ(queue.bytes(), 2u);
  queue.Consume(2);
  queue.Push(std::string("x"));
  queue.DropUnsent();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(SocketQueue, HoldsAFewPongsAndThenReplacesTheNewest) {
  SocketQueue queue;
  queue.Push(std::string("a"));
  for (int i = 0; i < 100'000; ++i) queue.PushPong(absl::StrCat("<", i, ">"));
  queue.Push(std::string("b"));
  EXPECT_EQ(Waiting(queue), "a<0><1><2><3><4><5><6><7><8><9><10><11><12><13><14><99999>b");
  EXPECT_EQ(queue.size(), limits::kPongs + 2);
  EXPECT_EQ(queue.bytes(), Waiting(queue).size());
  queue.Consume(4);
  queue.PushPong("<new>");
  EXPECT_EQ(Waiting(queue), "<1><2><3><4><5><6><7><8><9><10><11><12><13><14><99999>b<new>");
}

TEST(SocketQueue, DropsPongsWithTheRest) {
  SocketQueue queue;
  for (int i = 0; i < 20; ++i) queue.PushPong("p");
  queue.Consume(1);
  queue.DropUnsent();
  for (size_t i = 0; i < limits::kPongs; ++i) queue.PushPong("q");
  EXPECT_EQ(queue.size(), limits::kPongs);
}

TEST(SocketQueue, NeedsNoNewMemoryInTheSteadyStateAndReturnsThatOfABurst) {
  SocketQueue queue;
  const FramePtr frame = Frame::Make("{}");
  const size_t bytes = frame->websocket().size();
  for (int i = 0; i < 1'000; ++i) {
    for (int j = 0; j < 5; ++j) queue.Push(frame);
    queue.Consume(5 * bytes);
  }
  EXPECT_EQ(queue.capacity(), 8u);
  for (int i = 0; i < 1'000; ++i) queue.Push(frame);
  EXPECT_EQ(queue.capacity(), 1'024u);
  queue.Consume(1'000 * bytes);
  EXPECT_EQ(queue.capacity(), 0u);
}

}  // namespace
}  // namespace spanwire::bridge
