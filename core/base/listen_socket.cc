#include "core/base/listen_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include <netdb.h>

#include "absl/strings/str_cat.h"

namespace spanwire::base {
namespace {

constexpr int kBacklog = 1'024;

absl::Status Failure(const Address& address, absl::string_view what, int error) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address.ToString(), ": ", what,
                                             ": ", std::strerror(error)));
}

FileDescriptor NewSocket(int family) {
  return FileDescriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// A socket file that nobody answers on, left by a process that was killed.
bool IsStale(const sockaddr_un& name) {
  struct stat status;
  if (::lstat(name.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const FileDescriptor probe = NewSocket(AF_UNIX);
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0 &&
         errno == ECONNREFUSED;
}

absl::StatusOr<BoundSocket> BindUnix(const Address& address) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  if (address.host_or_path.size() >= sizeof(name.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of ", address.ToString(), " is too long"));
  }
  std::memcpy(name.sun_path, address.host_or_path.c_str(), address.host_or_path.size() + 1);
  if (IsStale(name)) ::unlink(name.sun_path);
  FileDescriptor fd = NewSocket(AF_UNIX);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    return Failure(address, "bind", errno);
  }
  if (::listen(fd.get(), kBacklog) != 0) return Failure(address, "listen", errno);
  return BoundSocket{std::move(fd), address};
}

uint16_t BoundPort(int fd) {
  sockaddr_storage name = {};
  socklen_t size = sizeof(name);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(name).sin6_port
                                          : reinterpret_cast<sockaddr_in&>(name).sin_port);
}

absl::StatusOr<BoundSocket> BindTcp(const Address& address) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(address.host_or_path.c_str(), absl::StrCat(address.port).c_str(),
                                   &hints, &list);
  if (failed != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot resolve ", address.ToString(), ": ", ::gai_strerror(failed)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  absl::Status failure = absl::UnavailableError("no address");
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    FileDescriptor fd = NewSocket(each->ai_family);
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(fd.get(), each->ai_addr, each->ai_addrlen) != 0) {
      failure = Failure(address, "bind", errno);
    } else if (::listen(fd.get(), kBacklog) != 0) {
      failure = Failure(address, "listen", errno);
    } else {
      Address bound = address;
      bound.port = BoundPort(fd.get());
      return BoundSocket{std::move(fd), bound};
    }
  }
  return failure;
}

}  // namespace

absl::StatusOr<BoundSocket> BindAndListen(const Address& address) {
  return address.unix_socket ? BindUnix(address) : BindTcp(address);
}

}  // namespace spanwire::base
