// What is said on a fresh connection before it counts as up: AUTH where there is a password, then
// the server's version, then PING, which Redis refuses while it loads its data. A pure machine:
// replies in, commands out.
//
// Owner: a Connection. Thread: its loop's.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/redis/reply.h"

namespace spanwire::redis {

class Handshake {
 public:
  Handshake(std::string username, std::string password);

  // What to send now and, after each OnReply that left it unfinished, next. Valid until the next
  // OnReply.
  std::vector<absl::string_view> command() const;
  // The answer to the command.
  //   UNAUTHENTICATED      Redis refuses user or password, or wants some
  //   PERMISSION_DENIED    the user may not do what every client needs (INFO, PING)
  //   FAILED_PRECONDITION  not a Redis ≥ 7.0
  //   UNAVAILABLE          it cannot serve now (LOADING, a script that runs and runs): try again
  absl::Status OnReply(const Reply& reply);
  bool done() const { return step_ == Step::kDone; }
  // Of the server, once it is known: "7.0.15".
  const std::string& version() const { return version_; }

 private:
  enum class Step { kAuth, kInfo, kPing, kDone };

  absl::Status OnInfo(const Reply& reply);

  const std::string username_;
  const std::string password_;
  Step step_;
  std::string version_;
};

}  // namespace spanwire::redis
