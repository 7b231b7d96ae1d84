#include "broker/epochs.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/redis_error.h"
#include "core/base/limits.h"
#include "core/base/random.h"
#include "spanwire/v1/control.pb.h"

namespace spanwire::broker {
namespace {

constexpr int64_t kNewer = 2;  // of epoch.lua: there was no epoch as new as this one

absl::StatusOr<uint64_t> Verdict(const redis::Reply& reply) {
  uint64_t epoch;
  if (reply.elements.size() != 2 || !absl::SimpleAtoi(reply.elements[1].text, &epoch)) {
    return absl::UnavailableError("redis answered epoch.lua with something else");
  }
  switch (reply.elements[0].integer) {
    case 1:
    case kNewer:
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

// The script fences all the same; who is not told learns it from there.
void PublishFence(redis::Commands* redis, const std::string& control, const std::string& producer,
                  uint64_t epoch) {
  v1::Control message;
  message.mutable_fence()->set_producer_id(producer);
  message.mutable_fence()->set_producer_epoch(epoch);
  const std::string payload = message.SerializeAsString();
  redis->Call({"PUBLISH", control, payload}, [](const absl::StatusOr<redis::Reply>&) {});
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
      [redis = redis_, control = names_->Control(), producer = std::string(producer),
       callback = std::move(callback)](const absl::StatusOr<redis::Reply>& reply) mutable {
        const absl::Status error = RedisError(reply, redis);
        if (!error.ok()) return callback(error);
        const absl::StatusOr<uint64_t> verdict = Verdict(*reply);
        if (verdict.ok() && reply->elements[0].integer == kNewer) {
          PublishFence(redis, control, producer, *verdict);
        }
        callback(verdict);
      });
}

}  // namespace spanwire::broker
