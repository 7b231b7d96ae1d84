#include "bridge/listener.h"

#include <sys/socket.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/http.h"
#include "core/base/limits.h"

namespace spanwire::bridge {

Listener::Listener(base::Loop* loop, std::vector<ConnectionLoop*> loops, size_t connections)
    : loop_(loop), loops_(std::move(loops)), connections_(connections), acceptor_(loop, this) {}

Listener::~Listener() = default;

bool Listener::Admits(const base::FileDescriptor&) {
  size_t connections = 0;
  for (const ConnectionLoop* loop : loops_) connections += loop->connections();
  return connections < connections_;
}

void Listener::OnConnection(base::FileDescriptor fd) {
  loops_[next_loop_++ % loops_.size()]->Adopt(std::move(fd));
}

void Listener::OnRefused(const base::FileDescriptor& fd) {
  Response response = ErrorResponse(503, "too many connections");
  response.headers.emplace_back("Retry-After", "1");
  const std::string bytes =
      absl::StrCat(SerializeHead(response, false, loop_->Now()), response.body);
  // What the client already sent is read, or closing would reset the connection and destroy the
  // answer.
  char unread[limits::kSocketReadBytes];
  while (::recv(fd.get(), unread, sizeof(unread), MSG_DONTWAIT) > 0) {
  }
  ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(fd.get(), SHUT_WR);
}

}  // namespace spanwire::bridge
