// What a WebSocket client may get in place of the JSON object that an event is: chosen by its
// subprotocol (docs/protocol.md, "Other formats").
//
// Thread safety: stateless.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "bridge/frame.h"

namespace spanwire::bridge {

enum class Format : uint8_t {
  kJson,         // as it is
  kProto,        // an encoded Event in a binary message
  kCloudEvents,  // a CloudEvent in JSON
};

// `subprotocol`: one of those that are offered, or none.
Format FormatOf(absl::string_view subprotocol);

// An event in another format. It is made once and kept with the event's own frame: all that want it
// share it, on all loops.
FramePtr InFormat(const FramePtr& event, Format format);

// A control frame as a CloudEvent. `connection` and `number` name it.
std::string ControlCloudEvent(absl::string_view json, absl::string_view connection,
                              uint64_t number);

}  // namespace spanwire::bridge
