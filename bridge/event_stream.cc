#include "bridge/event_stream.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/control.h"

namespace spanwire::bridge {
namespace {

constexpr absl::string_view kData = "data: ";

std::string RetryLine(absl::Duration retry) {
  return absl::StrCat("retry: ", absl::ToInt64Milliseconds(retry), "\n");
}

// The whole line before a control frame, so that it comes only to those who listen for its type;
// empty for an event.
std::string EventLine(absl::string_view json) {
  const absl::string_view type = ControlType(json);
  return type.empty() ? std::string() : absl::StrCat("event: ", type, "\n");
}

}  // namespace

void EventStream::PushStart(SocketQueue* queue) { queue->Push(RetryLine(retry_)); }

void EventStream::PushFrame(FramePtr frame, SocketQueue* queue) {
  std::string before = EventLine(frame->json());
  if (std::exchange(moved_, false)) absl::StrAppend(&before, "id: ", FormatCursor(cursor_), "\n");
  if (before.empty()) {
    queue->PushStatic(kData);
  } else {
    absl::StrAppend(&before, kData);
    queue->Push(std::move(before));
  }
  const absl::string_view block = frame->block();
  queue->PushPart(std::move(frame), block);
}

void EventStream::PushHeartbeat(SocketQueue* queue) { queue->PushStatic(":\n\n"); }

void EventStream::PushDrain(absl::Duration reconnect_after, SocketQueue* queue) {
  queue->Push(RetryLine(reconnect_after));
  PushFrame(Frame::Make(DrainControl(reconnect_after)), queue);
}

void EventStream::Advance(size_t slot, absl::optional<channel::Position> position) {
  if (slot >= cursor_.size()) cursor_.resize(slot + 1);
  if (cursor_[slot] == position) return;
  cursor_[slot] = position;
  moved_ = true;
}

}  // namespace spanwire::bridge
