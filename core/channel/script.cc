#include "core/channel/script.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace spanwire::channel {

Script::Script(std::string source, std::string sha1)
    : source_(std::move(source)), sha1_(std::move(sha1)) {}

void Script::Call(redis::Commands* redis, absl::Span<const absl::string_view> keys,
                  absl::Span<const absl::string_view> args,
                  redis::Commands::Callback callback) const {
  const std::string key_count = absl::StrCat(keys.size());
  std::vector<absl::string_view> command = {"EVALSHA", sha1_, key_count};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), args.begin(), args.end());
  std::vector<std::string> copy(command.begin(), command.end());
  redis->Call(command, [this, redis, copy = std::move(copy), callback = std::move(callback)](
                           absl::StatusOr<redis::Reply> reply) mutable {
    if (!reply.ok() || reply->error_code() != "NOSCRIPT") return callback(std::move(reply));
    std::vector<absl::string_view> whole(copy.begin(), copy.end());
    whole[0] = "EVAL";
    whole[1] = source_;
    redis->Call(whole, std::move(callback));
  });
}

const Script& PublishScript() {
  static const Script* const script = new Script(
#include "core/channel/publish_lua.inc"
  );
  return *script;
}

}  // namespace spanwire::channel
