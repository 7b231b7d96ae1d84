// What is behind the bridge's port: the listener's side knows HTTP and WebSocket, the site knows
// what is served.
//
// One Site serves one connection loop, or several if it is thread-safe. All calls come on the
// connection's loop; a request has passed the checks of Host and Origin (http_gate.h) before.
#pragma once

#include <memory>

#include "absl/strings/string_view.h"
#include "bridge/http.h"
#include "bridge/transport.h"

namespace spanwire::bridge {

class Site {
 public:
  virtual ~Site() = default;

  // A GET or HEAD of anything but a WebSocket's path. The answer is complete at once; a HEAD's body
  // is left out by the caller.
  virtual Response OnRequest(const Request& request) = 0;

  // Whether `path` is a WebSocket's. A plain request there is answered 426.
  virtual bool TakesWebSocket(absl::string_view path) const = 0;

  // A WebSocket was opened on such a path. `subprotocol`: "spanwire.v1" or empty. Never null: what
  // the client should be told is told by frames and Transport::Close, since browsers cannot read a
  // refused handshake.
  //
  // Lifetimes: the connection owns the returned listener and destroys it right after its OnClosed;
  // `transport` is alive until OnClosed has returned. `transport` takes frames from now on, also
  // from within this call; `request` is gone after it.
  virtual std::unique_ptr<TransportListener> OnWebSocket(const Request& request,
                                                         absl::string_view subprotocol,
                                                         Transport* transport) = 0;
};

}  // namespace spanwire::bridge
