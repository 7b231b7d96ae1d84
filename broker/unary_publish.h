// One unary Publish: its events are appended, and when all are committed on all their channels it
// is done. Sans-I/O.
//
// Owner: its transport. Thread: the redis loop's only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "broker/frames.h"
#include "core/channel/appender.h"
#include "spanwire/v1/publisher.pb.h"

namespace spanwire::broker {

class UnaryPublish final : public channel::AppendSink {
 public:
  // Called once, when it is over. The response counts with OK only. The machine may be destroyed
  // later, not within.
  using Done = absl::AnyInvocable<void(const absl::Status&, const v1::PublishResponse&)>;

  UnaryPublish(PublishCall call, Done done) : call_(std::move(call)), done_(std::move(done)) {}

  // Appends everything; the events get the sequences from 1, in order. `appender` outlives this.
  void Start(channel::Appender* appender, std::shared_ptr<const channel::Producer> producer);
  void End(const absl::Status& status);

  void OnCommitted(uint64_t sequence, absl::string_view channel,
                   absl::optional<channel::Position> position) override;
  void OnFenced(uint64_t newer) override;

  const std::string& idempotency_key() const { return call_.idempotency_key; }
  v1::AckLevel ack_level() const { return call_.ack_level; }
  size_t events() const { return call_.events.size(); }
  bool ended() const { return done_ == nullptr; }
  // Null before Start.
  const std::shared_ptr<const channel::Producer>& producer() const { return producer_; }

 private:
  PublishCall call_;
  Done done_;
  channel::Appender* appender_ = nullptr;
  std::shared_ptr<const channel::Producer> producer_;
  size_t outstanding_ = 0;  // pairs of event and channel that are not committed
  v1::PublishResponse response_;
};

}  // namespace spanwire::broker
