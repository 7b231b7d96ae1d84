#include "bridge/line_messages.h"

#include <utility>

#include "core/base/limits.h"

namespace spanwire::bridge {

void LineMessages::Push(FramePtr frame, SocketQueue* queue) {
  if (frame->binary() || bytes_ + frame->line().size() > limits::kLineMessageBytes) Flush(queue);
  if (frame->binary()) return queue->Push(std::move(frame));
  bytes_ += frame->line().size();
  frames_.push_back(std::move(frame));
}

void LineMessages::Flush(SocketQueue* queue) {
  if (frames_.size() > 1) {
    queue->Push(Frame::TextHeader(bytes_));
    for (FramePtr& frame : frames_) {
      const absl::string_view line = frame->line();
      queue->PushPart(std::move(frame), line);
    }
  } else if (!frames_.empty()) {
    queue->Push(std::move(frames_.front()));
  }
  Drop();
}

void LineMessages::Drop() {
  frames_.clear();
  bytes_ = 0;
}

}  // namespace spanwire::bridge
