// Makes a listening socket from an address, TCP or unix.
//
// Thread safety: stateless.
#pragma once

#include "absl/status/statusor.h"
#include "core/base/address.h"
#include "core/base/file_descriptor.h"

namespace spanwire::base {

struct BoundSocket {
  FileDescriptor fd;  // non-blocking
  Address address;    // with the port that the system chose
};

// As Acceptor::Start says. A host name is looked up (blocking); its first address that can be bound
// counts.
absl::StatusOr<BoundSocket> BindAndListen(const Address& address);

}  // namespace spanwire::base
