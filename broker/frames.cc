#include "broker/frames.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/wire.h"
#include "core/base/limits.h"
#include "core/channel/name.h"

namespace spanwire::broker {
namespace {

absl::Status Bad(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, " ", what));
}

absl::Status NotProtobuf(absl::string_view what) {
  return Bad(what, "is not valid protobuf: it is cut off or garbage");
}

absl::Status CheckSize(absl::string_view what, size_t bytes) {
  if (bytes <= limits::kBatchBytes) return absl::OkStatus();
  return Bad(what, absl::StrCat("is ", bytes, " bytes long, at most ", limits::kBatchBytes,
                                " are allowed"));
}

// A field whose number is known must be what the contract says, or bytes would be dropped without a
// word.
absl::Status CheckType(const WireReader& reader, WireType wanted, absl::string_view field) {
  return reader.type() == wanted ? absl::OkStatus() : Bad(field, "has the wrong wire type");
}

absl::Status CheckNoGroup(const WireReader& reader, absl::string_view what) {
  if (reader.type() != WireType::kStartGroup && reader.type() != WireType::kEndGroup)
    return absl::OkStatus();
  return Bad(what, "has a group; groups are not accepted");
}

absl::Status CheckCount(absl::string_view field, size_t count) {
  if (count < limits::kBatchEvents) return absl::OkStatus();
  return Bad(field, absl::StrCat("has more than ", limits::kBatchEvents, " events"));
}

template <typename Message>
absl::Status Parse(absl::string_view bytes, absl::string_view what, Message* message) {
  if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return absl::OkStatus();
  const Violation defect = FindDefect(*Message::descriptor(), bytes);
  return Bad(defect.field.empty() ? std::string(what) : absl::StrCat(what, ".", defect.field),
             defect.description);
}

absl::Status ReadBatch(absl::string_view bytes, const Router& router,
                       const Router::Defaults& defaults, PublishFrame* frame) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (absl::Status status = CheckNoGroup(reader, "batch"); !status.ok()) return status;
    if (reader.number() == v1::Batch::kFirstSequenceFieldNumber) {
      absl::Status status = CheckType(reader, WireType::kVarint, "batch.first_sequence");
      if (!status.ok()) return status;
      frame->first_sequence = reader.varint();
    } else if (reader.number() == v1::Batch::kEventsFieldNumber) {
      absl::Status status = CheckType(reader, WireType::kBytes, "batch.events");
      status.Update(CheckCount("batch.events", frame->events.size()));
      if (!status.ok()) return status;
      frame->events.push_back(router.Route(reader.bytes(), defaults));
    }
  }
  return reader.ok() ? absl::OkStatus() : NotProtobuf("batch");
}

}  // namespace

absl::StatusOr<PublishFrame> ReadPublishFrame(absl::string_view bytes, const Router& router,
                                              const Router::Defaults& defaults) {
  if (absl::Status status = CheckSize("PublishStreamRequest", bytes.size()); !status.ok())
    return status;
  PublishFrame frame;
  uint32_t kind = 0;
  absl::string_view body;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (absl::Status status = CheckNoGroup(reader, "PublishStreamRequest"); !status.ok())
      return status;
    const uint32_t number = reader.number();
    if (number < v1::PublishStreamRequest::kOpenFieldNumber ||
        number > v1::PublishStreamRequest::kCommandResultFieldNumber) {
      continue;
    }
    if (absl::Status status = CheckType(reader, WireType::kBytes, "frame"); !status.ok())
      return status;
    if (kind != 0) return Bad("frame", "is set more than once");
    kind = number;
    body = reader.bytes();
  }
  if (!reader.ok()) return NotProtobuf("PublishStreamRequest");

  absl::Status status;
  switch (kind) {
    case v1::PublishStreamRequest::kOpenFieldNumber:
      frame.kind = PublishFrame::Kind::kOpen;
      status = Parse(body, "open", &frame.open);
      break;
    case v1::PublishStreamRequest::kBatchFieldNumber:
      frame.kind = PublishFrame::Kind::kBatch;
      status = ReadBatch(body, router, defaults, &frame);
      break;
    case v1::PublishStreamRequest::kCommandResultFieldNumber: {
      frame.kind = PublishFrame::Kind::kCommandResult;
      v1::CommandResult result;
      status = Parse(body, "command_result", &result);
      break;
    }
    default:
      status = Bad("frame", "is none of open, batch and command_result");
  }
  if (!status.ok()) return status;
  return frame;
}

absl::StatusOr<PublishCall> ReadPublishCall(absl::string_view bytes, const Router& router,
                                            const Router::Defaults& defaults) {
  if (absl::Status status = CheckSize("PublishRequest", bytes.size()); !status.ok()) return status;
  PublishCall call;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (absl::Status status = CheckNoGroup(reader, "PublishRequest"); !status.ok()) return status;
    if (reader.number() == v1::PublishRequest::kIdempotencyKeyFieldNumber) {
      absl::Status status = CheckType(reader, WireType::kBytes, "idempotency_key");
      if (!status.ok()) return status;
      call.idempotency_key = std::string(reader.bytes());
    } else if (reader.number() == v1::PublishRequest::kAckLevelFieldNumber) {
      absl::Status status = CheckType(reader, WireType::kVarint, "ack_level");
      if (!status.ok()) return status;
      // An enum on the wire is an int32, whatever the varint holds beyond.
      const int level = static_cast<int>(reader.varint());
      if (!v1::AckLevel_IsValid(level)) return Bad("ack_level", "is none that this broker knows");
      call.ack_level = static_cast<v1::AckLevel>(level);
    } else if (reader.number() == v1::PublishRequest::kEventsFieldNumber) {
      absl::Status status = CheckType(reader, WireType::kBytes, "events");
      status.Update(CheckCount("events", call.events.size()));
      if (!status.ok()) return status;
      RoutedEvent event = router.Route(reader.bytes(), defaults);
      if (!event.violations.empty()) {
        const std::string path = absl::StrCat("events[", call.events.size(), "]");
        return absl::InvalidArgumentError(Describe(event.violations, path));
      }
      call.events.push_back(std::move(event));
    }
  }
  if (!reader.ok()) return NotProtobuf("PublishRequest");
  if (call.events.empty()) return Bad("events", "is empty; at least one event is required");
  if (!call.idempotency_key.empty()) {
    const size_t most = limits::kIdBytes - kIdempotentPrefix.size();
    if (call.idempotency_key.size() > most) {
      return Bad("idempotency_key", absl::StrCat("is ", call.idempotency_key.size(),
                                                 " bytes long, at most ", most, " are allowed"));
    }
    const absl::Status status = channel::CheckId(call.idempotency_key);
    if (!status.ok()) return Bad("idempotency_key", status.message());
  }
  return call;
}

}  // namespace spanwire::broker
