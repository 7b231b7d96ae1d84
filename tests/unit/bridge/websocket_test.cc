#include "bridge/websocket.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/client_frame.h"

namespace spanwire::bridge {
namespace {

using test::ClientFrame;
using Kind = WebSocket::Event::Kind;

// A masked header that announces `length` in eight bytes.
std::string HugeHeader(int first_byte, uint64_t length) {
  std::string header = {static_cast<char>(first_byte), static_cast<char>(0xFF)};
  for (int i = 7; i >= 0; --i) header.push_back(static_cast<char>(length >> (8 * i)));
  return header + std::string(4, '\0');
}

std::string Text(absl::string_view payload) { return ClientFrame(1, payload); }
std::string TextPart(absl::string_view payload) { return ClientFrame(1, payload, {.fin = false}); }
std::string Part(absl::string_view payload) { return ClientFrame(0, payload, {.fin = false}); }
std::string LastPart(absl::string_view payload) { return ClientFrame(0, payload); }
std::string Ping(absl::string_view payload) { return ClientFrame(9, payload); }
std::string Close(int code, absl::string_view reason = "") {
  return ClientFrame(
      8,
      absl::StrCat(std::string({static_cast<char>(code >> 8), static_cast<char>(code)}), reason));
}

// Everything that comes of `bytes`, given in pieces, one word an event: text(…) binary(…) ping(…)
// pong close(code,reason) error(code).
std::vector<std::string> EventsInPieces(std::string bytes, size_t piece,
                                        const WebSocket::Options& options) {
  WebSocket websocket(options);
  std::vector<std::string> events;
  for (size_t begin = 0; begin < bytes.size(); begin += piece) {
    absl::Span<char> span(&bytes[begin], std::min(piece, bytes.size() - begin));
    while (const absl::optional<WebSocket::Event> event = websocket.Next(&span)) {
      switch (event->kind) {
        case Kind::kText:
          events.push_back(absl::StrCat("text(", event->payload, ")"));
          break;
        case Kind::kBinary:
          events.push_back(absl::StrCat("binary(", event->payload, ")"));
          break;
        case Kind::kPing:
          events.push_back(absl::StrCat("ping(", event->payload, ")"));
          break;
        case Kind::kPong:
          events.push_back("pong");
          break;
        case Kind::kClose:
          events.push_back(absl::StrCat("close(", event->code, ",", event->payload, ")"));
          break;
        case Kind::kError:
          events.push_back(absl::StrCat("error(", event->code, ")"));
          break;
      }
    }
    EXPECT_TRUE(span.empty());
  }
  return events;
}

// The same however the bytes are cut.
std::vector<std::string> Events(const std::string& bytes, const WebSocket::Options& options = {}) {
  const std::vector<std::string> whole = EventsInPieces(bytes, bytes.size(), options);
  for (const size_t piece : {1, 2, 3, 7, 1'000}) {
    EXPECT_EQ(EventsInPieces(bytes, piece, options), whole) << "in pieces of " << piece;
  }
  return whole;
}

using List = std::vector<std::string>;

struct Case {
  const char* name;
  std::string bytes;
  List events;
};

void Check(const std::vector<Case>& table) {
  for (const Case& each : table) EXPECT_EQ(Events(each.bytes), each.events) << each.name;
}

TEST(WebSocket, FramesOfEveryLength) {
  for (const size_t size : {0, 1, 125, 126, 127, 128, 65534, 65535, 65536}) {
    const std::string payload(size, 'x');
    EXPECT_EQ(Events(Text(payload)), List{absl::StrCat("text(", payload, ")")}) << size;
  }
}

TEST(WebSocket, LengthsThatAreNotTheShortestAreErrors) {
  for (const size_t size : {0, 1, 125}) {
    EXPECT_EQ(Events(ClientFrame(1, std::string(size, 'x'), {.length_bytes = 2})),
              List{"error(1002)"})
        << size;
  }
  for (const size_t size : {0, 125, 126, 65535}) {
    EXPECT_EQ(Events(ClientFrame(1, std::string(size, 'x'), {.length_bytes = 8})),
              List{"error(1002)"})
        << size;
  }
}

TEST(WebSocket, LengthsWithTheHighestBitAreErrorsWhereverTheyStand) {
  for (const uint64_t length : {uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{0} - 65'535}) {
    EXPECT_EQ(Events(HugeHeader(0x81, length)), List{"error(1002)"});
    EXPECT_EQ(Events(HugeHeader(0x80, length)), List{"error(1002)"});
    EXPECT_EQ(Events(TextPart("a") + HugeHeader(0x80, length)), List{"error(1002)"});
    EXPECT_EQ(Events(TextPart("a") + HugeHeader(0x00, length) + "aaaa"), List{"error(1002)"});
  }
}

TEST(WebSocket, AMessageHasABoundOverAllItsFragments) {
  const std::string full(limits::kFrameBytes, 'x');
  const std::string half(limits::kFrameBytes / 2, 'x');
  Check({
      {"one too many", Text(full + "x"), {"error(1009)"}},
      {"announced only", HugeHeader(0x81, limits::kFrameBytes + 1), {"error(1009)"}},
      {"announced, gigantic", HugeHeader(0x81, (uint64_t{1} << 63) - 1), {"error(1009)"}},
      {"fits in fragments", TextPart(half) + LastPart(half), {absl::StrCat("text(", full, ")")}},
      {"too much in fragments", TextPart(half) + Part(half) + LastPart("x"), {"error(1009)"}},
      {"the last is empty", TextPart(full) + LastPart(""), {absl::StrCat("text(", full, ")")}},
      {"gigantic continuation",
       TextPart("a") + HugeHeader(0x80, (uint64_t{1} << 63) - 1),
       {"error(1009)"}},
  });
}

TEST(WebSocket, FragmentsHaveABoundEvenWhenEmpty) {
  std::string most = TextPart("");
  for (size_t i = 2; i < limits::kFragments; ++i) most += Part("");
  EXPECT_EQ(Events(most + LastPart("x")), List{"text(x)"});
  EXPECT_EQ(Events(most + Part("") + LastPart("x")), List{"error(1009)"});
}

TEST(WebSocket, Fragmentation) {
  Check({
      {"two", TextPart("Hel") + LastPart("lo"), {"text(Hello)"}},
      {"empty ones", TextPart("") + Part("") + LastPart(""), {"text()"}},
      {"empty between", TextPart("a") + Part("") + LastPart("b"), {"text(ab)"}},
      {"two messages", TextPart("a") + LastPart("b") + Text("c"), {"text(ab)", "text(c)"}},
      {"ping between", TextPart("a") + Ping("p") + LastPart("b"), {"ping(p)", "text(ab)"}},
      {"many controls between",
       TextPart("a") + Ping("") + ClientFrame(10, "x") + Part("b") + Ping("q") + LastPart("c"),
       {"ping()", "pong", "ping(q)", "text(abc)"}},
      {"close between", TextPart("a") + Close(1000) + LastPart("b"), {"close(1000,)"}},
      {"unfinished", TextPart("a") + Part("b"), {}},
      {"continuation of nothing", LastPart("a"), {"error(1002)"}},
      {"unfinished continuation of nothing", Part("a"), {"error(1002)"}},
      {"continuation after a message", Text("a") + LastPart("b"), {"text(a)", "error(1002)"}},
      {"text within a text", TextPart("a") + Text("b"), {"error(1002)"}},
      {"part within a text", TextPart("a") + TextPart("b"), {"error(1002)"}},
      {"binary within a text", TextPart("a") + ClientFrame(2, "b"), {"error(1002)"}},
  });
}

TEST(WebSocket, ControlFrames) {
  const std::string most(125, 'p');
  Check({
      {"ping", Ping("hello"), {"ping(hello)"}},
      {"longest ping", Ping(most), {absl::StrCat("ping(", most, ")")}},
      {"binary ping",
       Ping(std::string("\0\xFF", 2)),
       {absl::StrCat("ping(", std::string("\0\xFF", 2), ")")}},
      {"pong unasked", ClientFrame(10, "x") + Text("a"), {"pong", "text(a)"}},
      {"ping of 126", Ping(most + "p"), {"error(1002)"}},
      {"pong of 126", ClientFrame(10, most + "p"), {"error(1002)"}},
      {"close of 126", ClientFrame(8, most + "p"), {"error(1002)"}},
      {"ping of 64 KiB", Ping(std::string(65'536, 'p')), {"error(1002)"}},
      {"ping with a 16-bit length", ClientFrame(9, "p", {.length_bytes = 2}), {"error(1002)"}},
      {"fragmented ping", ClientFrame(9, "p", {.fin = false}), {"error(1002)"}},
      {"fragmented pong", ClientFrame(10, "p", {.fin = false}), {"error(1002)"}},
      {"fragmented close", ClientFrame(8, "", {.fin = false}), {"error(1002)"}},
  });
}

TEST(WebSocket, ReservedBitsAreErrors) {
  for (int bits = 1; bits < 8; ++bits) {
    for (const int opcode : {1, 2, 8, 9, 10}) {
      EXPECT_EQ(Events(Text("a") + ClientFrame(opcode, "", {.reserved = bits}) + Text("b")),
                (List{"text(a)", "error(1002)"}))
          << bits << " " << opcode;
    }
    EXPECT_EQ(Events(TextPart("a") + ClientFrame(0, "", {.reserved = bits})), List{"error(1002)"})
        << bits;
  }
}

TEST(WebSocket, ReservedOpcodesAreErrors) {
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    EXPECT_EQ(Events(ClientFrame(opcode, "")), List{"error(1002)"}) << opcode;
    EXPECT_EQ(Events(ClientFrame(opcode, "payload") + Text("a")), List{"error(1002)"}) << opcode;
    EXPECT_EQ(Events(TextPart("a") + ClientFrame(opcode, "")), List{"error(1002)"}) << opcode;
  }
}

TEST(WebSocket, UnmaskedFramesAreErrors) {
  for (const int opcode : {1, 8, 9, 10}) {
    EXPECT_EQ(Events(ClientFrame(opcode, "", {.masked = false})), List{"error(1002)"}) << opcode;
  }
  EXPECT_EQ(Events(TextPart("a") + ClientFrame(0, "b", {.masked = false})), List{"error(1002)"});
}

TEST(WebSocket, BinaryIsRefusedAtItsFirstByteUnlessAllowed) {
  EXPECT_EQ(Events(ClientFrame(2, "")), List{"error(1003)"});
  EXPECT_EQ(Events(ClientFrame(2, "a", {.fin = false})), List{"error(1003)"});
  EXPECT_EQ(Events(ClientFrame(2, "abc").substr(0, 2)), List{"error(1003)"});
  WebSocket::Options options;
  options.binary = true;
  EXPECT_EQ(Events(ClientFrame(2, "\xFF\xFE"), options), List{"binary(\xFF\xFE)"});
  EXPECT_EQ(Events(ClientFrame(2, "\xFF", {.fin = false}) + LastPart("\xC3"), options),
            List{"binary(\xFF\xC3)"});
  EXPECT_EQ(Events(TextPart("\xC3") + LastPart("\xA4") + ClientFrame(2, "\xC3"), options),
            (List{"text(ä)", "binary(\xC3)"}));
}

TEST(WebSocket, CloseCodes) {
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                         3000, 3001, 3999, 4000, 4999}) {
    EXPECT_EQ(Events(Close(code, "bye")), List{absl::StrCat("close(", code, ",bye)")}) << code;
  }
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    EXPECT_EQ(Events(Close(code)), List{"error(1002)"}) << code;
  }
}

TEST(WebSocket, ClosePayloads) {
  const std::string longest(123, 'r');
  Check({
      {"none", ClientFrame(8, ""), {"close(1005,)"}},
      {"one byte", ClientFrame(8, "\x03"), {"error(1002)"}},
      {"code only", Close(1000), {"close(1000,)"}},
      {"longest reason", Close(1000, longest), {absl::StrCat("close(1000,", longest, ")")}},
      {"reason is UTF-8", Close(1000, "grüße"), {"close(1000,grüße)"}},
      {"reason is not UTF-8", Close(1000, "\xCE\xBA\xED\xA0\x80"), {"error(1007)"}},
      {"reason ends within a character", Close(1000, "\xE2\x82"), {"error(1007)"}},
      {"what follows is ignored",
       Close(1000) + Text("a") + Ping("b") + "garbage",
       {"close(1000,)"}},
      {"what follows an error is ignored", ClientFrame(3, "") + Text("a"), {"error(1002)"}},
  });
}

// Valid and invalid sequences, from the suites that everybody uses.
const char* const kValidUtf8[] = {"",
                                  "Hello",
                                  "\u00B5@\u00DF\u00F6",
                                  "\xCE\xBA\xE1\xBD\xB9",
                                  "\x7F",
                                  "\xC2\x80",
                                  "\xDF\xBF",
                                  "\xE0\xA0\x80",
                                  "\xED\x9F\xBF",
                                  "\xEE\x80\x80",
                                  "\xEF\xBF\xBD",
                                  "\xEF\xBF\xBF",
                                  "\xF0\x90\x80\x80",
                                  "\xF3\xBF\xBF\xBF",
                                  "\xF4\x8F\xBF\xBF",
                                  "a\xF0\x9F\x98\x80z"};
const char* const kInvalidUtf8[] = {"\x80",
                                    "\xBF",
                                    "\xC0\x80",
                                    "\xC0\xAF",
                                    "\xC1\xBF",
                                    "\xC3",
                                    "\xC3(",
                                    "\xE2\x82",
                                    "\xE2(\xA1",
                                    "\xE0\x80\xAF",
                                    "\xE0\x9F\xBF",
                                    "\xED\xA0\x80",
                                    "\xED\xBF\xBF",
                                    "\xF0\x80\x80\xAF",
                                    "\xF0\x8F\xBF\xBF",
                                    "\xF0\x9F\x98",
                                    "\xF4\x90\x80\x80",
                                    "\xF5\x80\x80\x80",
                                    "\xF8\x88\x80\x80\x80",
                                    "\xFE",
                                    "\xFF",
                                    "abc\xFF"
                                    "def",
                                    "\xCE\xBA\xE1\xBD\xB9\xED\xA0\x80x"};

TEST(WebSocket, TextIsUtf8HoweverItIsFragmented) {
  for (const std::string text : kValidUtf8) {
    EXPECT_EQ(Events(Text(text)), List{absl::StrCat("text(", text, ")")});
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      EXPECT_EQ(Events(TextPart(text.substr(0, cut)) + Ping("") + LastPart(text.substr(cut))),
                (List{"ping()", absl::StrCat("text(", text, ")")}))
          << cut;
    }
    std::string bytes = TextPart("");
    for (const char c : text) bytes += Part(std::string(1, c));
    EXPECT_EQ(Events(bytes + LastPart("")), List{absl::StrCat("text(", text, ")")});
  }
}

TEST(WebSocket, TextThatIsNotUtf8IsAnErrorHoweverItIsFragmented) {
  for (const std::string text : kInvalidUtf8) {
    EXPECT_EQ(Events(Text(text)), List{"error(1007)"}) << text;
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      EXPECT_EQ(Events(TextPart(text.substr(0, cut)) + LastPart(text.substr(cut))),
                List{"error(1007)"})
          << text << " " << cut;
      EXPECT_EQ(Events(TextPart(text.substr(0, cut)) + Part(text.substr(cut)) + LastPart("")),
                List{"error(1007)"})
          << text << " " << cut;
    }
  }
}

TEST(WebSocket, BadUtf8IsAnErrorAsSoonAsItIsSeen) {
  const std::string frame = TextPart(
      "ab\xFF"
      "cdefgh");
  EXPECT_EQ(Events(frame.substr(0, frame.size() - 6)), List{"error(1007)"});
  EXPECT_EQ(Events(frame.substr(0, frame.size() - 7)), List{});
}

TEST(WebSocket, ALaterTextBeginsAfresh) {
  EXPECT_EQ(Events(TextPart("\xE2\x82") + LastPart("\xAC") + Text("ok") + TextPart("\xC3") +
                   LastPart("\xA4")),
            (List{"text(€)", "text(ok)", "text(ä)"}));
}

TEST(WebSocket, MakesControlFrames) {
  EXPECT_EQ(PingFrame(), std::string("\x89\x00", 2));
  EXPECT_EQ(PongFrame("ab"),
            "\x8A\x02"
            "ab");
  EXPECT_EQ(CloseFrame(1000, ""), "\x88\x02\x03\xE8");
  EXPECT_EQ(CloseFrame(3008, "{}"), "\x88\x04\x0B\xC0{}");
  EXPECT_EQ(CloseFrame(1005, "ignored"), std::string("\x88\x00", 2));
}

}  // namespace
}  // namespace spanwire::bridge
