// What a subscription shows of its channel's events, when it asked for some types only. All that
// ask for the same are one view and share their frames.
//
// Thread safety: stateless; a TypeFilter is immutable.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bridge/frame.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

class TypeFilter {
 public:
  // Shows everything.
  TypeFilter() = default;
  // `patterns`: 1 to limits::kTypePatterns types, or beginnings of types with `*` behind.
  // INVALID_ARGUMENT: "must be …".
  static absl::StatusOr<TypeFilter> Make(std::vector<std::string> patterns);

  bool everything() const { return patterns_.empty(); }
  // `json`: an event.
  bool Shows(absl::string_view json) const;

 private:
  std::vector<std::string> patterns_;
};

// The event with a `prev`, in place of the one that it may have.
FramePtr WithPrev(const Frame& frame, channel::Position prev);

}  // namespace spanwire::bridge
