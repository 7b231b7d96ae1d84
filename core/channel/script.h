// A Lua script in Redis: called by its digest, and sent whole where Redis does not know it (a new
// one, SCRIPT FLUSH).
//
// Thread safety: immutable.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/redis/commands.h"

namespace spanwire::channel {

class Script {
 public:
  // `sha1`: the source's, as cmake/raw_string.cmake computes it.
  Script(std::string source, std::string sha1);

  const std::string& source() const { return source_; }
  const std::string& sha1() const { return sha1_; }

  // EVALSHA and, on NOSCRIPT, EVAL with a copy of the arguments: for small calls. `callback` as in
  // Commands::Call.
  void Call(redis::Commands* redis, absl::Span<const absl::string_view> keys,
            absl::Span<const absl::string_view> args, redis::Commands::Callback callback) const;

 private:
  const std::string source_;
  const std::string sha1_;
};

// Appends to a channel's log and publishes, atomically: core/channel/publish.lua.
const Script& PublishScript();

}  // namespace spanwire::channel
