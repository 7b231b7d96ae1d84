// application/x-ndjson: one frame a line.
//
// Owner: a Connection. Thread: the connection's.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bridge/stream_format.h"

namespace spanwire::bridge {

class LineStream final : public StreamFormat {
 public:
  absl::string_view content_type() const override { return "application/x-ndjson"; }
  void PushFrame(FramePtr frame, SocketQueue* queue) override;
  void PushHeartbeat(SocketQueue* queue) override;
  void PushDrain(absl::Duration reconnect_after, SocketQueue* queue) override;
};

}  // namespace spanwire::bridge
