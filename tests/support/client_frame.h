// WebSocket frames as a client sends them, well-formed or not.
//
// Thread safety: stateless.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace spanwire::test {

struct FrameShape {
  bool fin = true;
  int reserved = 0;  // the three bits
  bool masked = true;
  int length_bytes = -1;  // 0, 2 or 8: how the length is written; -1: as short as can be
};

std::string ClientFrame(int opcode, absl::string_view payload, const FrameShape& shape = {});

}  // namespace spanwire::test
