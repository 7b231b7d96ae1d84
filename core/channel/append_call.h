// One call of publish.lua: which events go together, and how the script is told of them.
//
// Owner: Appender. Thread: its.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/channel/append_queue.h"
#include "core/channel/append_sink.h"
#include "core/channel/name.h"

namespace spanwire::channel {

// The items of one producer instance stand together, in order. A producer stands in a call once.
struct AppendGroup {
  std::shared_ptr<const Producer> producer;
  std::vector<AppendItem> items;
};

// What the script is told beside the events.
struct AppendTerms {
  absl::string_view channel;
  absl::string_view verb;  // PUBLISH or SPUBLISH
  uint32_t salt = 1;
  absl::string_view mode;  // keep, touch or open
  uint64_t max_events = 0;
  absl::Duration log_ttl;
  uint64_t floor = 0;  // a new epoch is above it
};

// The words of the command. They point into the groups and the terms, which outlive it.
class AppendCommand final {
 public:
  // `whole`: the script's text instead of its digest.
  AppendCommand(const Names& names, const std::vector<AppendGroup>& groups,
                const AppendTerms& terms, bool whole);
  AppendCommand(const AppendCommand&) = delete;
  AppendCommand& operator=(const AppendCommand&) = delete;

  absl::Span<const absl::string_view> words() const { return words_; }

 private:
  void Add(std::string text);
  void Add(absl::Duration duration);

  std::vector<std::string> texts_;  // what words point into; never grows over its capacity
  std::vector<absl::string_view> words_;
};

}  // namespace spanwire::channel
