// The bridge as a whole: the feed loop, the connection loops, and the listener, which opens once
// Redis was reached.
//
// Owner: main. Thread safety: Start and the destructor from main; Drain from any thread.
#pragma once

#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bridge/connection_loop.h"
#include "bridge/feed_loop.h"
#include "bridge/front.h"
#include "bridge/http_gate.h"
#include "bridge/hub.h"
#include "bridge/listener.h"
#include "bridge/upstream.h"
#include "core/base/address.h"
#include "core/base/lifecycle.h"
#include "core/base/loop.h"
#include "core/base/mailbox.h"
#include "core/base/metrics.h"
#include "core/base/readiness.h"
#include "core/channel/name.h"
#include "core/redis/options.h"

namespace spanwire::bridge {

class Server {
 public:
  struct Options {
    base::Address listen;
    std::string prefix;  // of channels and keys
    FeedLoop::Options feeds;
    std::vector<std::string> allowed_hosts;
    std::vector<std::string> allowed_origins;
    size_t threads = 1;
  };
  // What `readiness` must know of.
  static constexpr const char* kConditions[] = {"redis", "listener"};

  // All outlive it. Something that cannot be mended (the address is taken, Redis evicts keys)
  // finishes `lifecycle` with 1.
  // `upstream` may be null: nothing can be published.
  Server(const Options& options, std::unique_ptr<Upstream> upstream, base::Lifecycle* lifecycle,
         base::Metrics* metrics, base::Readiness* readiness);
  // Ends all threads; open connections are cut.
  ~Server();

  void Start();
  // Accepts no more, tells every browser to come back at a random moment of `window`, and calls
  // `done` on one of the loops when all connections are closed.
  void Drain(absl::Duration window, absl::AnyInvocable<void()> done);

 private:
  // One connection loop and what lives on it.
  struct Lane {
    Lane(size_t index, Server* server);
    base::Loop loop;
    Hub hub;
    Front front;
    base::Mailbox<Delivery> deliveries;
    ConnectionLoop connections;
  };

  void Deliver(size_t lane, Delivery delivery);
  void OnRedisUp(const absl::Status& fitness);
  void Listen();
  void AddMetrics();
  void WaitForConnections(std::shared_ptr<absl::AnyInvocable<void()>> done);

  const Options options_;
  base::Lifecycle* const lifecycle_;
  base::Metrics* const metrics_;
  base::Readiness* const readiness_;
  const channel::Names names_;
  const HttpGate gate_;
  std::unique_ptr<Upstream> upstream_;
  FeedLoop feeds_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<Listener> listener_;  // on the first lane's loop
  base::Executor::Timer wait_;
};

}  // namespace spanwire::bridge
