#include "broker/epochs.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/redis_error.h"
#include "core/base/limits.h"
#include "core/base/random.h"

namespace spanwire::broker {
namespace {

absl::StatusOr<uint64_t> Verdict(const redis::Reply& reply) {
  uint64_t epoch;
  if (reply.elements.size() != 2 || !absl::SimpleAtoi(reply.elements[1].text, &epoch)) {
    return absl::UnavailableError("redis answered epoch.lua with something else");
  }
  switch (reply.elements[0].integer) {
    case 1:
      return epoch;
    case 0:
      return absl::AbortedError(absl::StrCat(
          "fenced: a newer instance of this producer has taken over (epoch ", epoch, ")"));
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "open.producer_epoch is more than ", absl::FormatDuration(limits::kEpochAhead),
          " ahead of the newest epoch there can be (", epoch, ")"));
  }
}

}  // namespace

const channel::Script& EpochScript() {
  static const channel::Script* const script = new channel::Script(
#include "broker/epoch_lua.inc"
  );
  return *script;
}

Epochs::Epochs(redis::Commands* redis, const channel::Names* names)
    : redis_(redis), names_(names), random_(base::FreshSeed()) {}

void Epochs::Claim(absl::string_view producer, uint64_t epoch, Callback callback) {
  const std::string key = names_->EpochKey(producer);
  const std::string mine = absl::StrCat(epoch);
  const std::string salt =
      absl::StrCat(std::uniform_int_distribution<uint32_t>(1, limits::kEpochSalt)(random_));
  const std::string ttl = absl::StrCat(absl::ToInt64Milliseconds(limits::kProducerTtl));
  const std::string ahead = absl::StrCat(absl::ToInt64Microseconds(limits::kEpochAhead));
  EpochScript().Call(
      redis_, {key}, {mine, salt, ttl, ahead},
      [redis = redis_, callback = std::move(callback)](absl::StatusOr<redis::Reply> reply) mutable {
        const absl::Status error = RedisError(reply, redis);
        if (!error.ok()) return callback(error);
        callback(Verdict(*reply));
      });
}

}  // namespace spanwire::broker
