// What a session knows of its connection: something that takes frames and says when it is full. A
// WebSocket, server-sent events and lines are alike to it.
//
// Thread: one connection loop's, for every call.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "bridge/frame.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

// Close codes of sessions and transports, all of which mean: reconnect (docs/protocol.md). Broken
// rules of WebSocket have codes of its own.
enum class CloseCode : uint16_t {
  kDrain = 3001,
  kSlow = 3008,
  kNoPong = 3012,
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Queues a frame for the end of this turn of the loop. False: the queue is now over its
  // high-water mark, the frame was taken all the same; the session feeds no more events until
  // OnDrained. Over limits::kSocketMostBytes the connection is closed as slow. After Close or the
  // end of the connection: no effect, true.
  virtual bool Send(FramePtr frame) = 0;
  // Whether the queue is over its high-water mark, or was and has not fallen under the low one
  // since.
  virtual bool congested() const = 0;
  // The frames that are sent from now on stand behind this position of the session's channel
  // `slot`; nothing: it has no position yet.
  virtual void Advance(size_t slot, absl::optional<channel::Position> position) = 0;
  // Starts the close handshake, behind what is queued. `why` becomes the reason's "code" (a gRPC
  // code's name in lower case), `reconnect_after` its after_ms. The listener hears OnClosed later,
  // never from within.
  virtual void Close(CloseCode code, absl::string_view why, absl::Duration reconnect_after) = 0;
};

class TransportListener {
 public:
  virtual ~TransportListener() = default;
  // One complete message of the client: valid UTF-8, at most limits::kFrameBytes.
  virtual void OnText(absl::string_view text) = 0;
  // A binary message. On the JSON protocol there is none: it ends the connection (1003) before it
  // gets here.
  virtual void OnBinary(absl::string_view) {}
  // The queue was over its high-water mark and has fallen under the low one.
  virtual void OnDrained() = 0;
  // The connection is over for the listener: the peer or Close ended it, though the closing
  // handshake may still be under way. Never from within a call of the transport. The transport is
  // gone after this call, and so is the listener.
  virtual void OnClosed() = 0;
};

}  // namespace spanwire::bridge
