// Channel names and the Redis keys of a channel (docs/architecture.md, "The event log in Redis").
//
//   channel   <prefix>:session:<id> | <prefix>:agent:<name> | <prefix>:user:<id> | <prefix>:global
//   id        [A-Za-z0-9._~:@|+=-]{1,128}
//
// The channel stands in braces in every key, so that all keys of a channel fall into one Cluster
// slot. Thread safety: immutable.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace spanwire::channel {

// Whether `text` may be a session, agent, user or producer id; the error says what is wrong, naming
// the limit, never the text itself.
absl::Status CheckId(absl::string_view text);
// Whether `text` may be a prefix: [a-z0-9_-]{1,32}.
absl::Status CheckPrefix(absl::string_view text);

class Names {
 public:
  // `prefix` has passed CheckPrefix.
  explicit Names(std::string prefix);

  const std::string& prefix() const { return prefix_; }

  std::string Session(absl::string_view id) const;
  std::string Agent(absl::string_view name) const;
  std::string User(absl::string_view id) const;
  std::string Global() const;

  // Whether `channel` is a channel name; INVALID_ARGUMENT says what is wrong: an unknown family, or
  // what CheckId says.
  absl::Status CheckChannel(absl::string_view channel) const;

  std::string LogKey(absl::string_view channel) const;
  std::string TailKey(absl::string_view channel) const;
  std::string ProducerKey(absl::string_view channel, absl::string_view producer) const;
  std::string EpochKey(absl::string_view producer) const;
  // Both a key and a pub/sub channel.
  std::string Probe(absl::string_view instance) const;
  // The pub/sub channel on which daemons give each other hints.
  std::string Control() const;
  // By which a broker finds out what replicas have.
  std::string MarkerKey(absl::string_view instance) const;

 private:
  const std::string prefix_;
};

}  // namespace spanwire::channel
