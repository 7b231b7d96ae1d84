// Whether a client sees every event of its channels once, in order: by the positions (prev <= last
// seen < id), and, without trusting them, by the lines that load-agents count ("<label> <n>").
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace spanwire::tools {

class Continuity {
 public:
  // Takes a text frame of the bridge.
  void See(absl::string_view frame);

  uint64_t events() const { return events_; }
  // Channels whose subscription has been confirmed and is live.
  size_t live() const { return live_; }
  // "" or the first thing that went wrong, with the frame that showed it.
  const std::string& defect() const { return defect_; }

 private:
  using Position = std::pair<uint64_t, uint64_t>;

  void SeeEvent(absl::string_view frame, absl::string_view channel);
  void Wrong(absl::string_view what, absl::string_view frame);

  absl::flat_hash_map<std::string, Position> last_;     // by channel
  absl::flat_hash_map<std::string, uint64_t> counted_;  // by channel and label
  uint64_t events_ = 0;
  size_t live_ = 0;
  std::string defect_;
};

}  // namespace spanwire::tools
