// One agent's stream, from Open to its end: numbers what arrives, hands it to the appender,
// acknowledges what is committed. Sans-I/O: it is told what happened and tells its transport what
// to do.
//
// What is unacknowledged is bounded by the credits, what is unwritten by limits::kUnwrittenFrames;
// while either the latter or the appender is full, or this stream's share of it, nothing is read,
// so that HTTP/2's window closes and the agent's Publish says so.
//
// Owner: its transport. Thread: the redis loop's only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "broker/frames.h"
#include "broker/metrics.h"
#include "core/base/executor.h"
#include "core/base/limits.h"
#include "core/channel/appender.h"
#include "spanwire/v1/publisher.pb.h"

namespace spanwire::broker {

class PublishStream final : public channel::AppendSink {
 public:
  // How the stream reaches the agent. Its calls are never answered from within.
  class Transport {
   public:
    virtual ~Transport() = default;
    // One more frame is wanted: OnFrame, OnBadFrame or OnHalfClose follows. The first read is under
    // way from the beginning.
    virtual void Read() = 0;
    // OnWritten follows; until then this is not called again.
    virtual void Write(const v1::PublishStreamResponse& response) = 0;
    // The last call of all, never while a write is under way.
    virtual void Finish(const absl::Status& status) = 0;
  };

  // What streams of a broker share.
  class Host {
   public:
    virtual ~Host() = default;
    // `open` is well-formed. Answered by Accept or End, now or later.
    virtual void OnOpen(PublishStream* stream, const v1::Open& open) = 0;
    // The stream is over; the appender has forgotten it. Once a stream; it is not touched after
    // that.
    virtual void OnEnd(PublishStream* stream, const absl::Status& status) = 0;
    // A newer instance has taken over. OnEnd follows.
    virtual void OnFenced(PublishStream* stream, uint64_t newer) = 0;
    // Whether the appender takes more from streams. If not, Resume follows when it does.
    virtual bool HasRoom(PublishStream* stream) = 0;
  };

  // All outlive the stream.
  PublishStream(base::Executor* executor, channel::Appender* appender, Host* host,
                Transport* transport, BrokerMetrics* metrics, uint32_t credits = limits::kCredits);

  // From the transport. Nothing of this matters after the end.
  void OnFrame(PublishFrame frame);
  void OnBadFrame(const absl::Status& why);
  void OnHalfClose();
  void OnWritten(bool ok);
  void OnCancelled();

  // From the host.
  void Accept(std::shared_ptr<const channel::Producer> producer);
  void Resume();
  // Tells the agent to go elsewhere, takes nothing more, acknowledges what is under way, ends
  // UNAVAILABLE.
  void Drain(absl::Duration retry_after);
  void End(const absl::Status& status);

  // From the appender.
  void OnCommitted(uint64_t sequence, absl::string_view channel,
                   absl::optional<channel::Position> position) override;
  void OnFenced(uint64_t newer) override;
  void OnRoom() override;

  // Null before Accept.
  const std::shared_ptr<const channel::Producer>& producer() const { return producer_; }
  bool ended() const { return state_ == State::kEnded; }
  // Events taken and not acknowledged yet.
  uint64_t unacknowledged() const { return window_.size(); }

 private:
  enum class State : uint8_t { kWaitsForOpen, kOpening, kOpen, kEnded };

  // One sequence that is not acknowledged.
  struct Sent {
    absl::Duration taken;
    uint32_t outstanding = 0;  // channels on which it is not committed yet
    std::vector<std::pair<std::string, channel::Position>> positions;  // with want_positions
  };

  void OnOpen(const v1::Open& open);
  void OnBatch(std::vector<RoutedEvent> events, uint64_t first_sequence);
  absl::Status CheckBatch(uint64_t first_sequence, uint64_t count) const;
  void Take(RoutedEvent event, uint64_t sequence);
  void PushNack(uint64_t sequence, const std::vector<Violation>& violations);
  void PushFlow(v1::Flow::Level level, absl::Duration retry_after);
  void MaybeRead();
  void WriteSoon();
  void WriteNext();
  bool NextResponse(v1::PublishStreamResponse* response);
  bool NextAck(v1::Ack* ack);
  void MaybeComplete();

  base::Executor* const executor_;
  channel::Appender* const appender_;
  Host* const host_;
  Transport* const transport_;
  BrokerMetrics* const metrics_;
  const uint32_t credits_;

  State state_ = State::kWaitsForOpen;
  absl::Status end_;
  bool reading_ = true;
  bool writing_ = false;
  bool write_posted_ = false;
  bool half_closed_ = false;
  bool draining_ = false;
  bool stopped_ = false;  // the agent was told to send nothing
  bool want_positions_ = false;
  std::shared_ptr<const channel::Producer> producer_;
  uint64_t acked_ =
      0;  // every sequence up to this one is in an Ack that was handed to the transport
  uint64_t expected_ = 0;                            // the next batch's first sequence; 0: any
  std::deque<Sent> window_;                          // of the sequences after acked_
  std::deque<v1::PublishStreamResponse> unwritten_;  // Opened and Nacks, in order
  absl::optional<v1::Flow> flow_;                    // the newest, unwritten
  base::Executor::Timer open_deadline_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace spanwire::broker
