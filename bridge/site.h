// What is behind the bridge's port: the listener's side knows HTTP and its transports, the site
// knows what is served.
//
// One Site serves one connection loop, or several if it is thread-safe. All calls come on the
// connection's loop; a request has passed the checks of Host and Origin (http_gate.h) before, and
// its method fits its path.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bridge/http.h"
#include "bridge/transport.h"

namespace spanwire::bridge {

// What a path is for.
enum class Service : uint8_t {
  kPage,         // GET and HEAD, answered at once
  kWebSocket,    // GET
  kEventStream,  // GET: server-sent events
  kLines,        // GET: a frame a line
  kPoll,         // GET, answered when there is something to say
  kPost,         // POST of a JSON object, likewise
};

// An answer in the making.
class Call {
 public:
  // Ends it: nobody waits for the answer any more, or it was given.
  virtual ~Call() = default;
};

class Site {
 public:
  // The answer; at most once, on the loop, also from within the call that was given it.
  using Answer = absl::AnyInvocable<void(Response)>;
  // Opens a session on a transport. Never null: what the client should be told is told by frames
  // and Transport::Close.
  //
  // Lifetimes: the connection owns the returned listener and destroys it right after its OnClosed;
  // the transport is alive until OnClosed has returned. It takes frames from now on, also from
  // within this call.
  using Open = absl::AnyInvocable<std::unique_ptr<TransportListener>(Transport*)>;

  virtual ~Site() = default;

  virtual Service ServiceOf(absl::string_view path) const = 0;

  // A GET or HEAD of a page, also of one that does not exist. A HEAD's body is left out by the
  // caller.
  virtual Response OnPage(const Request& request) = 0;
  // A WebSocket was opened. `subprotocol`: the one that was chosen, or empty. Browsers cannot read
  // a refused handshake, so nothing is refused here; `request` is gone when Open is called.
  virtual Open OnWebSocket(const Request& request, absl::string_view subprotocol) = 0;
  // A stream. An error is what is wrong with the request.
  virtual absl::StatusOr<Open> OnStream(const Request& request) = 0;
  // A poll or a POST, with its body. Null: it was answered.
  virtual std::unique_ptr<Call> OnCall(const Request& request, Answer answer) = 0;
};

}  // namespace spanwire::bridge
