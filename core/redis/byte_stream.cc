#include "core/redis/byte_stream.h"

#include <array>
#include <string>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/write.hpp>

#include "absl/strings/str_cat.h"
#include "core/base/executor.h"
#include "core/base/limits.h"

namespace spanwire::redis {
namespace {

// A tcp or unix socket. Its handlers share this state; once the listener is gone from it, they do
// nothing.
struct Socket : std::enable_shared_from_this<Socket> {
  Socket(base::Loop* loop, ByteStream::Listener* listener)
      : resolver(loop->io()), tcp(loop->io()), socket(loop->io()), listener(listener) {}

  void Connect(const base::Address& address);
  void Resolve(const base::Address& address);
  void OnConnected(const asio::error_code& error);
  void Read();
  void Write(absl::string_view bytes);
  void End(absl::string_view what, absl::string_view why);
  void Close();

  asio::ip::tcp::resolver resolver;
  asio::ip::tcp::socket tcp;  // while connecting by tcp
  asio::generic::stream_protocol::socket socket;
  ByteStream::Listener* listener;
  base::Executor::Timer deadline;
  std::array<char, limits::kRedisReadBytes> buffer;
};

void Socket::Connect(const base::Address& address) {
  if (!address.unix_socket) return Resolve(address);
  const asio::local::stream_protocol::endpoint endpoint(address.host_or_path);
  socket.async_connect(endpoint, [self = shared_from_this()](const asio::error_code& error) {
    self->OnConnected(error);
  });
}

void Socket::Resolve(const base::Address& address) {
  const auto connect = [self = shared_from_this()](
                           const asio::error_code& error,
                           const asio::ip::tcp::resolver::results_type& found) {
    if (self->listener == nullptr) return;
    if (error) return self->End("the name cannot be resolved", error.message());
    asio::async_connect(self->tcp, found,
                        [self](const asio::error_code& error, const asio::ip::tcp::endpoint&) {
                          asio::error_code ignored;
                          self->tcp.set_option(asio::ip::tcp::no_delay(true), ignored);
                          self->tcp.set_option(asio::socket_base::keep_alive(true), ignored);
                          self->socket = std::move(self->tcp);
                          self->OnConnected(error);
                        });
  };
  // A number is not looked up: the resolver would start a thread for it.
  asio::error_code not_a_number;
  const asio::ip::address number = asio::ip::make_address(address.host_or_path, not_a_number);
  if (!not_a_number) {
    const asio::ip::tcp::endpoint endpoint(number, address.port);
    connect({}, asio::ip::tcp::resolver::results_type::create(endpoint, address.host_or_path, ""));
  } else {
    resolver.async_resolve(address.host_or_path, absl::StrCat(address.port), connect);
  }
}

void Socket::OnConnected(const asio::error_code& error) {
  if (listener == nullptr) return;
  if (error) return End("no connection", error.message());
  deadline.reset();
  listener->OnConnected();
  Read();
}

void Socket::Read() {
  if (listener == nullptr) return;
  socket.async_read_some(asio::buffer(buffer),
                         [self = shared_from_this()](const asio::error_code& error, size_t size) {
                           if (self->listener == nullptr) return;
                           if (error) return self->End("connection lost", error.message());
                           self->listener->OnBytes(absl::string_view(self->buffer.data(), size));
                           self->Read();
                         });
}

void Socket::Write(absl::string_view bytes) {
  asio::async_write(socket, asio::buffer(bytes.data(), bytes.size()),
                    [self = shared_from_this()](const asio::error_code& error, size_t) {
                      if (self->listener == nullptr) return;
                      if (error) return self->End("connection lost", error.message());
                      self->listener->OnWritten();
                    });
}

void Socket::End(absl::string_view what, absl::string_view why) {
  ByteStream::Listener* const told = listener;
  Close();
  told->OnEnd(absl::UnavailableError(absl::StrCat(what, ": ", why)));
}

void Socket::Close() {
  listener = nullptr;
  deadline.reset();
  asio::error_code ignored;
  resolver.cancel();
  tcp.close(ignored);
  socket.close(ignored);
}

class SocketStream final : public ByteStream {
 public:
  explicit SocketStream(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}
  ~SocketStream() override { socket_->Close(); }

  void Write(absl::string_view bytes) override { socket_->Write(bytes); }

 private:
  const std::shared_ptr<Socket> socket_;
};

}  // namespace

std::unique_ptr<ByteStream> ByteStream::Open(base::Loop* loop, const base::Address& address,
                                             absl::Duration timeout, Listener* listener) {
  auto socket = std::make_shared<Socket>(loop, listener);
  auto stream = std::make_unique<SocketStream>(socket);
  socket->deadline = loop->After(timeout, [socket = socket.get(), timeout] {
    socket->End("no connection", absl::StrCat("not within ", absl::FormatDuration(timeout)));
  });
  socket->Connect(address);
  return stream;
}

}  // namespace spanwire::redis
