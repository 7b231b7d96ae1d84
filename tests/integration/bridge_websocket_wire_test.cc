// The WebSocket side of connections over real sockets, with the echo server in this process.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/echo_server.h"
#include "tests/support/wire_client.h"

namespace spanwire::test {
namespace {

constexpr int kText = 1;
constexpr int kBinary = 2;
constexpr int kClose = 8;
constexpr int kPing = 9;
constexpr int kPong = 10;

// Short deadlines, small kernel buffers.
EchoServer::Options Quick() {
  EchoServer::Options options;
  options.connection.sweep_interval = absl::Milliseconds(20);
  options.connection.stalled_deadline = absl::Milliseconds(400);
  options.connection.close_deadline = absl::Milliseconds(400);
  options.connection.send_buffer_bytes = 16'384;
  return options;
}

class BridgeWebSocket : public ::testing::Test {
 protected:
  void Start(EchoServer::Options options) {
    server_ = std::make_unique<EchoServer>(std::move(options));
    ASSERT_TRUE(server_->Start().ok());
  }
  std::unique_ptr<WireClient> Open(absl::string_view target = "/echo",
                                   int receive_buffer_bytes = 0) {
    auto client = std::make_unique<WireClient>(server_->address(), receive_buffer_bytes);
    EXPECT_THAT(client->Upgrade(target), ::testing::StartsWith("HTTP/1.1 101 "));
    return client;
  }
  uint64_t Closes(uint16_t code) {
    const auto& codes = bridge::ConnectionCounters::kCloseCodes;
    for (size_t i = 0; i < std::size(codes); ++i) {
      if (codes[i] == code) return server_->connections().counters().closes[i].load();
    }
    return 0;
  }
  void ExpectClose(WireClient& client, int code) {
    const WireClient::Frame frame = client.ReadFrame();
    EXPECT_EQ(frame.opcode, kClose);
    EXPECT_EQ(frame.code(), code);
  }

  std::unique_ptr<EchoServer> server_;
};

TEST_F(BridgeWebSocket, EchoesAndClosesCleanly) {
  Start({});
  const auto client = Open();
  client->Send(ClientFrame(kText, "hello"));
  const WireClient::Frame frame = client->ReadFrame();
  EXPECT_EQ(frame.opcode, kText);
  EXPECT_TRUE(frame.fin);
  EXPECT_EQ(frame.payload, "hello");
  client->Send(ClientFrame(kClose,
                           "\x03\xE8"
                           "bye"));
  const WireClient::Frame close = client->ReadFrame();
  EXPECT_EQ(close.code(), 1000);
  EXPECT_EQ(close.reason(), "bye");
  EXPECT_EQ(client->ReadFrame().opcode, -1);
  EXPECT_TRUE(client->ended());
  client->Close();
  EXPECT_TRUE(Eventually([&] { return server_->connections().connections() == 0; }));
  EXPECT_EQ(server_->site().closed, 1);
  EXPECT_EQ(Closes(1000), 1u);
}

TEST_F(BridgeWebSocket, SpeaksOverAUnixSocketToo) {
  EchoServer::Options options;
  options.address = {true, absl::StrCat(::testing::TempDir(), "/wire_echo.sock"), 0};
  Start(options);
  const auto client = Open();
  client->Send(ClientFrame(kText, "hello"));
  EXPECT_EQ(client->ReadFrame().payload, "hello");
}

TEST_F(BridgeWebSocket, ReadsFramesThatCameWithTheRequest) {
  Start({});
  WireClient client(server_->address());
  client.Send(
      WireClient::Get("/echo",
                      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") +
      ClientFrame(kText, "early") + ClientFrame(kPing, "p"));
  const std::string all =
      client.ReadUntil([](absl::string_view text) { return absl::EndsWith(text, "p"); });
  EXPECT_THAT(all, ::testing::EndsWith("\r\n\r\n\x81\x05"
                                       "early\x8A\x01p"));
}

TEST_F(BridgeWebSocket, FramesSentWithinATurnComeInOrder) {
  Start({});
  const auto client = Open();
  std::string bytes;
  for (int i = 0; i < 500; ++i) bytes += ClientFrame(kText, absl::StrCat(i));
  client->Send(bytes);
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client->ReadFrame().payload, absl::StrCat(i));
}

TEST_F(BridgeWebSocket, OneByteAtATimeIsTheSame) {
  Start({});
  const auto client = Open();
  for (const char c : ClientFrame(kText, "slow", {.fin = false}) + ClientFrame(kPing, "!") +
                          ClientFrame(0, "ly")) {
    ASSERT_TRUE(client->Send(absl::string_view(&c, 1)));
  }
  EXPECT_EQ(client->ReadFrame().opcode, kPong);
  EXPECT_EQ(client->ReadFrame().payload, "slowly");
}

TEST_F(BridgeWebSocket, BrokenProtocolIsClosedWithItsCodeAndAReason) {
  Start({});
  const std::pair<std::string, int> table[] = {
      {ClientFrame(kText, "x", {.masked = false}), 1002},
      {ClientFrame(kText, "x", {.reserved = 4}), 1002},
      {ClientFrame(3, "x"), 1002},
      {ClientFrame(kBinary, "x"), 1003},
      {ClientFrame(kText, "\xFF"), 1007},
      {ClientFrame(kText, std::string(limits::kFrameBytes + 1, 'x')), 1009},
      {ClientFrame(kClose, "\x03\xED"), 1002},
      {ClientFrame(kClose, "x"), 1002},
  };
  for (const auto& [bytes, code] : table) {
    const auto client = Open();
    // The rest of an oversized message comes after the server has had enough; its last words arrive
    // all the same.
    client->Send(bytes);
    client->Send(std::string(100'000, 'z'));
    const WireClient::Frame frame = client->ReadFrame();
    EXPECT_EQ(frame.opcode, kClose);
    EXPECT_EQ(frame.code(), code);
    EXPECT_THAT(frame.reason(), ::testing::HasSubstr(R"("reconnect":false,"after_ms":0})"));
    EXPECT_EQ(client->ReadFrame().opcode, -1);
    EXPECT_TRUE(client->ended());
  }
  EXPECT_TRUE(Eventually([&] { return server_->site().closed == server_->site().opened; }));
}

TEST_F(BridgeWebSocket, ASessionsCloseCarriesItsReasonAndWaitsForTheAnswer) {
  Start({});
  const auto client = Open("/echo?close=3001");
  const WireClient::Frame frame = client->ReadFrame();
  EXPECT_EQ(frame.code(), 3001);
  EXPECT_EQ(frame.reason(), R"({"code":"unavailable","reconnect":true,"after_ms":1500})");
  EXPECT_TRUE(Eventually([&] { return server_->site().closed == 1; }))
      << "the session is gone before the answer";
  client->Send(ClientFrame(kText, "ignored") + ClientFrame(kClose, "\x0B\xB9"));
  EXPECT_EQ(client->ReadFrame().opcode, -1);
  EXPECT_TRUE(client->ended());
}

TEST_F(BridgeWebSocket, APeerThatNeverAnswersACloseIsCutOff) {
  Start(Quick());
  const auto client = Open("/echo?close=3001");
  ExpectClose(*client, 3001);
  EXPECT_EQ(client->ReadFrame().opcode, -1);
  EXPECT_TRUE(client->ended());
  EXPECT_TRUE(Eventually([&] { return server_->connections().connections() == 0; }));
}

TEST_F(BridgeWebSocket, AnEndWithoutCloseEndsTheSession) {
  Start({});
  const auto client = Open();
  client->Close();
  EXPECT_TRUE(Eventually([&] { return server_->site().closed == 1; }));
  EXPECT_TRUE(Eventually([&] { return server_->connections().connections() == 0; }));
  EXPECT_EQ(Closes(1006), 1u);
}

TEST_F(BridgeWebSocket, AClientThatNeverReadsIsFedUpToTheMarkAndThenClosed) {
  Start(Quick());
  const auto client = Open("/echo?flood=100000&bytes=1000", 16'384);
  // 100 MB are asked for; what a mannerly session sends is the mark and what the kernel swallowed.
  EXPECT_TRUE(Eventually([&] { return Closes(3008) == 1; }));
  EXPECT_LT(server_->site().flooded, static_cast<int>(3 * limits::kSocketHighBytes / 1000));
  EXPECT_TRUE(Eventually([&] { return server_->connections().connections() == 0; }));
  EXPECT_EQ(server_->site().closed, 1);
}

TEST_F(BridgeWebSocket, ASlowClientThatReadsAgainInTimeIsToldWhy) {
  EchoServer::Options options = Quick();
  options.connection.close_deadline = absl::Seconds(10);
  Start(options);
  const auto client = Open("/echo?flood=100000&bytes=1000", 16'384);
  ASSERT_TRUE(Eventually([&] { return Closes(3008) == 1; }));
  WireClient::Frame frame;
  do {
    frame = client->ReadFrame();
    if (frame.opcode == kText) {
      ASSERT_EQ(frame.payload, std::string(1000, 'x')) << "a frame that was begun is finished";
    }
  } while (frame.opcode == kText);
  EXPECT_EQ(frame.opcode, kClose);
  EXPECT_EQ(frame.code(), 3008);
  EXPECT_EQ(frame.reason(), R"({"code":"resource_exhausted","reconnect":true,"after_ms":0})");
}

TEST_F(BridgeWebSocket, ASlowClientGetsEverythingOnce) {
  EchoServer::Options options = Quick();
  options.connection.stalled_deadline = absl::Seconds(30);
  Start(options);
  const auto client = Open("/echo?flood=20000&bytes=1000", 16'384);
  ASSERT_TRUE(Eventually([&] { return server_->site().flooded > 1000; }));
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(client->ReadFrame().payload.size(), 1000u) << i;
  EXPECT_GT(server_->site().drained, 5);
  client->Send(ClientFrame(kText, "done"));
  EXPECT_EQ(client->ReadFrame().payload, "done");
}

TEST_F(BridgeWebSocket, ASessionThatIgnoresTheMarksIsCutOff) {
  EchoServer::Options options = Quick();
  options.connection.stalled_deadline = absl::Seconds(30);
  Start(options);
  const auto client = Open("/echo?flood=20000&bytes=1000&rude=1", 16'384);
  EXPECT_TRUE(Eventually([&] { return Closes(3008) == 1; }));
}

TEST_F(BridgeWebSocket, APingFloodByAClientThatNeverReadsCostsNothing) {
  EchoServer::Options options = Quick();
  options.connection.stalled_deadline = absl::Seconds(30);
  Start(options);
  const auto client = Open("/echo", 4'096);
  std::string pings;
  for (int i = 0; i < 2'000; ++i) pings += ClientFrame(kPing, std::string(125, 'p'));
  // The server goes on reading, however much it cannot answer.
  size_t sent = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client->Send(pings));
    sent += pings.size();
  }
  auto& counters = server_->connections().counters();
  ASSERT_TRUE(Eventually([&] { return counters.bytes_in > sent; }));
  // Its answers fill the kernel's buffers and a few pongs; then one of two is thrown away.
  EXPECT_LT(counters.bytes_out, sent / 4);
  client->Send(ClientFrame(kPing, "last"));
  WireClient::Frame frame;
  do frame = client->ReadFrame();
  while (frame.opcode == kPong && frame.payload != "last");
  EXPECT_EQ(frame.payload, "last");
}

TEST_F(BridgeWebSocket, AFewPingsAreAnsweredEach) {
  Start({});
  const auto client = Open();
  std::string pings;
  for (int i = 0; i < 10; ++i) pings += ClientFrame(kPing, absl::StrCat(i));
  client->Send(pings);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client->ReadFrame().payload, absl::StrCat(i));
}

TEST_F(BridgeWebSocket, ASilentPeerIsPingedAndThenClosed) {
  EchoServer::Options options = Quick();
  options.connection.ping_interval = absl::Milliseconds(200);
  options.connection.pong_deadline = absl::Milliseconds(900);
  Start(options);
  const auto client = Open();
  EXPECT_EQ(client->ReadFrame().opcode, kPing);
  client->Send(ClientFrame(kPong, ""));
  EXPECT_EQ(client->ReadFrame().opcode, kPing);
  WireClient::Frame frame;
  do frame = client->ReadFrame();
  while (frame.opcode == kPing);
  EXPECT_EQ(frame.code(), 3012);
  EXPECT_THAT(frame.reason(), ::testing::HasSubstr(R"("reconnect":true)"));
}

TEST_F(BridgeWebSocket, APeerThatAnswersPingsStays) {
  EchoServer::Options options = Quick();
  options.connection.ping_interval = absl::Milliseconds(50);
  options.connection.pong_deadline = absl::Seconds(5);
  Start(options);
  const auto client = Open();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(client->ReadFrame().opcode, kPing);
    client->Send(ClientFrame(kPong, ""));
  }
}

TEST_F(BridgeWebSocket, TakesBinaryWhereItIsAllowed) {
  EchoServer::Options options;
  options.connection.binary = true;
  Start(options);
  const auto client = Open();
  client->Send(ClientFrame(kBinary, std::string("\0\xFF", 2)));
  const WireClient::Frame frame = client->ReadFrame();
  EXPECT_EQ(frame.opcode, kBinary);
  EXPECT_EQ(frame.payload, std::string("\0\xFF", 2));
}

TEST_F(BridgeWebSocket, AThousandConnectionsOnTwoLoops) {
  EchoServer::Options options;
  options.loops = 2;
  Start(options);
  std::vector<std::unique_ptr<WireClient>> clients;
  for (int i = 0; i < 1'000; ++i) {
    clients.push_back(Open());
    ASSERT_TRUE(clients.back()->connected());
  }
  EXPECT_EQ(server_->connections(0).connections(), 500u);
  EXPECT_EQ(server_->connections(1).connections(), 500u);
  for (int i = 0; i < 1'000; ++i) clients[i]->Send(ClientFrame(kText, absl::StrCat(i)));
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(clients[i]->ReadFrame().payload, absl::StrCat(i));
  clients.clear();
  EXPECT_TRUE(Eventually([&] {
    return server_->connections(0).connections() + server_->connections(1).connections() == 0;
  }));
  EXPECT_EQ(server_->site().closed, 1'000);
}

TEST_F(BridgeWebSocket, ADrainingLoopOpensNoneButKeepsTheOpenOnes) {
  Start({});
  const auto client = Open();
  WireClient idle(server_->address());
  idle.Send(WireClient::Get("/index"));
  idle.ReadUntil([](absl::string_view text) { return absl::EndsWith(text, "echo\n"); });
  WireClient late(server_->address());
  late.Send("GET /echo HTTP/1.1\r\n");
  ASSERT_TRUE(Eventually([&] { return server_->connections().connections() == 3; }));
  server_->loop().Post([&] { server_->connections().Drain(absl::Seconds(60)); });
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_TRUE(idle.ended());
  client->Send(ClientFrame(kText, "still here"));
  EXPECT_EQ(client->ReadFrame().payload, "still here");
  WireClient next(server_->address());
  EXPECT_EQ(next.ReadAll(), "");
  EXPECT_TRUE(next.ended());
  EXPECT_EQ(server_->connections().connections(), 1u);
}

TEST_F(BridgeWebSocket, ADrainDoesNotWaitForWhoNeverReads) {
  EchoServer::Options options = Quick();
  options.connection.stalled_deadline = absl::Seconds(60);
  Start(options);
  const auto client = Open("/echo?flood=50&bytes=65536&rude=1", 4'096);
  ASSERT_TRUE(Eventually([&] { return server_->site().flooded == 50; }));
  client->Send(ClientFrame(kClose, "\x03\xE8"));
  ASSERT_TRUE(Eventually([&] { return server_->site().closed == 1; }));
  server_->loop().Post([&] { server_->connections().Drain(absl::Milliseconds(100)); });
  EXPECT_TRUE(Eventually([&] { return server_->connections().connections() == 0; }));
}

}  // namespace
}  // namespace spanwire::test
