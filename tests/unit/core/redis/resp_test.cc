#include "core/redis/resp.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanwire::redis {
namespace {

using ::testing::HasSubstr;

std::string Encode(std::vector<absl::string_view> args) {
  std::string out;
  AppendCommand(args, &out);
  EXPECT_LE(out.size(), CommandBytes(args));
  return out;
}

// Feeds `bytes` in pieces of `size`, and takes out everything that becomes whole.
absl::StatusOr<std::vector<Reply>> Parse(ReplyParser* parser, absl::string_view bytes,
                                         size_t size = 16'384) {
  std::vector<Reply> replies;
  while (!bytes.empty()) {
    parser->Feed(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
    while (true) {
      absl::StatusOr<absl::optional<Reply>> reply = parser->Next();
      if (!reply.ok()) return reply.status();
      if (!reply->has_value()) break;
      replies.push_back(**std::move(reply));
    }
  }
  return replies;
}

absl::StatusOr<std::vector<Reply>> Parse(absl::string_view bytes, size_t size = 16'384) {
  ReplyParser parser;
  return Parse(&parser, bytes, size);
}

TEST(Resp, CommandIsBinarySafe) {
  const std::string expected =
      std::string("*3\r\n$3\r\nSET\r\n$4\r\na") + '\0' + "\r\n\r\n$0\r\n\r\n";
  EXPECT_EQ(Encode({"SET", absl::string_view("a\0\r\n", 4), ""}), expected);
}

TEST(Resp, CommandsAreAppended) {
  std::string out = Encode({"PING"});
  AppendCommand({"PING"}, &out);
  EXPECT_EQ(out, "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n");
}

TEST(Resp, EveryTypeIsRead) {
  const auto replies = Parse(
      "+OK\r\n-ERR "
      "no\r\n:-42\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n:1\r\n$1\r\nx\r\n*-1\r\n*0\r\n$0\r\n\r\n");
  ASSERT_TRUE(replies.ok()) << replies.status();
  ASSERT_EQ(replies->size(), 9u);
  EXPECT_EQ((*replies)[0].type, Reply::Type::kStatus);
  EXPECT_EQ((*replies)[0].text, "OK");
  EXPECT_EQ((*replies)[1].error_code(), "ERR");
  EXPECT_EQ((*replies)[2].integer, -42);
  EXPECT_EQ((*replies)[2].type, Reply::Type::kInteger);
  EXPECT_EQ((*replies)[3].type, Reply::Type::kString);
  EXPECT_EQ((*replies)[3].text, "a\r\n");
  EXPECT_TRUE((*replies)[4].is_nil());
  ASSERT_TRUE((*replies)[5].is_array());
  EXPECT_EQ((*replies)[5].elements[0].integer, 1);
  EXPECT_EQ((*replies)[5].elements[1].text, "x");
  EXPECT_TRUE((*replies)[6].is_nil());
  EXPECT_TRUE((*replies)[7].is_array());
  EXPECT_TRUE((*replies)[8].is_string());
}

TEST(Resp, AReplyInPiecesIsTheSameReply) {
  // As XRANGE answers: rows of an id and fields.
  const std::string wire =
      "*2\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\ne\r\n$5\r\nhello\r\n"
      "*2\r\n$3\r\n1-2\r\n*4\r\n$1\r\ne\r\n$0\r\n\r\n$1\r\np\r\n$3\r\n1-0\r\n:7\r\n";
  for (size_t size = 1; size <= wire.size(); ++size) {
    const auto replies = Parse(wire, size);
    ASSERT_TRUE(replies.ok()) << replies.status();
    ASSERT_EQ(replies->size(), 2u) << size;
    const std::vector<Reply>& rows = (*replies)[0].elements;
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].elements[0].text, "1-1");
    EXPECT_EQ(rows[0].elements[1].elements[1].text, "hello");
    EXPECT_EQ(rows[1].elements[1].elements[3].text, "1-0");
    EXPECT_EQ((*replies)[1].integer, 7);
  }
}

TEST(Resp, WhatIsNotRespIsAnError) {
  for (absl::string_view wire : {"HTTP/1.1 400 Bad Request\r\n", ":12a\r\n", "$abc\r\n", "*x\r\n",
                                 "$-2\r\n", "*-2\r\n", "*2147483648\r\n", "%1\r\n",
                                 "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"}) {
    const auto replies = Parse(wire);
    EXPECT_EQ(replies.status().code(), absl::StatusCode::kUnavailable) << wire;
    EXPECT_THAT(std::string(replies.status().message()), HasSubstr("not its protocol")) << wire;
  }
}

TEST(Resp, ALongStringIsRefusedBeforeItIsWhole) {
  ReplyParser parser(1'000'000);
  const std::string piece(16'384, 'x');
  ASSERT_TRUE(Parse(&parser, "$100000000\r\n").ok());
  size_t fed = 0;
  absl::Status status;
  while (status.ok() && fed < 2'000'000) {
    status = Parse(&parser, piece).status();
    fed += piece.size();
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LE(fed, 1'000'000 + 2 * piece.size());
}

TEST(Resp, AWideArrayIsRefusedBeforeItIsMade) {
  ReplyParser parser(1'000'000);
  EXPECT_EQ(Parse(&parser, "*1000000\r\n").status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(Resp, ManySmallElementsCountTogether) {
  ReplyParser parser(10'000);
  std::string wire = "*20\r\n";
  for (int i = 0; i < 20; ++i) wire += "$1000\r\n" + std::string(1000, 'x') + "\r\n";
  EXPECT_EQ(Parse(&parser, wire, 100).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(Resp, TheBoundIsForOneReplyNotForAll) {
  ReplyParser parser(2'000);
  const std::string one = "$1000\r\n" + std::string(1000, 'x') + "\r\n";
  for (int i = 0; i < 100; ++i) {
    const auto replies = Parse(&parser, one, 700);
    ASSERT_TRUE(replies.ok()) << i << replies.status();
    ASSERT_EQ(replies->size(), 1u);
  }
}

TEST(Resp, ManyRepliesInOnePieceMayPassTheBoundTogether) {
  ReplyParser parser(100);
  std::string wire;
  for (int i = 0; i < 100; ++i) wire += "+0123456789\r\n";
  const auto replies = Parse(&parser, wire);
  ASSERT_TRUE(replies.ok()) << replies.status();
  EXPECT_EQ(replies->size(), 100u);
}

}  // namespace
}  // namespace spanwire::redis
