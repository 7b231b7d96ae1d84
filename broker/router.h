// Decides what becomes of one event: whether it is acceptable, which channels it goes to, whether
// it is logged, and the bytes that the log keeps. Pure: bytes in, verdict out.
//
// The agent's bytes are never re-encoded. What the broker adds stands encoded in front of them
// (concatenation is merge in protobuf), so fields that this build does not know travel on
// untouched.
//
// Owner: the server. Thread safety: immutable, called by gRPC's threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/defect.h"
#include "core/channel/name.h"

namespace spanwire::v1 {
class Event;
}  // namespace spanwire::v1

namespace spanwire::broker {

// One event, judged. With violations it can never be accepted; the rest is then empty.
struct RoutedEvent {
  std::vector<Violation> violations;  // at most limits::kViolations
  std::vector<std::string> channels;
  bool transient = false;
  std::shared_ptr<const std::string> event;  // for the log: without id and prev
};

class Router {
 public:
  // What stands in for what the event does not say.
  struct Defaults {
    absl::string_view agent;  // empty or an id
    absl::Time accepted_at;   // also the timestamp of an event without one
  };

  // `names` outlives the router.
  explicit Router(const channel::Names* names) : names_(names) {}

  // `bytes`: the encoded Event as the agent sent it.
  RoutedEvent Route(absl::string_view bytes, const Defaults& defaults) const;

 private:
  std::vector<std::string> Channels(const v1::Event& event, absl::string_view agent,
                                    bool also_global, std::vector<Violation>* violations) const;

  const channel::Names* const names_;
};

// What is said to people: the first of them, after its field's path, "channels[2] repeats an
// earlier channel". `event` is the path of the event: "events[7]"; empty for an event that stands
// alone.
std::string Describe(const std::vector<Violation>& violations, absl::string_view event = "");

}  // namespace spanwire::broker
