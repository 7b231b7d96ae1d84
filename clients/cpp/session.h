// The life of a Publisher over its streams, without I/O: when to connect, what to write, what an
// answer means, when to give a stream up, how long to wait, when to stop for good.
//
// A pure machine. The owner feeds it what happened (On…) and asks after every input, and at
// wake_at(), for the next Step until there is none. Time is any clock that never goes backwards.
// Not thread-safe: the owner's lock covers it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "clients/cpp/publisher.h"
#include "clients/cpp/window.h"

namespace spanwire::client {

// One thing to do. A frame is an encoded PublishStreamRequest.
struct Step {
  enum Action {
    kNone,
    kStart,  // start a stream; `frame` is its first, to be written once it is up; answer OnWritten,
             // or OnEnded
    kWrite,  // write `frame`; answer OnWritten, or OnEnded
    kHalfClose,  // nothing more will be written; what remains is answered, then OnEnded
    kCancel,     // give the stream up; answer OnEnded
  };
  Action action = kNone;
  std::string frame;
};

// What the application should be told, in order.
struct Acked {
  uint64_t sequence;
};
struct Changed {
  State state;
  absl::Status why;
};
using Report = std::variant<Acked, v1::Nack, Changed>;

class Session {
 public:
  struct Options {
    std::string agent;
    std::string producer_id;
    v1::AckLevel ack_level = v1::ACK_LEVEL_REDIS;
    Window::Bounds bounds;
    std::function<double()> random;  // uniform in [0, 1)
  };
  explicit Session(Options options);

  // Queues an encoded event; its sequence. RESOURCE_EXHAUSTED: no room now. Stopped: why.
  absl::StatusOr<uint64_t> Push(std::string event);

  void OnWritten();
  void OnResponse(const v1::PublishStreamResponse& response, absl::Duration now);
  // The stream is over, nothing of it is under way any more. `hint`: how long the broker asked to
  // wait, if it did.
  void OnEnded(absl::Status status, absl::optional<absl::Duration> hint, absl::Duration now);

  Step Next(absl::Duration now);
  // When Next wants to be asked even if nothing happens.
  absl::Duration wake_at() const { return wake_at_; }
  // Whether a Push may have made a write possible: the owner must then ask Next.
  bool CanWrite() const;
  std::vector<Report> TakeReports();

  State state() const { return state_; }
  // Why it stopped; OK while it has not.
  const absl::Status& stopped() const { return stopped_; }
  const Window& window() const { return window_; }
  uint64_t reconnects() const { return reconnects_; }
  const std::string& producer_id() const { return producer_id_; }
  uint64_t producer_epoch() const { return producer_epoch_; }

 private:
  Step StartStream(absl::Duration now);
  void OnOpened(const v1::Opened& opened);
  void OnFlow(const v1::Flow& flow);
  void Confused(absl::string_view what);
  void Stop(absl::Status why);
  void Wait(absl::optional<absl::Duration> hint, absl::Duration now);
  // Sets the time until which the broker must have said something.
  void Expect(absl::Duration now);
  void Change(State state, absl::Status why);

  const Options options_;
  Window window_;
  std::vector<Report> reports_;

  State state_ = State::kConnecting;
  absl::Status stopped_;
  std::string producer_id_;
  uint64_t producer_epoch_ = 0;
  bool ever_opened_ = false;
  uint64_t reconnects_ = 0;
  int attempts_ = 0;  // since the last stream that did some good
  absl::Duration wake_at_ = -absl::InfiniteDuration();

  // The present stream.
  bool streaming_ = false;    // started and not ended
  bool writing_ = false;      // a write is in flight
  bool paused_ = false;       // Flow STOP
  bool draining_ = false;     // Flow DRAIN
  bool half_closed_ = false;  // after which nothing is written
  bool cancelled_ = false;
  absl::Duration opened_at_;
  absl::optional<absl::Duration> hint_;
  absl::Status verdict_;  // ours on a stream that we cancel; stands above what its end says
};

}  // namespace spanwire::client
