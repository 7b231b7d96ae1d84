#include "tests/support/client_frame.h"

#include <cstddef>

namespace spanwire::test {

std::string ClientFrame(int opcode, absl::string_view payload, const FrameShape& shape) {
  constexpr unsigned char kKey[4] = {0x12, 0xFE, 0x00, 0xA5};
  int length_bytes = shape.length_bytes;
  if (length_bytes < 0) length_bytes = payload.size() < 126 ? 0 : payload.size() <= 0xFFFF ? 2 : 8;
  const int length = length_bytes == 0   ? static_cast<int>(payload.size())
                     : length_bytes == 2 ? 126
                                         : 127;

  std::string frame;
  frame.push_back(static_cast<char>((shape.fin ? 0x80 : 0) | (shape.reserved << 4) | opcode));
  frame.push_back(static_cast<char>((shape.masked ? 0x80 : 0) | length));
  for (int i = length_bytes - 1; i >= 0; --i)
    frame.push_back(static_cast<char>(payload.size() >> (8 * i)));
  if (!shape.masked) return frame.append(payload.data(), payload.size());
  for (const unsigned char byte : kKey) frame.push_back(static_cast<char>(byte));
  for (size_t i = 0; i < payload.size(); ++i)
    frame.push_back(static_cast<char>(payload[i] ^ kKey[i % 4]));
  return frame;
}

}  // namespace spanwire::test
