// One connection loop's connections: takes accepted sockets, gathers what they have to send,
// flushes each once a turn of the loop, and looks after their deadlines by one coarse sweep instead
// of a timer each.
//
// Owner: the bridge's server, one per base::Loop. Thread: that loop, except where said; it is made
// before the loop runs, and destroyed on the loop or after it has ended.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "absl/time/time.h"
#include "bridge/connection_options.h"
#include "bridge/http_gate.h"
#include "bridge/site.h"
#include "bridge/socket.h"
#include "core/base/loop.h"
#include "core/base/mailbox.h"
#include "core/base/random.h"

namespace spanwire::bridge {

class Connection;

// What a loop counts. Written by one thread, read by any.
struct ConnectionCounters {
  // The close codes that are counted by themselves; what else peers send is counted as 0. 1005: a
  // close without code, 1006: an end without close.
  static constexpr uint16_t kCloseCodes[] = {0,    1000, 1001, 1002, 1003, 1005, 1006,
                                             1007, 1009, 1011, 3001, 3008, 3012, 3501};
  static constexpr size_t kCloseCodeCount = sizeof(kCloseCodes) / sizeof(kCloseCodes[0]);

  std::atomic<uint64_t> requests{0};         // heads that were answered, whatever the answer
  std::atomic<uint64_t> bytes_in{0};         // of sockets, all kinds
  std::atomic<uint64_t> bytes_out{0};        // likewise
  std::atomic<uint64_t> frames_out{0};       // that sessions sent
  std::atomic<uint64_t> messages_in{0};      // that sessions heard
  std::atomic<uint64_t> websockets{0};       // opened so far
  std::atomic<uint64_t> websockets_open{0};  // now
  std::atomic<uint64_t> streams{0};          // of frames over HTTP, likewise
  std::atomic<uint64_t> streams_open{0};
  std::atomic<uint64_t> closes[kCloseCodeCount] = {};

  void CountClose(uint16_t code);
};

class ConnectionLoop final : public FlushList {
 public:
  // All pointers outlive it.
  ConnectionLoop(base::Loop* loop, Site* site, const HttpGate* gate,
                 const ConnectionOptions& options);
  ~ConnectionLoop() override;
  ConnectionLoop(const ConnectionLoop&) = delete;
  ConnectionLoop& operator=(const ConnectionLoop&) = delete;

  // Takes over an accepted, non-blocking socket. From any thread.
  void Adopt(base::FileDescriptor fd);
  // Connections now, including those that are on their way here. From any thread.
  size_t connections() const { return connection_count_.load(std::memory_order_relaxed); }
  // From any thread.
  const ConnectionCounters& counters() const { return counters_; }

  // The bridge goes down: answers in progress are finished, other connections closed, new ones,
  // too. WebSockets are closed by their sessions. What is still there when `window` and the close
  // deadline have passed is cut: a browser that does not read holds nobody up.
  void Drain(absl::Duration window);

  // For connections.
  base::Loop* loop() const { return loop_; }
  Site* site() const { return site_; }
  const HttpGate& gate() const { return *gate_; }
  const ConnectionOptions& options() const { return options_; }
  ConnectionCounters& mutable_counters() { return counters_; }
  bool draining() const { return draining_; }
  void AddDirty(Connection* connection);
  // Room for a request's body. False: there is none.
  bool ReserveBody(size_t bytes);
  void ReleaseBody(size_t bytes) { body_bytes_ -= bytes; }
  // What one EventSource waits before it comes back: not all come back together.
  absl::Duration NextRetry();

  // FlushList.
  absl::Duration now() const override { return now_; }
  absl::Span<char> read_buffer() override { return absl::MakeSpan(read_buffer_); }
  void OnTraffic(size_t bytes_in, size_t bytes_out) override;

 private:
  void OnAdopted(std::vector<base::FileDescriptor>&& fds);
  void ScheduleEndOfTurn();
  void EndTurn();
  void Sweep();
  void ScheduleSweep();
  void Bury(Connection* connection);

  base::Loop* const loop_;
  Site* const site_;
  const HttpGate* const gate_;
  const ConnectionOptions options_;
  ConnectionCounters counters_;
  std::atomic<size_t> connection_count_{0};
  bool draining_ = false;
  size_t body_bytes_ = 0;  // of requests whose bodies are being read
  std::minstd_rand random_{static_cast<uint32_t>(base::FreshSeed())};

  std::vector<char> read_buffer_;  // one for all: bytes are used up before the next read
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> dirty_;
  std::vector<Connection*> flushing_;
  bool end_of_turn_posted_ = false;

  // The sweeps' time. It follows Uptime but never jumps, so that a loop that was held up blames
  // nobody for it.
  absl::Duration now_;
  absl::Duration swept_;  // the last sweep's Uptime
  base::Executor::Timer sweep_;
  base::Executor::Timer cut_;
  std::shared_ptr<ConnectionLoop*> self_;  // for posted tasks; null inside after the end
  base::Mailbox<base::FileDescriptor> adopted_;
};

}  // namespace spanwire::bridge
