#include "core/channel/append_memory.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/limits.h"

namespace spanwire::channel {
namespace {

constexpr char kWasTag = 11 << 3 | 2;  // spanwire.v1.Event.was

constexpr size_t kOverhead = 80;  // of an event's own allocation, and of its place in the order

size_t Size(const AppendMemory::Entry& entry) {
  return sizeof(entry) + kOverhead + (entry.event == nullptr ? 0 : entry.event->size());
}

// What a channel has reached of a producer.
struct Reached {
  uint64_t epoch = 0;
  uint64_t sequence = 0;
};

Reached ParseReached(absl::string_view text) {
  Reached reached;
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, ' ');
  if (!absl::SimpleAtoi(parts.first, &reached.epoch) ||
      !absl::SimpleAtoi(parts.second, &reached.sequence))
    return {};
  return reached;
}

}  // namespace

AppendMemory::Log* AppendMemory::Of(absl::string_view channel) {
  const auto found = logs_.find(channel);
  if (found != logs_.end()) return found->second.get();
  auto log = std::make_unique<Log>();
  log->channel = std::string(channel);
  return logs_.emplace(log->channel, std::move(log)).first->second.get();
}

void AppendMemory::Add(Log* log, Entry entry) {
  bytes_ += Size(entry);
  log->entries.push_back(std::move(entry));
  order_.push_back(log);
  while (bytes_ > limits::kRememberedBytes || logs_.size() > limits::kRememberedChannels)
    ForgetOldest();
}

void AppendMemory::Prune(absl::Duration now) {
  while (!order_.empty() && order_.front()->entries.front().since < now - limits::kRememberedFor)
    ForgetOldest();
}

void AppendMemory::ForgetOldest() {
  Log* const log = order_.front();
  order_.pop_front();
  bytes_ -= Size(log->entries.front());
  log->entries.pop_front();
  if (log->entries.empty()) logs_.erase(std::string(log->channel));
}

std::vector<std::string> ProducersOf(const AppendMemory::Log& log) {
  std::vector<std::string> producers;
  absl::flat_hash_set<absl::string_view> known;
  for (const AppendMemory::Entry& entry : log.entries) {
    if (known.insert(entry.producer->id).second) producers.push_back(entry.producer->id);
  }
  return producers;
}

std::vector<const AppendMemory::Entry*> FindLost(const AppendMemory::Log& log,
                                                 absl::Span<const std::string> producers,
                                                 const std::vector<redis::Reply>& known) {
  absl::flat_hash_map<absl::string_view, Reached> reached_of;
  for (size_t i = 0; i < producers.size(); ++i)
    reached_of[producers[i]] = ParseReached(known[i].text);
  std::vector<const AppendMemory::Entry*> lost;
  for (const AppendMemory::Entry& entry : log.entries) {
    const auto found = reached_of.find(entry.producer->id);
    if (found == reached_of.end()) continue;
    Reached& reached = found->second;
    if (entry.producer->epoch < reached.epoch) continue;
    if (entry.producer->epoch > reached.epoch) {
      if (entry.before > 0) continue;
      reached = {entry.producer->epoch, 0};
    }
    if (entry.sequence <= reached.sequence || entry.before > reached.sequence) continue;
    reached.sequence = entry.sequence;
    if (entry.event != nullptr) lost.push_back(&entry);
  }
  return lost;
}

std::shared_ptr<const std::string> CopyOf(const AppendMemory::Entry& entry) {
  if (IsCopy(*entry.event)) return entry.event;
  const std::string was = entry.position.ToString();
  const char front[] = {kWasTag, static_cast<char>(was.size())};
  return std::make_shared<const std::string>(
      absl::StrCat(absl::string_view(front, sizeof(front)), was, *entry.event));
}

bool IsCopy(absl::string_view event) { return !event.empty() && event.front() == kWasTag; }

}  // namespace spanwire::channel
