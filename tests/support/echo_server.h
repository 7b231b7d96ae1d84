// An echo server made of the bridge's own listener, HTTP and WebSocket files: what a conformance
// test of RFC 6455 talks to.
//
// /echo, and / when it asks for an upgrade, echo every message; GET / answers "echo"; GET /large a
// body of 1 MiB; see EchoSite for the rest. Thread safety: the constructor and destructor on the
// test's thread, the loops are its own.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bridge/connection_loop.h"
#include "bridge/http_gate.h"
#include "bridge/listener.h"
#include "bridge/site.h"
#include "core/base/address.h"
#include "core/base/loop.h"

namespace spanwire::test {

// Counts what its sessions hear.
class EchoSite final : public bridge::Site {
 public:
  bridge::Service ServiceOf(absl::string_view path) const override;
  bridge::Response OnPage(const bridge::Request& request) override;
  // ?flood=N sends N frames of ?bytes=B at once, heeding the watermarks unless ?rude=1; ?close=CODE
  // closes at once.
  Open OnWebSocket(const bridge::Request& request, absl::string_view subprotocol) override;
  // The same on /events and /lines; ?bad=1 is an error.
  absl::StatusOr<Open> OnStream(const bridge::Request& request) override;
  // A POST of /post is answered with its body, /call only by AnswerCall.
  std::unique_ptr<bridge::Call> OnCall(const bridge::Request& request, Answer answer) override;
  // On the loop: answers the call that waits. False: none does.
  bool AnswerCall(bridge::Response response);

  std::atomic<int> opened{0};
  std::atomic<int> closed{0};
  std::atomic<int> drained{0};
  std::atomic<int> flooded{0};  // frames sent by ?flood=
  std::atomic<int> calls{0};    // that wait

 private:
  Open OpenEcho(const bridge::Request& request);

  Answer answer_;
};

class EchoServer {
 public:
  struct Options {
    base::Address address{false, "127.0.0.1", 0};
    int loops = 1;
    size_t connections = limits::kConnections;
    bridge::ConnectionOptions connection;
    std::vector<std::string> hosts;
    std::vector<std::string> origins;
  };

  explicit EchoServer(Options options);
  ~EchoServer();

  absl::Status Start();
  const base::Address& address() const { return listener_->address(); }
  EchoSite& site() { return site_; }
  bridge::Listener& listener() { return *listener_; }
  bridge::ConnectionLoop& connections(size_t i = 0) { return *connections_[i]; }
  base::Loop& loop(size_t i = 0) { return *loops_[i]; }

 private:
  const Options options_;
  EchoSite site_;
  const bridge::HttpGate gate_;
  std::vector<std::unique_ptr<base::Loop>> loops_;
  std::vector<std::unique_ptr<bridge::ConnectionLoop>> connections_;
  std::unique_ptr<bridge::Listener> listener_;
};

}  // namespace spanwire::test
