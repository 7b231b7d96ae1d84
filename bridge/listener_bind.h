// Makes a listening socket from an address, TCP or unix.
//
// Thread safety: stateless.
#pragma once

#include "absl/status/statusor.h"
#include "bridge/socket_fd.h"
#include "core/base/address.h"

namespace spanwire::bridge {

struct BoundSocket {
  FileDescriptor fd;      // non-blocking
  base::Address address;  // with the port that the system chose
};

// As Listener::Start says. A host name is looked up (blocking); its first address that can be bound
// counts.
absl::StatusOr<BoundSocket> BindAndListen(const base::Address& address);

}  // namespace spanwire::bridge
