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

size_t Encode(uint8_t opcode, absl::string_view payload, std::string* bytes) {
  char header[10];
  const size_t header_bytes = WriteHeader(opcode, payload.size(), header);
  bytes->reserve(header_bytes + payload.size() + kLineEnds.size());
  bytes->append(header, header_bytes);
  bytes->append(payload.data(), payload.size());
  bytes->append(kLineEnds.data(), kLineEnds.size());
  return header_bytes;
}

}  // namespace

std::shared_ptr<const Frame> Frame::Make(absl::string_view json) {
  std::shared_ptr<Frame> frame(new Frame);
  frame->header_bytes_ = Encode(kText, json, &frame->bytes_);
  return frame;
}

std::shared_ptr<const Frame> Frame::MakeBinary(absl::string_view bytes) {
  std::shared_ptr<Frame> frame(new Frame);
  frame->header_bytes_ = Encode(kBinary, bytes, &frame->bytes_);
  return frame;
}

}  // namespace spanwire::bridge
