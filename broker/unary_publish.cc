#include "broker/unary_publish.h"

#include <algorithm>
#include <utility>

namespace spanwire::broker {

void UnaryPublish::Start(channel::Appender* appender,
                         std::shared_ptr<const channel::Producer> producer) {
  appender_ = appender;
  producer_ = std::move(producer);
  uint64_t sequence = 0;
  for (RoutedEvent& event : call_.events) {
    ++sequence;
    outstanding_ += event.channels.size();
    for (const std::string& channel : event.channels) {
      appender_->Append(this, producer_, channel, sequence, event.transient, event.event);
    }
  }
}

void UnaryPublish::OnCommitted(uint64_t sequence, absl::string_view channel,
                               absl::optional<channel::Position> position) {
  if (ended()) return;
  if (position) {
    v1::EventPosition& added = *response_.add_positions();
    added.set_sequence(sequence);
    added.set_channel(channel.data(), channel.size());
    added.set_position(position->ToString());
  }
  if (--outstanding_ > 0) return;
  // Channels answer in any order.
  std::stable_sort(response_.mutable_positions()->pointer_begin(),
                   response_.mutable_positions()->pointer_end(),
                   [](const v1::EventPosition* a, const v1::EventPosition* b) {
                     return a->sequence() < b->sequence();
                   });
  End(absl::OkStatus());
}

void UnaryPublish::OnFenced(uint64_t) {
  End(absl::AbortedError("fenced: a newer instance of this producer has taken over"));
}

void UnaryPublish::End(const absl::Status& status) {
  if (ended()) return;
  if (appender_ != nullptr) appender_->Forget(this);
  Done done = std::exchange(done_, nullptr);
  done(status, response_);
}

}  // namespace spanwire::broker
