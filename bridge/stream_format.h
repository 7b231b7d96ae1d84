// How frames become the body of an HTTP response that does not end: what server-sent events and
// plain lines differ in. The queue, its marks and its end are the connection's, as for WebSocket.
//
// Owner: a Connection. Thread: the connection's.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "bridge/frame.h"
#include "bridge/socket_queue.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

class StreamFormat {
 public:
  virtual ~StreamFormat() = default;

  virtual absl::string_view content_type() const = 0;
  // What stands before everything else, if anything.
  virtual void PushStart(SocketQueue*) {}
  // One frame: the shared memory, with whatever it needs around.
  virtual void PushFrame(FramePtr frame, SocketQueue* queue) = 0;
  // A sign of life.
  virtual void PushHeartbeat(SocketQueue* queue) = 0;
  // The last words: come back after that time.
  virtual void PushDrain(absl::Duration reconnect_after, SocketQueue* queue) = 0;
  // As Transport::Advance.
  virtual void Advance(size_t, absl::optional<channel::Position>) {}
};

}  // namespace spanwire::bridge
