// The server's half of RFC 6455 for one connection, without I/O: bytes in, events out.
//
// websocketpp's hybi13 processor is the codec; what it lets pass (an unfinished character at the
// end of a fragmented text, lengths that overflow, any number of fragments, close payloads) is
// checked on top of it. No extensions.
//
// Owner: a Connection. Thread: the connection's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "core/base/limits.h"

namespace spanwire::bridge {

class WebSocket {
 public:
  struct Options {
    size_t message_bytes = limits::kFrameBytes;  // of one message, all fragments together
    size_t fragments = limits::kFragments;       // of one message
    bool binary = false;                         // else a binary frame is an error (1003)
  };

  struct Event {
    enum class Kind {
      kText,    // payload: valid UTF-8
      kBinary,  // payload
      kPing,    // payload: to be sent back, at most 125 bytes
      kPong,
      kClose,  // the peer closes; code: its own, or 1005 if it gave none
      kError,  // the peer broke the protocol; code: what the connection is closed with
    };
    Kind kind;
    absl::string_view payload;  // valid until the next call of Next
    uint16_t code = 0;
  };

  explicit WebSocket(const Options& options);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // The next event, taking bytes from the front of `bytes` (which are unmasked in place). Nothing:
  // all were taken. After kClose and kError whatever follows is taken and ignored.
  absl::optional<Event> Next(absl::Span<char>* bytes);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

// Frames of the server. `payload` and `reason` fit a control frame: at most 125 and 123 bytes.
std::string PingFrame();
std::string PongFrame(absl::string_view payload);
// Code 1005 stands for a close frame without payload.
std::string CloseFrame(uint16_t code, absl::string_view reason);

// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string WebSocketAccept(absl::string_view key);

}  // namespace spanwire::bridge
