#include "tests/support/wire_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace spanwire::test {
namespace {

constexpr int kDeadlineMs = 20'000;

bool Connect(int fd, const base::Address& address) {
  if (address.unix_socket) {
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, address.host_or_path.c_str(), sizeof(name.sun_path) - 1);
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0;
  }
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_port = htons(address.port);
  ::inet_pton(AF_INET, address.host_or_path.c_str(), &name.sin_addr);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0;
}

}  // namespace

WireClient::WireClient(const base::Address& address, int receive_buffer_bytes)
    : fd_(::socket(address.unix_socket ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer_bytes > 0) {
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                 sizeof(receive_buffer_bytes));
  }
  if (!Connect(fd_.get(), address)) fd_.Close();
}

bool WireClient::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

size_t WireClient::SendSome(absl::string_view bytes) {
  const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent > 0 ? static_cast<size_t>(sent) : 0;
}

bool WireClient::Receive() {
  pollfd poll = {fd_.get(), POLLIN, 0};
  if (ended_ || ::poll(&poll, 1, kDeadlineMs) <= 0) return false;
  char buffer[65'536];
  const ssize_t got = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
  if (got <= 0) {
    ended_ = true;
    return false;
  }
  received_.append(buffer, static_cast<size_t>(got));
  return true;
}

std::string WireClient::ReadUntil(absl::FunctionRef<bool(absl::string_view)> enough) {
  while (!enough(received_) && Receive()) {
  }
  return std::exchange(received_, std::string());
}

std::string WireClient::ReadAll() {
  return ReadUntil([](absl::string_view) { return false; });
}

void WireClient::ShutdownWrite() { ::shutdown(fd_.get(), SHUT_WR); }

std::string WireClient::Get(absl::string_view target, absl::string_view headers) {
  return absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: localhost\r\n", headers, "\r\n");
}

std::string WireClient::Upgrade(absl::string_view target, absl::string_view headers) {
  Send(Get(target,
           absl::StrCat("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                        headers)));
  size_t end = std::string::npos;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!Receive()) return std::exchange(received_, std::string());
  }
  std::string head = received_.substr(0, end + 4);
  received_.erase(0, end + 4);
  return head;
}

WireClient::Frame WireClient::ReadFrame() {
  const auto byte = [this](size_t i) { return static_cast<uint8_t>(received_[i]); };
  for (;;) {
    size_t head = 2;
    if (received_.size() >= head) {
      uint64_t length = byte(1) & 0x7F;
      head += length == 126 ? 2 : length == 127 ? 8 : 0;
      if (received_.size() >= head) {
        if (head > 2) length = 0;
        for (size_t i = 2; i < head; ++i) length = length << 8 | byte(i);
        if (received_.size() >= head + length) {
          Frame frame{byte(0) & 0x0F, (byte(0) & 0x80) != 0, received_.substr(head, length)};
          received_.erase(0, head + length);
          return frame;
        }
      }
    }
    if (!Receive()) return Frame();
  }
}

uint16_t WireClient::Frame::code() const {
  if (payload.size() < 2) return 1005;
  return static_cast<uint16_t>(static_cast<uint8_t>(payload[0]) << 8 |
                               static_cast<uint8_t>(payload[1]));
}

std::string WireClient::Frame::reason() const {
  return payload.size() < 2 ? "" : payload.substr(2);
}

bool Eventually(absl::FunctionRef<bool()> condition) {
  for (int i = 0; i < kDeadlineMs / 5; ++i) {
    if (condition()) return true;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return condition();
}

}  // namespace spanwire::test
