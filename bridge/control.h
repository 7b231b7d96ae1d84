// The server's own frames, as JSON (docs/protocol.md): each is one object whose type begins with
// `$`.
//
// Thread safety: stateless.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "bridge/frame.h"
#include "core/channel/history.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

// The first frame. `connection` names the connection, for logs and support. The limits are those of
// core/base/limits.h.
std::string HelloControl(absl::string_view connection);
// `id`: the command that is answered; nothing for a subscription by the URL. `position`: where
// following starts. `recovered`: for a subscription with `after` only, whether everything since can
// be had.
std::string SubscribedControl(absl::optional<int64_t> id, absl::string_view channel,
                              channel::Position position, absl::optional<bool> recovered);
// What was missed has been sent; from here on events are live.
std::string LiveControl(absl::string_view channel, channel::Position position);
// Events that cannot be had.
std::string GapControl(absl::string_view channel, const channel::Gap& gap);
// The subscription has come this far, though it was shown nothing.
std::string PositionControl(absl::string_view channel, channel::Position position);
// `gap`: what could not be had before the first of the events.
std::string HistoryControl(absl::optional<int64_t> id, absl::string_view channel,
                           absl::Span<const FramePtr> events, bool more, channel::Position position,
                           const absl::optional<channel::Gap>& gap);
// One event, for one channel; an empty position: it is transient.
std::string PublishedControl(absl::optional<int64_t> id, absl::string_view channel,
                             absl::string_view position);
struct PublishedEvent {
  uint64_t event = 0;  // counts from 0
  absl::string_view channel;
  absl::string_view position;
};
std::string PublishedControl(absl::Span<const PublishedEvent> events);
std::string UnsubscribedControl(absl::optional<int64_t> id, absl::string_view channel);
// `status` is not OK. Whether a retry may help follows from its code. `channel`: the one that it
// concerns, if any.
std::string ErrorControl(absl::optional<int64_t> id, absl::optional<absl::string_view> channel,
                         const absl::Status& status);
// The status, which says of what channel it is: ErrorResponse puts that into the `$error`.
absl::Status OfChannel(absl::Status status, absl::string_view channel);
absl::optional<std::string> ChannelOf(const absl::Status& status);
// A sign of life.
std::string PingControl();
// The browser reads too slowly: until it has read what was sent, it is fed nothing.
std::string SlowControl();
// The last words on a stream: come back after that time.
std::string DrainControl(absl::Duration reconnect_after);
// The same to one who polls.
std::string UnavailableControl(absl::Duration retry_after);
// To one who polls: what is lost, and the cursor to go on with.
struct LostControl {
  absl::string_view channel;
  channel::Gap gap;
};
std::string GoneControl(absl::Span<const LostControl> lost, absl::string_view cursor);

// The type of a control frame, such as "$gap"; empty for an event.
absl::string_view ControlType(absl::string_view json);

// A code as the protocol names it: gRPC's name in lower case, such as "invalid_argument".
absl::string_view ErrorCodeName(absl::StatusCode code);
// Whether the same request may succeed later by itself: nothing is wrong with it.
bool IsRetryable(absl::StatusCode code);

}  // namespace spanwire::bridge
