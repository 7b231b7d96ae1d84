// A frame: one server message, rendered once, immutable, shared by every socket that it goes to.
//
// It holds the WebSocket frame (RFC 6455, section 5.2: FIN, text, unmasked), whose payload is the
// JSON text, and two line ends as one run of bytes, so that every transport sends a part of the
// same memory.
// Thread safety: immutable; shared_ptr's count may be touched from any thread, and so may what was
// derived.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace spanwire::bridge {

class Frame {
 public:
  ~Frame();
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  // `json` is one JSON object without raw line ends. `event`: the encoded Event of which it was
  // made, if it was.
  static std::shared_ptr<const Frame> Make(absl::string_view json, absl::string_view event = {});
  // A binary message instead, whose bytes are json()'s. The JSON protocol has none.
  static std::shared_ptr<const Frame> MakeBinary(absl::string_view bytes);

  // The header of a WebSocket frame with so much text.
  static std::string TextHeader(size_t bytes);

  bool binary() const;
  // The whole WebSocket frame.
  absl::string_view websocket() const { return Part(0, 0); }
  // The JSON text alone; with a line end; with an empty line behind it.
  absl::string_view json() const { return Part(header_bytes_, 0); }
  absl::string_view line() const { return Part(header_bytes_, 1); }
  absl::string_view block() const { return Part(header_bytes_, 2); }
  absl::string_view event() const {
    return absl::string_view(bytes_).substr(bytes_.size() - event_bytes_);
  }
  // What it costs to keep, about: not what other formats are made of it, which is as much again for
  // each that somebody asked for.
  size_t bytes() const { return bytes_.size(); }

  // What `make` makes of this frame, for those who want it in another format; the first one made
  // stays with it. Each `slot` has its own.
  std::shared_ptr<const Frame> Derived(size_t slot,
                                       std::shared_ptr<const Frame> (*make)(const Frame&)) const;

 private:
  Frame() = default;
  absl::string_view Part(size_t from, size_t line_ends) const {
    return absl::string_view(bytes_.data() + from,
                             bytes_.size() - event_bytes_ - from - 2 + line_ends);
  }
  std::string bytes_;
  size_t header_bytes_ = 0;
  size_t event_bytes_ = 0;  // behind the line ends
  mutable std::array<std::atomic<const std::shared_ptr<const Frame>*>, 2> derived_ = {};
};

using FramePtr = std::shared_ptr<const Frame>;

}  // namespace spanwire::bridge
