// The operator's listener: GET /metrics, /livez, /readyz over plain HTTP/1.1, one request a
// connection.
//
// It has its own small HTTP so that it answers whatever state the daemon's other loops are in. A
// request's head is bounded (limits::kHeadBytes) and has a deadline (limits::kHeadDeadline); more
// than limits::kAdminConnections at once are closed unanswered. On TCP the Host header must be
// localhost, 127.0.0.1 or [::1], else 421: a web page that was resolved to this machine (DNS
// rebinding) reads nothing.
//
// Owner: the daemon's main. Thread: the admin loop; or before that loop runs.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/base/address.h"
#include "core/base/loop.h"
#include "core/base/metrics.h"
#include "core/base/readiness.h"

namespace spanwire::base {

class AdminServer {
 public:
  // `loop`, `metrics` and `readiness` outlive it.
  AdminServer(Loop* loop, Metrics* metrics, const Readiness* readiness);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Listens on `listen` (an Address, local; or "off": does nothing) and logs the bound address. A
  // unix socket's file is replaced if nobody answers on it, and removed by Stop. Errors:
  // INVALID_ARGUMENT, UNAVAILABLE (address in use …).
  absl::Status Start(absl::string_view listen);
  // Closes the listener and all connections.
  void Stop();

  // The bound address, with the port that the system chose. After Start only, not when "off".
  const Address& address() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace spanwire::base
