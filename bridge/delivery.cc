#include "bridge/delivery.h"

namespace spanwire::bridge {
namespace {

size_t Bytes(const FramePtr& frame) { return frame ? frame->bytes() : 0; }

}  // namespace

size_t HeldBytes(const Delivery& delivery) {
  if (const auto* entry = std::get_if<FrameEntry>(&delivery.what)) return Bytes(entry->body);
  if (const auto* transient = std::get_if<Delivery::Transient>(&delivery.what))
    return Bytes(transient->frame);
  const auto* answer = std::get_if<Delivery::Answer>(&delivery.what);
  if (answer == nullptr) return 0;
  size_t bytes = answer->page.rows.size() * sizeof(FrameEntry);
  for (const FrameEntry& row : answer->page.rows) {
    if (row.body) bytes += Bytes(row.body) / static_cast<size_t>(row.body.use_count());
  }
  return bytes;
}

}  // namespace spanwire::bridge
