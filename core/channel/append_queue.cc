#include "core/channel/append_queue.h"

namespace spanwire::channel {

bool AppendLedger::IsOver(AppendSink* sink) const {
  const auto found = sources_.find(sink);
  return found != sources_.end() && found->second->bytes > bounds_.sink_bytes;
}

void AppendLedger::Push(AppendQueue* queue, AppendSink* sink, AppendItem item) {
  std::shared_ptr<AppendSource>& source = sources_[sink];
  if (source == nullptr) source = std::make_shared<AppendSource>(AppendSource{sink, 0, {}});
  bytes_ += item.bytes();
  source->bytes += item.bytes();
  item.source = source;
  const auto added = queue->insert(queue->end(), std::move(item));
  added->place = source->queued.insert(source->queued.end(), {queue, added});
}

AppendItem AppendLedger::Pop(AppendQueue* queue) {
  AppendItem item = std::move(queue->front());
  queue->pop_front();
  item.source->queued.erase(item.place);
  return item;
}

void AppendLedger::Release(const AppendItem& item) { Subtract(item.source.get(), item.bytes()); }

void AppendLedger::Strip(AppendItem* item) {
  const size_t before = item->bytes();
  item->event = nullptr;
  Subtract(item->source.get(), before - item->bytes());
}

void AppendLedger::Drop(AppendSink* sink) {
  const auto found = sources_.find(sink);
  if (found == sources_.end()) return;
  const std::shared_ptr<AppendSource> source = std::move(found->second);
  sources_.erase(found);
  source->sink = nullptr;
  for (const AppendSource::Place& place : source->queued) {
    source->bytes -= place.item->bytes();
    Subtract(place.item->bytes());
    place.queue->erase(place.item);
  }
  source->queued.clear();
}

void AppendLedger::Clear() {
  sources_.clear();
  Subtract(bytes_);
}

void AppendLedger::Subtract(AppendSource* source, size_t bytes) {
  const bool was_over = source->bytes > bounds_.sink_bytes;
  source->bytes -= bytes;
  Subtract(bytes);
  if (source->sink == nullptr) return;
  if (was_over && source->bytes <= bounds_.sink_bytes) on_room_(source->sink);
  if (source->bytes == 0) sources_.erase(source->sink);
}

void AppendLedger::Subtract(size_t bytes) {
  const bool was_over = over_bound();
  bytes_ -= bytes;
  if (was_over && !over_bound()) on_room_(nullptr);
}

}  // namespace spanwire::channel
