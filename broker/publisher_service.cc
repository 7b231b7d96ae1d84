#include "broker/publisher_service.h"

#include <atomic>
#include <random>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "broker/frames.h"
#include "core/base/limits.h"
#include "core/base/random.h"
#include "spanwire/v1/publisher.grpc.pb.h"

namespace spanwire::broker {
namespace {

using grpc::ByteBuffer;

// gRPC's name for when a server wants to see the client again, in milliseconds.
constexpr char kRetryKey[] = "grpc-retry-pushback-ms";

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

// So that agents that lost the same broker at the same moment do not come back at the same moment.
void AddRetryHint(const absl::Status& status, grpc::CallbackServerContext* context) {
  if (!absl::IsUnavailable(status)) return;
  static thread_local std::mt19937_64 random(base::FreshSeed());
  const int64_t most = absl::ToInt64Milliseconds(limits::kRetryAfter);
  context->AddTrailingMetadata(
      kRetryKey, absl::StrCat(std::uniform_int_distribution<int64_t>(1, most)(random)));
}

ByteBuffer Encode(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return ByteBuffer(&slice, 1);
}

// The message's bytes in one piece: copied only if they came in several.
bool InOnePiece(const ByteBuffer& buffer, grpc::Slice* slice) {
  return buffer.TrySingleSlice(slice).ok() || buffer.DumpToSingleSlice(slice).ok();
}

absl::string_view View(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

class StreamReactor final : public grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>,
                            public PublishStream::Transport {
 public:
  StreamReactor(Broker* broker, grpc::CallbackServerContext* context)
      : broker_(broker), context_(context) {}

  // gRPC's threads.

  void Begin(std::shared_ptr<StreamReactor> self) {
    self_ = std::move(self);
    broker_->Post([self = self_] { self->stream_ = self->broker_->streams().Add(self.get()); });
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return broker_->Post([self = self_] { self->stream_->OnHalfClose(); });
    absl::StatusOr<PublishFrame> frame = ReadFrame();
    request_.Clear();
    if (!frame.ok()) {
      return broker_->Post(
          [self = self_, why = frame.status()] { self->stream_->OnBadFrame(why); });
    }
    if (frame->kind == PublishFrame::Kind::kOpen) agent_ = frame->open.agent();
    broker_->Post([self = self_, frame = *std::move(frame)]() mutable {
      self->stream_->OnFrame(std::move(frame));
    });
  }

  void OnWriteDone(bool ok) override {
    broker_->Post([self = self_, ok] { self->stream_->OnWritten(ok); });
  }

  void OnCancel() override {
    broker_->Post([self = self_] { self->stream_->OnCancelled(); });
  }

  void OnDone() override {
    Broker* const broker = broker_;
    broker->Post([self = std::move(self_)] {
      self->broker_->streams().Remove(self->stream_.get());
      self->stream_.reset();
    });
  }

  // The redis loop.

  void Read() override { StartRead(&request_); }

  void Write(const v1::PublishStreamResponse& response) override {
    response_ = Encode(response);
    StartWrite(&response_);
  }

  void Finish(const absl::Status& status) override {
    AddRetryHint(status, context_);
    grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>::Finish(ToGrpc(status));
  }

 private:
  absl::StatusOr<PublishFrame> ReadFrame() {
    grpc::Slice slice;
    if (!InOnePiece(request_, &slice))
      return absl::InvalidArgumentError("the message cannot be read");
    return ReadPublishFrame(View(slice), broker_->router(), {agent_, broker_->Now()});
  }

  Broker* const broker_;
  grpc::CallbackServerContext* const context_;
  std::shared_ptr<StreamReactor> self_;    // until OnDone
  ByteBuffer request_;                     // of the read under way
  ByteBuffer response_;                    // of the write under way
  std::string agent_;                      // from Open; touched by OnReadDone only
  std::unique_ptr<PublishStream> stream_;  // the redis loop's
};

class CallReactor final : public grpc::ServerUnaryReactor {
 public:
  // `calls` counts them all, this one too.
  CallReactor(Broker* broker, std::atomic<size_t>* calls, grpc::CallbackServerContext* context,
              ByteBuffer* response)
      : broker_(broker), calls_(calls), context_(context), response_(response) {}

  // gRPC's threads.

  void Begin(std::shared_ptr<CallReactor> self, const ByteBuffer& request) {
    self_ = std::move(self);
    // Before it costs anything to look at it.
    if (calls_->fetch_add(1) >= limits::kPublishCalls) {
      const absl::Status status = TooManyCalls();
      broker_->metrics()->Calls(status.code()).Increment();
      return Finish(ToGrpc(status));
    }
    grpc::Slice slice;
    absl::StatusOr<PublishCall> call = absl::InvalidArgumentError("the message cannot be read");
    if (InOnePiece(request, &slice)) {
      call = ReadPublishCall(View(slice), broker_->router(), {"", broker_->Now()});
    }
    broker_->Post(
        [self = self_, call = std::move(call)]() mutable { self->Publish(std::move(call)); });
  }

  void OnDone() override {
    calls_->fetch_sub(1);
    Broker* const broker = broker_;
    broker->Post([self = std::move(self_)] {});
  }

 private:
  // The redis loop.

  void Publish(absl::StatusOr<PublishCall> call) {
    if (!call.ok()) return End(call.status(), {});
    publish_ = std::make_unique<UnaryPublish>(
        *std::move(call), [this](const absl::Status& status, const v1::PublishResponse& response) {
          End(status, response);
        });
    broker_->streams().Publish(publish_.get());
  }

  void End(const absl::Status& status, const v1::PublishResponse& response) {
    broker_->streams().OnCallEnd(publish_.get(), status);
    if (status.ok()) *response_ = Encode(response);
    AddRetryHint(status, context_);
    Finish(ToGrpc(status));
  }

  Broker* const broker_;
  std::atomic<size_t>* const calls_;
  grpc::CallbackServerContext* const context_;
  ByteBuffer* const response_;
  std::shared_ptr<CallReactor> self_;  // until OnDone
  std::unique_ptr<UnaryPublish> publish_;
};

using RawService = v1::PublisherService::WithRawCallbackMethod_PublishStream<
    v1::PublisherService::WithRawCallbackMethod_Publish<v1::PublisherService::Service>>;

class PublisherServiceImpl final : public RawService {
 public:
  explicit PublisherServiceImpl(Broker* broker) : broker_(broker) {}

  grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>* PublishStream(
      grpc::CallbackServerContext* context) override {
    auto reactor = std::make_shared<StreamReactor>(broker_, context);
    reactor->Begin(reactor);
    return reactor.get();
  }

  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context, const ByteBuffer* request,
                                    ByteBuffer* response) override {
    auto reactor = std::make_shared<CallReactor>(broker_, &calls_, context, response);
    reactor->Begin(reactor, *request);
    return reactor.get();
  }

 private:
  Broker* const broker_;
  std::atomic<size_t> calls_ = 0;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePublisherService(Broker* broker) {
  return std::make_unique<PublisherServiceImpl>(broker);
}

}  // namespace spanwire::broker
