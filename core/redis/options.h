// Where Redis is and how to speak to it: one value, read from a URL.
//
// Thread safety: a plain value.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/address.h"
#include "core/base/limits.h"

namespace spanwire::redis {

struct RedisOptions {
  base::Address address;
  // An ACL user; empty with a password: the user "default". No password: AUTH is not sent.
  std::string username;
  std::string password;
  // The most that one command may take; also the silence after which a subscriber gives its
  // connection up.
  absl::Duration timeout = limits::kRedisTimeout;

  // redis://[user:password@]host[:port] (port 6379 unless given) | unix://[user:password@]/path.
  // User and password are percent-decoded. INVALID_ARGUMENT says what is wrong and never quotes
  // user or password.
  static absl::StatusOr<RedisOptions> FromUrl(absl::string_view url);
};

}  // namespace spanwire::redis
