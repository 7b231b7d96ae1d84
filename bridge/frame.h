// A frame: one server message, rendered once, immutable, shared by every socket that it goes to.
//
// It holds the WebSocket frame (RFC 6455, section 5.2: FIN, text, unmasked) as one run of bytes,
// whose tail is the JSON text itself, so other transports send the same memory without the header.
// Thread safety: immutable; shared_ptr's count may be touched from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace spanwire::bridge {

class Frame {
 public:
  // `json` is one JSON object without raw line ends.
  static std::shared_ptr<const Frame> Make(absl::string_view json);
  // A binary message instead, whose bytes are json()'s. The JSON protocol has none.
  static std::shared_ptr<const Frame> MakeBinary(absl::string_view bytes);

  // The whole WebSocket frame.
  absl::string_view websocket() const { return bytes_; }
  // The JSON text alone.
  absl::string_view json() const { return absl::string_view(bytes_).substr(header_bytes_); }

 private:
  Frame() = default;
  std::string bytes_;
  size_t header_bytes_ = 0;
};

using FramePtr = std::shared_ptr<const Frame>;

}  // namespace spanwire::bridge
