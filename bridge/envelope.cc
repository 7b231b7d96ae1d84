#include "bridge/envelope.h"

namespace spanwire::bridge {
namespace {

// The tags of Event.id and Event.prev as they stand on the wire.
constexpr char kIdTag = 0x0A;
constexpr char kPrevTag = 0x12;

// Takes `tag`, one byte of length and so much text from the front of `rest`; the script writes no
// longer lengths.
absl::optional<absl::string_view> TakeText(char tag, absl::string_view* rest) {
  if (rest->size() < 2 || (*rest)[0] != tag) return absl::nullopt;
  const size_t length = static_cast<uint8_t>((*rest)[1]);
  if (length >= 0x80 || rest->size() - 2 < length) return absl::nullopt;
  const absl::string_view text = rest->substr(2, length);
  rest->remove_prefix(2 + length);
  return text;
}

// Takes the log's fields from the front of `rest` into `message`; false: they are not what the log
// writes.
bool TakeEnvelope(absl::string_view* rest, Message* message) {
  const absl::optional<absl::string_view> id = TakeText(kIdTag, rest);
  if (!id) return false;
  if (!id->empty()) {
    message->id = channel::Position::Parse(*id);
    if (!message->id || message->id->seq == 0) return false;
  }
  const bool first_of_epoch = message->id && message->id->seq == 1;
  if (!first_of_epoch) return rest->empty() || rest->front() != kPrevTag;
  const absl::optional<absl::string_view> prev = TakeText(kPrevTag, rest);
  if (!prev) return false;
  message->prev = channel::Position::Parse(*prev);
  return message->prev && *message->prev < *message->id;
}

}  // namespace

Message ParseMessage(absl::string_view payload) {
  if (payload.empty()) return {};
  Message message;
  if (payload[0] == '{') {
    message.kind = Message::Kind::kPlainJson;
    return message;
  }
  absl::string_view rest = payload;
  if (!TakeEnvelope(&rest, &message)) return {};
  message.kind = Message::Kind::kEvent;
  message.event = rest;
  return message;
}

}  // namespace spanwire::bridge
