#include "bridge/line_messages.h"

#include <sys/uio.h>

#include <string>

#include <gtest/gtest.h>

#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

// All that waits, as it would be sent.
std::string Queued(const SocketQueue& queue) {
  iovec buffers[16];
  std::string bytes;
  for (size_t i = 0; i < queue.Gather(buffers, 16); ++i) {
    bytes.append(static_cast<const char*>(buffers[i].iov_base), buffers[i].iov_len);
  }
  return bytes;
}

TEST(LineMessages, WhatWasTakenBecomesOneMessage) {
  SocketQueue queue;
  LineMessages messages;
  const FramePtr shared = Frame::Make("{1}");
  messages.Push(shared, &queue);
  messages.Push(Frame::Make("{22}"), &queue);
  EXPECT_TRUE(queue.empty());
  messages.Flush(&queue);
  EXPECT_EQ(Queued(queue), "\x81\x09{1}\n{22}\n");
  EXPECT_GT(shared.use_count(), 1) << "its memory is shared";
  messages.Flush(&queue);
  EXPECT_EQ(queue.bytes(), 11u);
}

TEST(LineMessages, OneFrameIsAMessageAsEver) {
  SocketQueue queue;
  LineMessages messages;
  messages.Push(Frame::Make("{1}"), &queue);
  messages.Flush(&queue);
  EXPECT_EQ(Queued(queue), "\x81\x03{1}");
}

TEST(LineMessages, BinaryFramesStayApartAndInOrder) {
  SocketQueue queue;
  LineMessages messages;
  messages.Push(Frame::Make("{1}"), &queue);
  messages.Push(Frame::MakeBinary("ab"), &queue);
  messages.Push(Frame::Make("{2}"), &queue);
  messages.Push(Frame::Make("{3}"), &queue);
  messages.Flush(&queue);
  EXPECT_EQ(Queued(queue),
            "\x81\x03{1}\x82\x02"
            "ab\x81\x08{2}\n{3}\n");
}

TEST(LineMessages, AMessageIsBounded) {
  SocketQueue queue;
  LineMessages messages;
  const std::string half(limits::kLineMessageBytes / 2, 'x');
  messages.Push(Frame::Make(half), &queue);
  messages.Push(Frame::Make(half), &queue);
  EXPECT_EQ(queue.bytes(), half.size() + 4) << "both together are too much";
  messages.Push(Frame::Make(std::string(limits::kLineMessageBytes * 2, 'x')), &queue);
  EXPECT_EQ(queue.bytes(), 2 * (half.size() + 4)) << "one may be larger";
}

TEST(LineMessages, WhatIsDroppedIsNotSent) {
  SocketQueue queue;
  LineMessages messages;
  messages.Push(Frame::Make("{1}"), &queue);
  messages.Drop();
  messages.Flush(&queue);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace spanwire::bridge
