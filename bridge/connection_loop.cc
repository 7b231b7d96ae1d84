#include "bridge/connection_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "bridge/connection.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

void Add(std::atomic<uint64_t>& counter, uint64_t by) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

}  // namespace

void ConnectionCounters::CountClose(uint16_t code) {
  const auto* known = std::find(std::begin(kCloseCodes), std::end(kCloseCodes), code);
  Add(closes[known == std::end(kCloseCodes) ? 0 : known - kCloseCodes], 1);
}

ConnectionLoop::ConnectionLoop(base::Loop* loop, Site* site, const HttpGate* gate,
                               const ConnectionOptions& options)
    : loop_(loop),
      site_(site),
      gate_(gate),
      options_(options),
      read_buffer_(limits::kSocketReadBytes),
      now_(loop->Uptime()),
      swept_(now_),
      self_(std::make_shared<ConnectionLoop*>(this)),
      adopted_(loop,
               [this](std::vector<base::FileDescriptor>&& fds) { OnAdopted(std::move(fds)); }) {
  ScheduleSweep();
}

ConnectionLoop::~ConnectionLoop() {
  *self_ = nullptr;
  adopted_.Close();
  connections_.clear();
}

void ConnectionLoop::Adopt(base::FileDescriptor fd) {
  connection_count_.fetch_add(1, std::memory_order_relaxed);
  adopted_.PostAnyway(std::move(fd));  // counted, and the listener bounds the count
}

void ConnectionLoop::OnAdopted(std::vector<base::FileDescriptor>&& fds) {
  if (draining_) {  // accepted just before
    connection_count_.fetch_sub(fds.size(), std::memory_order_relaxed);
    return fds.clear();
  }
  for (base::FileDescriptor& fd : fds) {
    if (options_.send_buffer_bytes > 0) {
      ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &options_.send_buffer_bytes,
                   sizeof(options_.send_buffer_bytes));
    }
    // Not for unix sockets, which fail here: their buffer does not grow.
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &options_.unsent_bytes,
                 sizeof(options_.unsent_bytes));
    // What a peer that vanished never acknowledges fits the kernel's buffer: on a stream, where it
    // is not asked for a pong, nothing else would end it for a quarter of an hour.
    const auto vanished = static_cast<unsigned>(absl::ToInt64Milliseconds(options_.pong_deadline));
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished, sizeof(vanished));
    connections_.push_back(std::make_unique<Connection>(this, std::move(fd)));
    connections_.back()->index = connections_.size() - 1;
  }
}

void ConnectionLoop::OnTraffic(size_t bytes_in, size_t bytes_out) {
  Add(counters_.bytes_in, bytes_in);
  Add(counters_.bytes_out, bytes_out);
}

void ConnectionLoop::AddDirty(Connection* connection) {
  if (connection->dirty) return;
  connection->dirty = true;
  dirty_.push_back(connection);
  if (!end_of_turn_posted_) ScheduleEndOfTurn();
}

bool ConnectionLoop::ReserveBody(size_t bytes) {
  if (body_bytes_ + bytes > limits::kBodiesBytes) return false;
  body_bytes_ += bytes;
  return true;
}

absl::Duration ConnectionLoop::NextRetry() {
  const int64_t floor = absl::ToInt64Milliseconds(limits::kRetryFloor);
  const int64_t ceiling = absl::ToInt64Milliseconds(limits::kRetryCeiling);
  return absl::Milliseconds(std::uniform_int_distribution<int64_t>(floor, ceiling)(random_));
}

// Asio runs posted tasks after those that are ready now: what they send in this turn goes out
// together.
void ConnectionLoop::ScheduleEndOfTurn() {
  end_of_turn_posted_ = true;
  loop_->Post([self = self_] {
    if (*self != nullptr) (*self)->EndTurn();
  });
}

void ConnectionLoop::EndTurn() {
  end_of_turn_posted_ = false;
  flushing_.swap(dirty_);
  for (Connection* connection : flushing_) {
    connection->dirty = false;
    connection->EndOfTurn();
  }
  // Whoever became dirty again has another turn, and is not buried before.
  for (Connection* connection : flushing_) {
    if (connection->over() && !connection->dirty) Bury(connection);
  }
  flushing_.clear();
}

void ConnectionLoop::Bury(Connection* connection) {
  const size_t index = connection->index;
  std::swap(connections_[index], connections_.back());
  connections_[index]->index = index;
  connections_.pop_back();
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
}

void ConnectionLoop::Drain(absl::Duration window) {
  draining_ = true;
  for (const auto& connection : connections_) connection->Drain();
  cut_ = loop_->After(window + options_.close_deadline, [this] {
    for (const auto& connection : connections_) connection->Cut();
  });
}

void ConnectionLoop::ScheduleSweep() {
  sweep_ = loop_->After(options_.sweep_interval, [this] { Sweep(); });
}

void ConnectionLoop::Sweep() {
  const absl::Duration uptime = loop_->Uptime();
  now_ += std::min(uptime - swept_, 2 * options_.sweep_interval);
  swept_ = uptime;
  for (const auto& connection : connections_) connection->Sweep();
  ScheduleSweep();
}

}  // namespace spanwire::bridge
