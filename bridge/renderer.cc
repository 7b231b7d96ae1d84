#include "bridge/renderer.h"

#include "bridge/plain_json.h"
#include "core/base/log.h"

namespace spanwire::bridge {

FrameEntry Renderer::Render(absl::string_view channel, const channel::LogEntry& entry,
                            channel::Position* visible) {
  FrameEntry rendered{entry.position, entry.prev, nullptr};
  // Without an event left out, prev is what the log says: at seq 1 the position before, else
  // nothing, which means seq − 1.
  absl::optional<channel::Position> prev = entry.prev;
  const bool left_out = entry.position.seq > 1 ? *visible != entry.position.Before()
                                               : entry.prev && *visible < *entry.prev;
  if (left_out) prev = *visible;
  const absl::StatusOr<Translator::Translation> translation =
      translator_.Translate(entry.body, channel, entry.position, prev);
  if (!translation.ok()) {
    ++unreadable_;
    base::LogError("event in the log cannot be shown", {{"channel", channel},
                                                        {"position", entry.position.ToString()},
                                                        {"error", translation.status().message()}});
    return rendered;
  }
  if (!translation->visible) return rendered;
  rendered.body = Frame::Make(translation->json, entry.body);
  *visible = entry.position;
  return rendered;
}

FramePtr Renderer::RenderTransient(absl::string_view channel, absl::string_view event) {
  const absl::StatusOr<Translator::Translation> translation =
      translator_.Translate(event, channel, absl::nullopt, absl::nullopt);
  if (translation.ok()) {
    return translation->visible ? Frame::Make(translation->json, event) : nullptr;
  }
  ++unreadable_;
  base::LogError("transient event cannot be shown",
                 {{"channel", channel}, {"error", translation.status().message()}});
  return nullptr;
}

absl::StatusOr<FramePtr> Renderer::RenderPlainJson(absl::string_view channel,
                                                   absl::string_view message) {
  if (!plain_json_) return absl::PermissionDeniedError("plain JSON is turned off");
  absl::StatusOr<std::string> json = TranslatePlainJson(message, channel);
  if (!json.ok()) return json.status();
  return Frame::Make(*json);
}

}  // namespace spanwire::bridge
