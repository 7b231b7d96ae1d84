#include "tools/load/websocket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace spanwire::tools {
namespace {

constexpr size_t kReadBytes = 256 << 10;
constexpr size_t kControlBytes = 125;
enum Opcode : uint8_t { kText = 1, kClose = 8, kPing = 9 };

// -1: cannot; errno says why.
int Dial(const std::string& address) {
  if (absl::StartsWith(address, "unix:")) {
    sockaddr_un peer{};
    peer.sun_family = AF_UNIX;
    std::strncpy(peer.sun_path, address.c_str() + 5, sizeof(peer.sun_path) - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) == 0 ? fd : -1;
  }
  const size_t colon = address.rfind(':');
  int port = 0;
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  if (colon == address.npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr) != 1) {
    errno = EINVAL;
    return -1;
  }
  peer.sin_port = htons(static_cast<uint16_t>(port));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  return connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) == 0 ? fd : -1;
}

uint64_t BigEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

// A server's frame at the head of `bytes`; size 0: not all of it is there.
struct Frame {
  uint8_t opcode = 0;
  absl::string_view payload;
  size_t size = 0;
};

Frame Parse(absl::string_view bytes) {
  if (bytes.size() < 2) return {};
  const uint8_t code = bytes[1] & 0x7F;
  const size_t extra = code == 127 ? 8 : code == 126 ? 2 : 0;
  if (bytes.size() < 2 + extra) return {};
  const uint64_t length = extra == 0 ? code : BigEndian(bytes.substr(2, extra));
  if (bytes.size() - 2 - extra < length) return {};
  return {static_cast<uint8_t>(bytes[0] & 0x0F), bytes.substr(2 + extra, length),
          2 + extra + length};
}

}  // namespace

WebSocket::~WebSocket() {
  if (fd_ >= 0) close(fd_);
}

bool WebSocket::Fail(std::string error) {
  error_ = std::move(error);
  return false;
}

std::string WebSocket::Connect(const std::string& address, const std::string& target) {
  fd_ = Dial(address);
  if (fd_ < 0) return absl::StrCat("cannot connect to ", address, ": ", std::strerror(errno));
  const std::string request = absl::StrCat(
      "GET ", target,
      " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  if (write(fd_, request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
    return "cannot write the request";
  }
  while (!absl::StrContains(buffer_, "\r\n\r\n")) {
    char bytes[4096];
    const ssize_t got = read(fd_, bytes, sizeof(bytes));
    if (got <= 0) return "the connection ended before the upgrade was answered";
    buffer_.append(bytes, got);
  }
  if (!absl::StartsWith(buffer_, "HTTP/1.1 101 ")) return buffer_.substr(0, buffer_.find('\r'));
  buffer_.erase(0, buffer_.find("\r\n\r\n") + 4);
  fcntl(fd_, F_SETFL, O_NONBLOCK);
  return "";
}

bool WebSocket::Read(const std::function<void(absl::string_view)>& on_text) {
  const size_t old = buffer_.size();
  buffer_.resize(old + kReadBytes);
  const ssize_t got = read(fd_, buffer_.data() + old, kReadBytes);
  buffer_.resize(old + std::max<ssize_t>(got, 0));
  if (got == 0) return Fail("the connection ended without a close frame");
  if (got < 0 && errno != EAGAIN && errno != EINTR) return Fail(std::strerror(errno));

  size_t taken = 0;
  for (Frame frame; (frame = Parse(absl::string_view(buffer_).substr(taken))).size > 0;) {
    taken += frame.size;
    if (frame.opcode == kText) on_text(frame.payload);
    if (frame.opcode == kPing && !Answer(frame.payload)) return false;
    if (frame.opcode == kClose) {
      return Fail(absl::StrCat("closed with ", BigEndian(frame.payload.substr(0, 2)), " ",
                               frame.payload.substr(std::min<size_t>(2, frame.payload.size()))));
    }
  }
  buffer_.erase(0, taken);
  return true;
}

// A pong, masked with zeros as a client's frames must be masked.
bool WebSocket::Answer(absl::string_view ping) {
  if (ping.size() > kControlBytes) return Fail("a ping that is too long");
  std::string pong = {'\x8A', static_cast<char>(0x80 | ping.size()), 0, 0, 0, 0};
  absl::StrAppend(&pong, ping);
  return write(fd_, pong.data(), pong.size()) == static_cast<ssize_t>(pong.size()) ||
         Fail("cannot write a pong");
}

}  // namespace spanwire::tools
