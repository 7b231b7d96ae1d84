// Conflation: what the schema lets a bridge make of events of one key while a browser cannot keep
// up (proto/spanwire/v1/options.proto). Of those of kind LATEST the newest stands for all; those of
// kind APPEND become one, with their texts one behind the other, in the newest one's place. What
// has no key stays as it is.
//
// Owner: a Subscription. Thread: its connection loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "bridge/frame.h"
#include "core/channel/position.h"

namespace spanwire::bridge {

// Events with equal keys conflate: the payload's type, its key fields, and whose it is. Nothing:
// the event is not to be conflated.
struct ConflationKey {
  std::string key;
  bool append = false;
  std::string text;  // of APPEND: as JSON has it, without quotes
};
absl::optional<ConflationKey> ConflationKeyOf(const Frame& event);

class Conflation {
 public:
  struct Item {
    absl::optional<channel::Position> position;
    FramePtr frame;          // the newest
    uint32_t conflated = 0;  // that it stands for, besides itself
    std::string text;        // of APPEND: all of them

    // The event to be sent. It says `conflated`, unless that is 0.
    FramePtr Made() const;
  };

  // In the order in which they were published. `key`: as ConflationKeyOf(*frame). Without position
  // the older one's place is kept.
  void Add(absl::optional<channel::Position> position, FramePtr frame,
           absl::optional<ConflationKey> key);
  // The item of this key, if there is one, is to be shown no more.
  void Forget(const ConflationKey& key);
  // What has become of them.
  std::vector<Item> Take();

  // Items now.
  size_t size() const { return items_.size(); }
  bool Has(const ConflationKey& key) const { return places_.contains(key.key); }

 private:
  std::vector<Item> items_;                          // without frame: another stands for it
  absl::flat_hash_map<std::string, size_t> places_;  // of keys among the items
};

}  // namespace spanwire::bridge
