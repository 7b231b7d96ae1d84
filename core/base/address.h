// Where something listens or is reached: host:port, [v6]:port or unix:/path.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace spanwire::base {

struct Address {
  bool unix_socket = false;
  std::string host_or_path;  // without brackets; of a unix socket the path
  uint16_t port = 0;         // 0 on TCP: the system chooses one

  // The host is a name or a number, never empty; the path is absolute and fits a sockaddr_un (107
  // bytes). Errors (INVALID_ARGUMENT) name what is wrong and quote the text.
  static absl::StatusOr<Address> Parse(absl::string_view text);

  // As Parse reads it.
  std::string ToString() const;
  // Reached from this machine only: 127.0.0.0/8, ::1, the name localhost, or a unix socket. Other
  // names are not looked up.
  bool IsLocal() const;

  bool operator==(const Address& other) const = default;
};

}  // namespace spanwire::base
