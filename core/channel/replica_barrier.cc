#include "core/channel/replica_barrier.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace spanwire::channel {
namespace {

absl::Status NotReached(absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("ack level replicated was not reached: ", why));
}

std::string Milliseconds(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Milliseconds(duration));
}

}  // namespace

ReplicaBarrier::ReplicaBarrier(base::Executor* executor, redis::Commands* writes,
                               redis::Commands* waits, std::string marker, Options options)
    : executor_(executor),
      writes_(writes),
      waits_(waits),
      key_(std::move(marker)),
      options_(options) {}

absl::AnyInvocable<bool() const> ReplicaBarrier::Still() const {
  return [this, generation = generation_, alive = std::weak_ptr<char>(alive_)] {
    return !alive.expired() && generation == generation_;
  };
}

void ReplicaBarrier::Await(Done done) {
  const uint64_t marker = ++marker_;
  const std::string number = absl::StrCat(marker);
  const std::string ttl = Milliseconds(limits::kMarkerTtl);
  writes_->Call({"SET", key_, number, "PX", ttl},
                [this, marker, done = std::move(done),
                 still = Still()](absl::StatusOr<redis::Reply> reply) mutable {
                  if (still()) OnMarked(marker, std::move(reply), std::move(done));
                });
}

void ReplicaBarrier::OnMarked(uint64_t marker, absl::StatusOr<redis::Reply> reply, Done done) {
  if (absl::IsUnavailable(reply.status())) return;  // Clear follows
  if (!reply.ok()) return done(NotReached(reply.status().message()));
  if (reply->is_error()) return done(NotReached(absl::StrCat("redis says ", reply->text)));
  ready_marker_ = marker;
  ready_.push_back(std::move(done));
  if (!busy_) StartSoon();
}

// At the end of the loop's turn: what was marked in one turn shares a WAIT.
void ReplicaBarrier::StartSoon() {
  busy_ = true;
  executor_->Post([this, still = Still()] {
    if (still()) Start();
  });
}

void ReplicaBarrier::Start() {
  waiting_ = std::exchange(ready_, {});
  const std::string ttl = Milliseconds(limits::kMarkerTtl);
  waits_->Call({"GETEX", key_, "PX", ttl},
               [this, least = ready_marker_, still = Still()](absl::StatusOr<redis::Reply> reply) {
                 if (still()) found_ = Found(least, reply);
               });
  const std::string replicas = absl::StrCat(options_.replicas);
  const std::string timeout = Milliseconds(options_.timeout);
  waits_->Call({"WAIT", replicas, timeout},
               [this, still = Still()](absl::StatusOr<redis::Reply> reply) {
                 if (still()) Finish(found_.ok() ? Reached(reply) : found_);
               });
}

absl::Status ReplicaBarrier::Found(uint64_t least, const absl::StatusOr<redis::Reply>& reply) {
  if (!reply.ok()) return NotReached(reply.status().message());
  if (reply->is_error()) {
    // A demoted master: another connection may lead to the new one.
    if (reply->error_code() == "READONLY") waits_->Reset(absl::UnavailableError(reply->text));
    return NotReached(absl::StrCat("redis says ", reply->text));
  }
  uint64_t marker = 0;
  if (reply->is_string() && absl::SimpleAtoi(reply->text, &marker) && marker >= least) {
    return absl::OkStatus();
  }
  // The writes went to another server, or were undone; so was who knows what else.
  absl::Status lost =
      NotReached("redis does not have what it had confirmed: it was flushed or replaced");
  writes_->Reset(lost);
  return lost;
}

absl::Status ReplicaBarrier::Reached(const absl::StatusOr<redis::Reply>& reply) const {
  if (!reply.ok()) return NotReached(reply.status().message());
  if (reply->is_error()) return NotReached(absl::StrCat("redis says ", reply->text));
  if (reply->type != redis::Reply::Type::kInteger) {
    return NotReached("redis answered WAIT with something else");
  }
  if (reply->integer >= static_cast<int64_t>(options_.replicas)) return absl::OkStatus();
  return NotReached(absl::StrCat(reply->integer, " of ", options_.replicas, " replicas within ",
                                 absl::FormatDuration(options_.timeout)));
}

// The next one begins before anybody hears of this one, who may do anything.
void ReplicaBarrier::Finish(const absl::Status& status) {
  std::vector<Done> waited = std::exchange(waiting_, {});
  busy_ = false;
  if (!ready_.empty()) StartSoon();
  for (Done& done : waited) done(status);
}

void ReplicaBarrier::Clear() {
  ++generation_;
  ready_.clear();
  waiting_.clear();
  busy_ = false;
  // A WAIT that nobody needs may hold it up; and the two are to lead to the same server.
  waits_->Reset(absl::UnavailableError("the connection of the writes was lost"));
}

}  // namespace spanwire::channel
