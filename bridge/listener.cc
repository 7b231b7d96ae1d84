#include "bridge/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <asio/posix/stream_descriptor.hpp>

#include "bridge/http.h"
#include "bridge/listener_bind.h"
#include "core/base/limits.h"
#include "core/base/log.h"

namespace spanwire::bridge {

// The listening socket in the loop; Asio's handlers share it, so they never outlive what they use.
class Listener::Acceptor : public std::enable_shared_from_this<Listener::Acceptor> {
 public:
  Acceptor(base::Loop* loop, Listener* listener, FileDescriptor fd, std::string unlink_path)
      : descriptor_(loop->io(), fd.Release()),
        listener_(listener),
        unlink_path_(std::move(unlink_path)) {}

  int fd() { return descriptor_.native_handle(); }

  void Wait() {
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const asio::error_code& error) {
                             if (!error && self->listener_ != nullptr)
                               self->listener_->OnReadable();
                           });
  }

  void Close() {
    listener_ = nullptr;
    if (!unlink_path_.empty()) ::unlink(unlink_path_.c_str());
    asio::error_code ignored;
    descriptor_.close(ignored);
  }

 private:
  asio::posix::stream_descriptor descriptor_;
  Listener* listener_;
  const std::string unlink_path_;
};

namespace {

FileDescriptor OpenSpare() { return FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

int Accept(int fd) { return ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }

bool IsExhaustion(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Listener::Listener(base::Loop* loop, std::vector<ConnectionLoop*> loops, size_t connections)
    : loop_(loop), loops_(std::move(loops)), connections_(connections) {}

Listener::~Listener() { Stop(); }

absl::Status Listener::Start(const base::Address& address) {
  absl::StatusOr<BoundSocket> bound = BindAndListen(address);
  if (!bound.ok()) return bound.status();
  address_ = bound->address;
  spare_ = OpenSpare();
  acceptor_ = std::make_shared<Acceptor>(loop_, this, std::move(bound->fd),
                                         address_.unix_socket ? address_.host_or_path : "");
  acceptor_->Wait();
  return absl::OkStatus();
}

void Listener::Stop() {
  if (acceptor_ == nullptr) return;
  acceptor_->Close();
  acceptor_.reset();
  pause_.reset();
  spare_.Close();
}

void Listener::OnReadable() {
  bool more = true;
  for (size_t i = 0; more && i < limits::kAcceptBatch; ++i) {
    if (AcceptOne(&more)) continue;
    base::LogWarning("cannot accept connections", {{"retry_in", limits::kAcceptPause}});
    pause_ = loop_->After(limits::kAcceptPause, [this] { acceptor_->Wait(); });
    return;
  }
  acceptor_->Wait();
}

bool Listener::AcceptOne(bool* more) {
  FileDescriptor fd(Accept(acceptor_->fd()));
  if (fd.valid()) {
    Deal(std::move(fd));
    return true;
  }
  if (IsExhaustion(errno)) return RefuseWithSpare();
  // Everything else is the one client's failure (ECONNABORTED, EPROTO …), or there is nobody
  // (EAGAIN).
  *more = errno != EAGAIN && errno != EWOULDBLOCK;
  return true;
}

// Gives up the spare descriptor to take one client out of the queue and to tell it.
bool Listener::RefuseWithSpare() {
  if (spare_.valid()) {
    spare_.Close();
    FileDescriptor fd(Accept(acceptor_->fd()));
    if (fd.valid()) Refuse(std::move(fd));
  }
  spare_ = OpenSpare();
  return spare_.valid();
}

void Listener::Refuse(FileDescriptor fd) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  base::LogWarning("connection refused: too many");
  Response response = ErrorResponse(503, "too many connections");
  response.headers = {{"Retry-After", "1"}};
  const std::string bytes = SerializeResponse(response, false, false, loop_->Now());
  // What the client already sent is read, or closing would reset the connection and destroy the
  // answer.
  char unread[limits::kSocketReadBytes];
  while (::recv(fd.get(), unread, sizeof(unread), MSG_DONTWAIT) > 0) {
  }
  ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(fd.get(), SHUT_WR);
}

void Listener::Deal(FileDescriptor fd) {
  size_t connections = 0;
  for (const ConnectionLoop* loop : loops_) connections += loop->connections();
  if (connections >= connections_) return Refuse(std::move(fd));
  accepted_.fetch_add(1, std::memory_order_relaxed);
  if (!address_.unix_socket) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  loops_[next_loop_++ % loops_.size()]->Adopt(std::move(fd));
}

}  // namespace spanwire::bridge
