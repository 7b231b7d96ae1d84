// text/event-stream: frames as server-sent events. An event's `id:` line is the cursor, the
// positions of all the request's channels; it is a small buffer of the connection's own before the
// shared memory.
//
// Owner: a Connection. Thread: the connection's.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "bridge/cursor.h"
#include "bridge/stream_format.h"

namespace spanwire::bridge {

class EventStream final : public StreamFormat {
 public:
  // `retry`: what EventSource waits before it comes back by itself.
  explicit EventStream(absl::Duration retry) : retry_(retry) {}

  absl::string_view content_type() const override { return "text/event-stream"; }
  void PushStart(SocketQueue* queue) override;
  void PushFrame(FramePtr frame, SocketQueue* queue) override;
  void PushHeartbeat(SocketQueue* queue) override;
  void PushDrain(absl::Duration reconnect_after, SocketQueue* queue) override;
  void Advance(size_t slot, absl::optional<channel::Position> position) override;

 private:
  const absl::Duration retry_;
  Cursor cursor_;
  bool moved_ = false;  // the cursor, since the last `id:`
};

}  // namespace spanwire::bridge
