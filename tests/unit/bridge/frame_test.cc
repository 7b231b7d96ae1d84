#include "bridge/frame.h"

#include <string>

#include <gtest/gtest.h>

namespace spanwire::bridge {
namespace {

std::string Header(size_t payload_bytes) {
  const FramePtr frame = Frame::Make(std::string(payload_bytes, 'x'));
  EXPECT_EQ(frame->json(), std::string(payload_bytes, 'x'));
  EXPECT_EQ(frame->json().end(), frame->websocket().end());
  return std::string(frame->websocket().substr(0, frame->websocket().size() - payload_bytes));
}

TEST(Frame, IsAFinalUnmaskedTextFrameWithTheShortestLength) {
  EXPECT_EQ(Header(0), std::string("\x81\x00", 2));
  EXPECT_EQ(Header(125), "\x81\x7D");
  EXPECT_EQ(Header(126), std::string("\x81\x7E\x00\x7E", 4));
  EXPECT_EQ(Header(127), std::string("\x81\x7E\x00\x7F", 4));
  EXPECT_EQ(Header(65535), "\x81\x7E\xFF\xFF");
  EXPECT_EQ(Header(65536), std::string("\x81\x7F\0\0\0\0\0\1\0\0", 10));
}

TEST(Frame, CanBeBinary) {
  EXPECT_EQ(Frame::MakeBinary("ab")->websocket(),
            "\x82\x02"
            "ab");
}

}  // namespace
}  // namespace spanwire::bridge
