// Several JSON objects in one WebSocket message, a line each, for clients that asked for it: what a
// turn of the loop gathers becomes one message. The memory is shared all the same; only the
// message's header is the connection's own.
//
// Owner: a Connection. Thread: the connection's.
#pragma once

#include <cstddef>
#include <vector>

#include "bridge/frame.h"
#include "bridge/socket_queue.h"

namespace spanwire::bridge {

class LineMessages {
 public:
  // Takes a frame; what is binary goes at once, behind what was taken before.
  void Push(FramePtr frame, SocketQueue* queue);
  // Queues what was taken.
  void Flush(SocketQueue* queue);
  // Forgets it.
  void Drop();

 private:
  std::vector<FramePtr> frames_;
  size_t bytes_ = 0;  // of their lines; at most limits::kLineMessageBytes, or one frame
};

}  // namespace spanwire::bridge
