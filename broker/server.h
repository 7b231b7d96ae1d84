// The broker's gRPC server: the address, the services, the limits of the transport.
//
// Owner: main. Thread safety: as its functions say.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/broker.h"
#include "core/base/address.h"

namespace spanwire::broker {

class Server {
 public:
  // Listens on `listen`. `broker` outlives the server; its loop runs, or will, until the server is
  // gone. Errors: those of base::Acceptor::Start; a port or a unix socket that another process
  // serves is never shared.
  static absl::StatusOr<std::unique_ptr<Server>> Start(Broker* broker, const base::Address& listen);
  // Shutdown comes first.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The bound address: with the port that the system chose.
  const base::Address& address() const;

  // On the redis loop: what the health service tells.
  void SetServing(bool serving);
  // On the redis loop: ends what would only wait, the health watches.
  void CloseWatches();
  // From any thread but the redis loop and gRPC's own: sends GOAWAY, takes no new calls, returns
  // when all are over; those that are not after `timeout` are cancelled.
  void Shutdown(absl::Duration timeout);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace spanwire::broker
