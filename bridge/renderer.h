// Renders events of a channel into frames of one view, in order, and says by `prev` what continuity
// is among those that the view shows (docs/protocol.md). Today there is one view: everybody; it
// does not show events with an audience.
//
// Owner: the feed loop. Thread: that loop's.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "bridge/delivery.h"
#include "bridge/translator.h"
#include "core/channel/log_reader.h"

namespace spanwire::bridge {

class Renderer {
 public:
  // `plain_json`: take the record's JSON messages.
  explicit Renderer(bool plain_json) : plain_json_(plain_json) {}

  // Renders a logged event. `visible`: the last position of the view, which the event's own becomes
  // if it is shown; an event whose predecessor was not shown names it as `prev`.
  FrameEntry Render(absl::string_view channel, const channel::LogEntry& entry,
                    channel::Position* visible);
  // Renders an event without position; null when the view does not show it.
  FramePtr RenderTransient(absl::string_view channel, absl::string_view event);
  // Renders one of the record's JSON messages; the error says why it is refused.
  absl::StatusOr<FramePtr> RenderPlainJson(absl::string_view channel, absl::string_view message);

  // Events of the log that are no events: they cannot be shown.
  uint64_t unreadable() const { return unreadable_; }

 private:
  const bool plain_json_;
  Translator translator_;
  uint64_t unreadable_ = 0;
};

}  // namespace spanwire::bridge
