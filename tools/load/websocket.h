// As little WebSocket as a client for load needs: connect, read text frames, answer pings. No
// extension, no fragments (the bridge sends none), no proof of the server's key.
//
// One thread; the socket is not blocking after Connect.
#pragma once

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace spanwire::tools {

class WebSocket {
 public:
  WebSocket() = default;
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // `address`: host:port with a numeric host, or unix:/path. Blocks until the upgrade is answered.
  // Else why not.
  std::string Connect(const std::string& address, const std::string& target);
  // Takes what has arrived; calls `on_text` for each text frame. False: the connection has ended,
  // error() says how.
  bool Read(const std::function<void(absl::string_view)>& on_text);

  int fd() const { return fd_; }
  const std::string& error() const { return error_; }

 private:
  bool Fail(std::string error);
  bool Answer(absl::string_view ping);

  int fd_ = -1;
  std::string buffer_;
  std::string error_;
};

}  // namespace spanwire::tools
