#include "bridge/socket.h"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <linux/sockios.h>

#include "tests/support/wire_client.h"

namespace spanwire::bridge {
namespace {

using base::FileDescriptor;

constexpr size_t kMore = 32 << 20;  // than any kernel takes for one socket

struct Pair {
  FileDescriptor ours;
  FileDescriptor peers;
};

// The peer's kernel takes little before the peer reads.
Pair TcpPair() {
  const FileDescriptor listening(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(listening.get(), generic, size), 0);
  EXPECT_EQ(::listen(listening.get(), 1), 0);
  EXPECT_EQ(::getsockname(listening.get(), generic, &size), 0);
  Pair pair;
  pair.peers = FileDescriptor(::socket(AF_INET, SOCK_STREAM, 0));
  const int little = 4'096;
  ::setsockopt(pair.peers.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
  EXPECT_EQ(::connect(pair.peers.get(), generic, size), 0);
  pair.ours = FileDescriptor(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK));
  return pair;
}

Pair UnixPair() {
  std::array<int, 2> fds = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
  return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

class SocketTest : public ::testing::TestWithParam<Pair (*)()>,
                   public FlushList,
                   public Socket::Handler {
 protected:
  SocketTest() {
    Pair pair = GetParam()();
    ours_ = pair.ours.get();
    peer_ = std::move(pair.peers);
    socket_ = std::make_shared<Socket>(io_, std::move(pair.ours), this, this);
  }
  ~SocketTest() override { socket_->Close(false); }

  absl::Duration now() const override { return now_; }
  absl::Span<char> read_buffer() override { return absl::MakeSpan(buffer_); }
  void OnTraffic(size_t, size_t) override {}
  void OnBytes(absl::Span<char>) override {}
  void OnEnd() override {}
  void OnBroken() override { broken_ = true; }
  void OnWritable() override {}

  void Push(size_t bytes) {
    socket_->queue().Push(std::string(bytes, 'x'));
    ASSERT_TRUE(socket_->Flush());
  }
  int Held() const {
    int held = -1;
    ::ioctl(ours_, SIOCOUTQ, &held);
    return held;
  }
  // The peer takes up to 1 KB.
  void ReadSome() {
    std::array<char, 1'024> some;
    ::recv(peer_.get(), some.data(), some.size(), MSG_DONTWAIT);
    std::this_thread::yield();
  }

  asio::io_context io_;
  absl::Duration now_;
  std::array<char, 64> buffer_;
  int ours_ = -1;
  FileDescriptor peer_;
  std::shared_ptr<Socket> socket_;
  bool broken_ = false;
};

TEST_P(SocketTest, WhatThePeerTakesFromAFullBufferIsProgress) {
  Push(kMore);
  const size_t waiting = socket_->queue().bytes();
  ASSERT_GT(waiting, 0u);
  // What was under way has arrived.
  ASSERT_TRUE(test::Eventually([&] {
    now_ += absl::Seconds(20);
    return socket_->StalledFor() >= absl::Seconds(20);
  }));
  now_ += absl::Seconds(20);
  ASSERT_TRUE(test::Eventually([&] {
    ReadSome();
    return socket_->StalledFor() == absl::ZeroDuration();
  }));
  EXPECT_EQ(socket_->alive_at(), now_);
  EXPECT_EQ(socket_->queue().bytes(), waiting) << "the kernel took nothing more";
}

TEST_P(SocketTest, APeerThatTakesNothingStalls) {
  Push(kMore);
  EXPECT_EQ(socket_->StalledFor(), absl::ZeroDuration());
  // Not by what was under way.
  ASSERT_TRUE(test::Eventually([&] {
    now_ += absl::Seconds(1);
    io_.poll();
    return socket_->StalledFor() >= absl::Seconds(15);
  }));
}

TEST_P(SocketTest, AnEmptyQueueIsWatchedToo) {
  Push(100'000);
  ASSERT_TRUE(socket_->queue().empty());
  now_ = absl::Seconds(30);
  ASSERT_TRUE(test::Eventually([&] {
    ReadSome();
    socket_->Watch();
    return socket_->alive_at() == now_;
  }));
  EXPECT_EQ(socket_->StalledFor(), absl::ZeroDuration());
}

TEST_P(SocketTest, WhatArrivesAltogetherProvesNothing) {
  Push(1);
  now_ = absl::Seconds(30);
  socket_->Watch();
  std::array<char, 1> all;
  ASSERT_EQ(::recv(peer_.get(), all.data(), all.size(), MSG_WAITALL), 1);
  ASSERT_TRUE(test::Eventually([&] { return Held() == 0; }));
  socket_->Watch();
  EXPECT_EQ(socket_->alive_at(), absl::ZeroDuration());
}

INSTANTIATE_TEST_SUITE_P(Kinds, SocketTest, ::testing::Values(&TcpPair, &UnixPair),
                         [](const auto& info) { return info.index == 0 ? "Tcp" : "Unix"; });

}  // namespace
}  // namespace spanwire::bridge
