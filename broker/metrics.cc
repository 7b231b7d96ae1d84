#include "broker/metrics.h"

#include <string>

namespace spanwire::broker {

BrokerMetrics::BrokerMetrics(base::Metrics* m)
    : connections(m->AddCounter("spanwire_broker_accepted_total", "Connections accepted.")),
      refused_connections(m->AddCounter("spanwire_broker_refused_connections_total",
                                        "Connections refused for lack of room or descriptors.")),
      streams(m->AddGauge("spanwire_broker_streams", "Open publish streams.")),
      events(m->AddCounter("spanwire_broker_events_received_total", "Events that agents sent.")),
      event_bytes(
          m->AddCounter("spanwire_broker_event_bytes_received_total", "Bytes of accepted events.")),
      nacks(m->AddCounter("spanwire_broker_nacks_total",
                          "Events of streams that can never be accepted.")),
      fenced(m->AddCounter("spanwire_broker_fenced_total",
                           "Streams ended by a newer instance or stream.")),
      control_up(
          m->AddGauge("spanwire_broker_control_up", "1 while the control channel is subscribed.")),
      control_refused(m->AddCounter("spanwire_broker_control_refused_total",
                                    "Messages on the control channel that do not parse.")),
      ack_seconds(
          m->AddHistogram("spanwire_broker_ack_seconds",
                          "From an event's arrival to its ack, the oldest event of each ack.",
                          base::LatencyBounds())),
      appended(
          m->AddCounter("spanwire_broker_appended_total", "Events appended to a channel's log.")),
      transient(m->AddCounter("spanwire_broker_transient_total",
                              "Events published without being logged.")),
      duplicates(
          m->AddCounter("spanwire_broker_duplicates_total", "Events that the log had already.")),
      unpublished(m->AddCounter("spanwire_broker_unpublished_total",
                                "Events that Redis logged but would not publish.")),
      append_calls(m->AddCounter("spanwire_broker_append_calls_total", "Calls of publish.lua.")),
      append_refusals(m->AddCounter("spanwire_broker_append_refusals_total",
                                    "Calls of publish.lua that Redis answered with an error.")),
      epochs(m->AddCounter("spanwire_broker_channel_epochs_total", "Epochs begun on channels.")),
      replicated(m->AddCounter("spanwire_broker_replicated_total",
                               "Events committed at ack level replicated.")),
      unreplicated(m->AddCounter("spanwire_broker_unreplicated_total",
                                 "Events of ack level replicated that replicas did not have in "
                                 "time; their agents were told.")),
      appended_again(m->AddCounter("spanwire_broker_appended_again_total",
                                   "Events appended again because Redis had lost them.")),
      queue_bytes(m->AddGauge("spanwire_broker_queue_bytes", "Bytes waiting for Redis.")),
      redis_up(m->AddGauge("spanwire_broker_redis_up", "1 while Redis is connected.")),
      redis_losses(m->AddCounter("spanwire_broker_redis_losses_total",
                                 "Connections to Redis that were lost.")) {
  for (size_t code = 0; code < kCodes; ++code) {
    const base::Metrics::Labels labels = {
        {"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}};
    stream_ends[code] =
        &m->AddCounter("spanwire_broker_stream_ends_total", "Streams that ended.", labels);
    calls[code] =
        &m->AddCounter("spanwire_broker_publish_calls_total", "Unary calls that ended.", labels);
  }
}

}  // namespace spanwire::broker
