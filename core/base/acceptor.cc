#include "core/base/acceptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>

#include <asio/posix/stream_descriptor.hpp>

#include "core/base/limits.h"
#include "core/base/listen_socket.h"
#include "core/base/log.h"

namespace spanwire::base {

// The listening socket in the loop; Asio's handlers share it, so they never outlive what they use.
class Acceptor::Listening : public std::enable_shared_from_this<Acceptor::Listening> {
 public:
  Listening(Loop* loop, Acceptor* owner, FileDescriptor fd, std::string unlink_path)
      : descriptor_(loop->io(), fd.Release()),
        owner_(owner),
        unlink_path_(std::move(unlink_path)) {}

  int fd() { return descriptor_.native_handle(); }

  void Wait() {
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const asio::error_code& error) {
                             if (!error && self->owner_ != nullptr) self->owner_->OnReadable();
                           });
  }

  void Close() {
    owner_ = nullptr;
    if (!unlink_path_.empty()) ::unlink(unlink_path_.c_str());
    asio::error_code ignored;
    descriptor_.close(ignored);
  }

 private:
  asio::posix::stream_descriptor descriptor_;
  Acceptor* owner_;
  const std::string unlink_path_;
};

namespace {

FileDescriptor OpenSpare() { return FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

FileDescriptor Accept(int fd) {
  return FileDescriptor(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

bool IsExhaustion(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Acceptor::Acceptor(Loop* loop, Handler* handler) : loop_(loop), handler_(handler) {}

Acceptor::~Acceptor() { Stop(); }

absl::Status Acceptor::Start(const Address& address) {
  absl::StatusOr<BoundSocket> bound = BindAndListen(address);
  if (!bound.ok()) return bound.status();
  address_ = bound->address;
  spare_ = OpenSpare();
  listening_ = std::make_shared<Listening>(loop_, this, std::move(bound->fd),
                                           address_.unix_socket ? address_.host_or_path : "");
  listening_->Wait();
  return absl::OkStatus();
}

void Acceptor::Stop() {
  if (listening_ == nullptr) return;
  listening_->Close();
  listening_.reset();
  pause_.reset();
  spare_.Close();
}

void Acceptor::OnReadable() {
  bool more = true;
  for (size_t i = 0; more && i < limits::kAcceptBatch; ++i) {
    if (AcceptOne(&more)) continue;
    LogWarning("cannot accept connections", {{"retry_in", limits::kAcceptPause}});
    pause_ = loop_->After(limits::kAcceptPause, [this] { listening_->Wait(); });
    return;
  }
  listening_->Wait();
}

bool Acceptor::AcceptOne(bool* more) {
  FileDescriptor fd = Accept(listening_->fd());
  if (!fd.valid()) {
    if (IsExhaustion(errno)) return RefuseWithSpare();
    // Everything else is the one client's failure (ECONNABORTED, EPROTO …), or there is nobody
    // (EAGAIN).
    *more = errno != EAGAIN && errno != EWOULDBLOCK;
    return true;
  }
  if (!handler_->Admits(fd)) {
    Refuse(fd);
    return true;
  }
  accepted_.fetch_add(1, std::memory_order_relaxed);
  if (!address_.unix_socket) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  handler_->OnConnection(std::move(fd));
  return true;
}

// Gives up the spare descriptor to take one client out of the queue and to tell it.
bool Acceptor::RefuseWithSpare() {
  if (spare_.valid()) {
    spare_.Close();
    const FileDescriptor fd = Accept(listening_->fd());
    if (fd.valid()) Refuse(fd);
  }
  spare_ = OpenSpare();
  return spare_.valid();
}

void Acceptor::Refuse(const FileDescriptor& fd) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  LogWarning("connection refused: too many");
  handler_->OnRefused(fd);
}

}  // namespace spanwire::base
