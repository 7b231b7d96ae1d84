#include "bridge/frame.h"

namespace spanwire::bridge {
namespace {

constexpr uint8_t kFinal = 0x80;
constexpr uint8_t kText = 0x1;
constexpr uint8_t kBinary = 0x2;
constexpr absl::string_view kLineEnds = "\n\n";

// A header without mask, into `out`, which has room for 10 bytes; returns its length.
size_t WriteHeader(uint8_t opcode, uint64_t payload_bytes, char* out) {
  out[0] = static_cast<char>(kFinal | opcode);
  size_t length_bytes = 0;
  if (payload_bytes <= 125) {
    out[1] = static_cast<char>(payload_bytes);
  } else if (payload_bytes <= 0xFFFF) {
    out[1] = 126;
    length_bytes = 2;
  } else {
    out[1] = 127;
    length_bytes = 8;
  }
  for (size_t i = 0; i < length_bytes; ++i) {
    out[2 + i] = static_cast<char>(payload_bytes >> (8 * (length_bytes - 1 - i)));
  }
  return 2 + length_bytes;
}

size_t Encode(uint8_t opcode, absl::string_view payload, absl::string_view event,
              std::string* bytes) {
  char header[10];
  const size_t header_bytes = WriteHeader(opcode, payload.size(), header);
  bytes->reserve(header_bytes + payload.size() + kLineEnds.size() + event.size());
  bytes->append(header, header_bytes);
  bytes->append(payload.data(), payload.size());
  bytes->append(kLineEnds.data(), kLineEnds.size());
  bytes->append(event.data(), event.size());
  return header_bytes;
}

}  // namespace

Frame::~Frame() {
  for (const auto& derived : derived_) delete derived.load(std::memory_order_acquire);
}

std::shared_ptr<const Frame> Frame::Make(absl::string_view json, absl::string_view event) {
  std::shared_ptr<Frame> frame(new Frame);
  frame->event_bytes_ = event.size();
  frame->header_bytes_ = Encode(kText, json, event, &frame->bytes_);
  return frame;
}

std::shared_ptr<const Frame> Frame::MakeBinary(absl::string_view bytes) {
  std::shared_ptr<Frame> frame(new Frame);
  frame->header_bytes_ = Encode(kBinary, bytes, {}, &frame->bytes_);
  return frame;
}

std::string Frame::TextHeader(size_t bytes) {
  char header[10];
  return std::string(header, WriteHeader(kText, bytes, header));
}

bool Frame::binary() const { return (static_cast<uint8_t>(bytes_[0]) & 0xF) == kBinary; }

// Two loops may make it at once; then one of them throws its own away.
std::shared_ptr<const Frame> Frame::Derived(
    size_t slot, std::shared_ptr<const Frame> (*make)(const Frame&)) const {
  const std::shared_ptr<const Frame>* there = derived_[slot].load(std::memory_order_acquire);
  if (there != nullptr) return *there;
  auto made = std::make_unique<const std::shared_ptr<const Frame>>(make(*this));
  if (derived_[slot].compare_exchange_strong(there, made.get(), std::memory_order_acq_rel)) {
    return *made.release();
  }
  return *there;
}

}  // namespace spanwire::bridge
