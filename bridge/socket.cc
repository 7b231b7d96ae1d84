#include "bridge/socket.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <linux/sockios.h>

#include "core/base/limits.h"

namespace spanwire::bridge {

Socket::Socket(asio::io_context& io, base::FileDescriptor fd, FlushList* shared, Handler* handler)
    : descriptor_(io), shared_(shared), handler_(handler) {
  progress_at_ = alive_at_ = shared_->now();
  asio::error_code error;
  descriptor_.assign(fd.get(), error);
  if (error) {
    handler_ = nullptr;  // `fd` closes it
  } else {
    fd.Release();
  }
}

Socket::~Socket() { Close(false); }

void Socket::SetReading(bool reading) {
  reading_ = reading;
  if (reading_ && !waiting_readable_ && open()) WaitReadable();
}

void Socket::WaitReadable() {
  waiting_readable_ = true;
  descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](const asio::error_code& error) {
                           self->waiting_readable_ = false;
                           if (!error && self->open()) self->OnReadable();
                         });
}

void Socket::OnReadable() {
  if (!reading_) return;
  const absl::Span<char> buffer = shared_->read_buffer();
  const ssize_t got = ::recv(descriptor_.native_handle(), buffer.data(), buffer.size(), 0);
  if (got == 0) return handler_->OnEnd();
  if (got < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return handler_->OnBroken();
  } else {
    SetAlive();
    shared_->OnTraffic(static_cast<size_t>(got), 0);
    handler_->OnBytes(buffer.first(static_cast<size_t>(got)));
  }
  if (open() && reading_) WaitReadable();
}

bool Socket::Flush() {
  if (blocked_) return true;
  progress_at_ = shared_->now();
  return Write();
}

bool Socket::Write() {
  iovec buffers[limits::kSocketBuffers];
  while (open() && !blocked_ && !queue_.empty()) {
    msghdr message = {};
    message.msg_iov = buffers;
    message.msg_iovlen = queue_.Gather(buffers, limits::kSocketBuffers);
    // As writev, but without SIGPIPE.
    const ssize_t sent = ::sendmsg(descriptor_.native_handle(), &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      queue_.Consume(static_cast<size_t>(sent));
      progress_at_ = shared_->now();
      shared_->OnTraffic(0, static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      blocked_ = true;
      WaitWritable();
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void Socket::WaitWritable() {
  descriptor_.async_wait(asio::posix::stream_descriptor::wait_write,
                         [self = shared_from_this()](const asio::error_code& error) {
                           if (error || !self->open()) return;
                           self->blocked_ = false;
                           const size_t before = self->queue_.bytes();
                           if (!self->Write()) return self->handler_->OnBroken();
                           if (self->queue_.bytes() == before) return;
                           self->SetAlive();
                           self->handler_->OnWritable();
                         });
}

void Socket::SetAlive() {
  alive_at_ = shared_->now();
  held_ = 0;
}

void Socket::Watch() {
  int held = 0;
  if (!open() || ::ioctl(descriptor_.native_handle(), SIOCOUTQ, &held) != 0) return;
  if (0 < held && held < held_) {
    progress_at_ = shared_->now();
    SetAlive();
  }
  held_ = held;
}

absl::Duration Socket::StalledFor() {
  if (queue_.empty() || !blocked_) return absl::ZeroDuration();
  Watch();
  return shared_->now() - progress_at_;
}

void Socket::ShutdownWrite() {
  if (open()) ::shutdown(descriptor_.native_handle(), SHUT_WR);
}

void Socket::Close(bool abort) {
  handler_ = nullptr;
  if (!descriptor_.is_open()) return;
  if (abort) {
    const linger reset = {1, 0};
    ::setsockopt(descriptor_.native_handle(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  asio::error_code ignored;
  descriptor_.close(ignored);
  queue_ = SocketQueue();
}

}  // namespace spanwire::bridge
