#include "clients/cpp/publisher.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include <google/protobuf/util/time_util.h>
#include <grpcpp/alarm.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "clients/cpp/encode.h"
#include "clients/cpp/session.h"

namespace spanwire {
namespace {

using client::Session;
using client::Step;

constexpr char kMethod[] = "/spanwire.v1.PublisherService/PublishStream";
constexpr char kPushback[] = "grpc-retry-pushback-ms";  // gRPC's own name for "come back after"

// What a completion says. kWoken is the alarm's, the others belong to the stream.
enum Tag : intptr_t { kWoken = 1, kStarted, kWritten, kHalfClosed, kRead, kFinished };

void* AsTag(Tag tag) { return reinterpret_cast<void*>(tag); }

absl::Duration Uptime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

gpr_timespec DeadlineAt(absl::Duration uptime) {
  if (uptime == absl::InfiniteDuration()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  const int64_t nanos = std::max<int64_t>(0, absl::ToInt64Nanoseconds(uptime - Uptime()));
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(nanos, GPR_TIMESPAN));
}

// A channel of its own for each attempt: one attempt of ours is one attempt to connect, and gRPC's
// own waiting between attempts, which a channel shares and remembers, never adds to ours.
std::shared_ptr<grpc::Channel> NewChannel(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A broker is near; http_proxy in the environment is about other things, and would be asked even
  // for 127.0.0.1.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

// One PublishStream call. It must be Done before it goes: completions refer to it.
class Stream {
 public:
  Stream(const std::string& target, grpc::CompletionQueue* completions, std::string first_frame)
      : stub_(NewChannel(target)), first_frame_(std::move(first_frame)) {
    call_ = stub_.PrepareCall(&context_, kMethod, completions);
    call_->StartCall(Pending(kStarted));
  }

  void Write(absl::string_view frame) {
    const grpc::Slice slice(frame.data(), frame.size());
    call_->Write(grpc::ByteBuffer(&slice, 1), Pending(kWritten));
  }
  void HalfClose() { call_->WritesDone(Pending(kHalfClosed)); }
  void Cancel() { context_.TryCancel(); }

  // Takes one completion. True: `response` was received.
  bool OnCompletion(Tag tag, bool ok, v1::PublishStreamResponse* response) {
    --pending_;
    if (tag == kStarted && ok) {
      Write(first_frame_);
      Read();
    } else if (tag == kRead && ok) {
      const bool parsed = Parse(response);
      if (!parsed) Cancel();
      Read();
      return parsed;
    } else if (tag == kStarted || tag == kRead) {
      call_->Finish(&status_, Pending(kFinished));
    }
    return false;
  }

  bool Done() const { return pending_ == 0; }

  absl::Status status() const {
    return absl::Status(static_cast<absl::StatusCode>(status_.error_code()),
                        status_.error_message());
  }

  absl::optional<absl::Duration> Hint() const {
    const auto& metadata = context_.GetServerTrailingMetadata();
    const auto found = metadata.find(kPushback);
    int64_t milliseconds = 0;
    if (found == metadata.end() ||
        !absl::SimpleAtoi(absl::string_view(found->second.data(), found->second.size()),
                          &milliseconds)) {
      return absl::nullopt;
    }
    return absl::Milliseconds(milliseconds);
  }

 private:
  void* Pending(Tag tag) {
    ++pending_;
    return AsTag(tag);
  }
  void Read() { call_->Read(&received_, Pending(kRead)); }
  bool Parse(v1::PublishStreamResponse* response) {
    grpc::ProtoBufferReader reader(&received_);
    return response->ParseFromZeroCopyStream(&reader);
  }

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  const std::string first_frame_;
  grpc::ByteBuffer received_;
  grpc::Status status_;
  int pending_ = 0;
};

}  // namespace

// The session under one lock, for callers on any thread; the stream and the callbacks on a thread
// of its own, which waits for completions, the session's next moment, or the alarm by which a
// caller wakes it.
class Publisher::Impl {
 public:
  explicit Impl(PublisherOptions options)
      : options_(Sane(std::move(options))),
        session_({options_.agent,
                  options_.producer_id,
                  options_.ack_level,
                  {options_.queue_events, options_.queue_bytes},
                  [this] { return jitter_(random_); }}),
        thread_([this] { Run(); }) {}

  ~Impl() {
    {
      absl::MutexLock lock(&mutex_);
      closing_ = true;
      Wake();
    }
    thread_.join();
  }

  absl::StatusOr<uint64_t> Publish(v1::Event event) {
    if (!event.has_timestamp()) {
      *event.mutable_timestamp() =
          google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::GetCurrentTimeNanos());
    }
    absl::StatusOr<std::string> encoded = client::EncodeEvent(event);
    absl::MutexLock lock(&mutex_);
    if (!encoded.ok()) {
      ++rejected_;
      return encoded.status();
    }
    if (options_.when_full == WhenFull::kWait && !OnOwnThread()) {
      AwaitRoom waiter{this, encoded->size()};
      mutex_.Await(absl::Condition(&waiter, &AwaitRoom::Ready));
    }
    absl::StatusOr<uint64_t> sequence = session_.Push(*std::move(encoded));
    if (!sequence.ok()) {
      ++rejected_;
    } else if (session_.CanWrite()) {
      Wake();
    }
    return sequence;
  }

  absl::Status Flush(absl::Duration timeout) {
    absl::MutexLock lock(&mutex_);
    if (OnOwnThread()) {
      return absl::FailedPreconditionError(
          "Flush waits for callbacks, so none of them may call it");
    }
    AwaitDone waiter{this, session_.window().end()};
    mutex_.AwaitWithTimeout(absl::Condition(&waiter, &AwaitDone::Ready), timeout);
    const uint64_t first = session_.window().first();
    if (first >= waiter.end) return absl::OkStatus();
    if (!session_.stopped().ok()) return session_.stopped();
    return absl::DeadlineExceededError(
        absl::StrCat(waiter.end - first, " events are not acknowledged yet"));
  }

  Counters counters() const {
    absl::MutexLock lock(&mutex_);
    const client::Window& window = session_.window();
    Counters counters;
    counters.published = window.end() - 1;
    counters.acked = window.acked();
    counters.nacked = window.nacked();
    counters.rejected = rejected_;
    counters.resent = window.resent();
    counters.reconnects = session_.reconnects();
    return counters;
  }
  State state() const {
    absl::MutexLock lock(&mutex_);
    return session_.state();
  }
  std::string producer_id() const {
    absl::MutexLock lock(&mutex_);
    return session_.producer_id();
  }
  uint64_t producer_epoch() const {
    absl::MutexLock lock(&mutex_);
    return session_.producer_epoch();
  }

 private:
  // What callers wait for; evaluated under the lock.
  struct AwaitRoom {
    Impl* impl;
    size_t bytes;
    bool Ready() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return impl->session_.window().HasRoom(bytes) || !impl->session_.stopped().ok();
    }
  };
  struct AwaitDone {
    Impl* impl;
    uint64_t end;
    bool Ready() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return impl->reported_ >= end || !impl->session_.stopped().ok();
    }
  };

  static PublisherOptions Sane(PublisherOptions options) {
    options.queue_events = std::max<size_t>(options.queue_events, 1);
    options.queue_bytes = std::max(options.queue_bytes, client::kEventBytes);
    return options;
  }

  bool OnOwnThread() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::this_thread::get_id() == own_thread_;
  }

  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (std::exchange(wake_pending_, true)) return;
    alarm_.Set(&completions_, gpr_inf_past(GPR_CLOCK_MONOTONIC), AsTag(kWoken));
  }

  void Run() {
    {
      absl::MutexLock lock(&mutex_);
      own_thread_ = std::this_thread::get_id();
    }
    bool closing = false;
    while (!closing || stream_ != nullptr) {
      absl::Duration wake_at = Advance();
      void* tag = nullptr;
      bool ok = false;
      const auto next = completions_.AsyncNext(&tag, &ok, DeadlineAt(wake_at));
      if (next == grpc::CompletionQueue::GOT_EVENT) {
        Handle(static_cast<Tag>(reinterpret_cast<intptr_t>(tag)), ok);
      }
      absl::MutexLock lock(&mutex_);
      if (closing_ && !std::exchange(closing, true) && stream_ != nullptr) stream_->Cancel();
    }
    Drain();
  }

  // Carries out what the session wants now, tells the application what there is to tell; when to
  // look again.
  absl::Duration Advance() {
    do {
      Step step;
      std::vector<client::Report> reports;
      absl::Duration wake_at;
      {
        absl::MutexLock lock(&mutex_);
        if (closing_) return absl::InfiniteDuration();
        step = session_.Next(Uptime());
        reports = session_.TakeReports();
        wake_at = session_.wake_at();
      }
      const bool idle = step.action == Step::kNone && reports.empty();
      Execute(std::move(step));
      Tell(reports);
      if (idle) return wake_at;
    } while (true);
  }

  void Execute(Step step) {
    switch (step.action) {
      case Step::kNone:
        break;
      case Step::kStart:
        stream_ = std::make_unique<Stream>(options_.target, &completions_, std::move(step.frame));
        break;
      case Step::kWrite:
        stream_->Write(step.frame);
        break;
      case Step::kHalfClose:
        stream_->HalfClose();
        break;
      case Step::kCancel:
        stream_->Cancel();
        break;
    }
  }

  void Tell(const std::vector<client::Report>& reports) {
    for (const client::Report& report : reports) {
      if (const auto* acked = std::get_if<client::Acked>(&report)) {
        if (options_.on_ack) options_.on_ack(acked->sequence);
        absl::MutexLock lock(&mutex_);
        reported_ = acked->sequence + 1;
      } else if (const auto* nack = std::get_if<v1::Nack>(&report)) {
        if (options_.on_nack) options_.on_nack(*nack);
      } else if (const auto* changed = std::get_if<client::Changed>(&report)) {
        if (options_.on_state) options_.on_state(changed->state, changed->why);
      }
    }
  }

  void Handle(Tag tag, bool ok) {
    if (tag == kWoken) {
      absl::MutexLock lock(&mutex_);
      wake_pending_ = false;
      return;
    }
    v1::PublishStreamResponse response;
    const bool received = stream_->OnCompletion(tag, ok, &response);
    {
      absl::MutexLock lock(&mutex_);
      if (received) session_.OnResponse(response, Uptime());
      if (tag == kWritten && ok) session_.OnWritten();
      if (!stream_->Done()) return;
      session_.OnEnded(stream_->status(), stream_->Hint(), Uptime());
    }
    stream_.reset();
  }

  // A completion queue must be empty when it goes.
  void Drain() {
    completions_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (completions_.Next(&tag, &ok)) continue;
  }

  const PublisherOptions options_;
  std::mt19937 random_{std::random_device{}()};
  std::uniform_real_distribution<double> jitter_{0.0, 1.0};
  grpc::CompletionQueue completions_;
  std::unique_ptr<Stream> stream_;  // the thread's

  mutable absl::Mutex mutex_;
  Session session_ ABSL_GUARDED_BY(mutex_);
  grpc::Alarm alarm_ ABSL_GUARDED_BY(mutex_);
  bool wake_pending_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread::id own_thread_ ABSL_GUARDED_BY(mutex_);
  uint64_t rejected_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t reported_ ABSL_GUARDED_BY(mutex_) = 1;  // first sequence that on_ack was not told of

  std::thread thread_;  // last: it uses all of the above
};

Publisher::Publisher(PublisherOptions options) : impl_(new Impl(std::move(options))) {}
Publisher::~Publisher() = default;

absl::StatusOr<uint64_t> Publisher::Publish(v1::Event event) {
  return impl_->Publish(std::move(event));
}
absl::Status Publisher::Flush(absl::Duration timeout) { return impl_->Flush(timeout); }
Counters Publisher::counters() const { return impl_->counters(); }
State Publisher::state() const { return impl_->state(); }
std::string Publisher::producer_id() const { return impl_->producer_id(); }
uint64_t Publisher::producer_epoch() const { return impl_->producer_epoch(); }

}  // namespace spanwire
