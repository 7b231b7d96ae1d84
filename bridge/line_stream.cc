#include "bridge/line_stream.h"

#include <utility>

#include "bridge/control.h"

namespace spanwire::bridge {

void LineStream::PushFrame(FramePtr frame, SocketQueue* queue) {
  const absl::string_view line = frame->line();
  queue->PushPart(std::move(frame), line);
}

void LineStream::PushHeartbeat(SocketQueue* queue) { PushFrame(Frame::Make(PingControl()), queue); }

void LineStream::PushDrain(absl::Duration reconnect_after, SocketQueue* queue) {
  PushFrame(Frame::Make(DrainControl(reconnect_after)), queue);
}

}  // namespace spanwire::bridge
