#include "tests/support/echo_server.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace spanwire::test {
namespace {

constexpr size_t kLargeBytes = 1 << 20;

int Parameter(const bridge::Request& request, absl::string_view name) {
  int value = 0;
  for (const auto& [key, text] : request.query) {
    if (key == name && !absl::SimpleAtoi(text, &value)) value = 0;
  }
  return value;
}

class EchoSession final : public bridge::TransportListener {
 public:
  EchoSession(EchoSite* site, bridge::Transport* transport, const bridge::Request& request)
      : site_(site),
        transport_(transport),
        left_(Parameter(request, "flood")),
        rude_(Parameter(request, "rude") != 0),
        frame_(bridge::Frame::Make(
            std::string(static_cast<size_t>(Parameter(request, "bytes")), 'x'))) {
    ++site_->opened;
    if (const int code = Parameter(request, "close"); code != 0) {
      transport_->Close(static_cast<bridge::CloseCode>(code), "unavailable",
                        absl::Milliseconds(1500));
    }
    Flood();
  }
  ~EchoSession() override { ++site_->closed; }

  void OnText(absl::string_view text) override { transport_->Send(bridge::Frame::Make(text)); }
  void OnBinary(absl::string_view bytes) override {
    transport_->Send(bridge::Frame::MakeBinary(bytes));
  }
  void OnDrained() override {
    ++site_->drained;
    Flood();
  }
  void OnClosed() override {}

 private:
  void Flood() {
    for (; left_ > 0; --left_) {
      if (transport_->congested() && !rude_) return;
      ++site_->flooded;
      transport_->Send(frame_);
    }
  }

  EchoSite* const site_;
  bridge::Transport* const transport_;
  int left_;
  const bool rude_;
  const bridge::FramePtr frame_;
};

class EchoCall final : public bridge::Call {
 public:
  explicit EchoCall(std::atomic<int>* calls) : calls_(calls) { ++*calls_; }
  ~EchoCall() override { --*calls_; }

 private:
  std::atomic<int>* const calls_;
};

}  // namespace

bridge::Response EchoSite::OnPage(const bridge::Request& request) {
  if (request.path == "/large")
    return bridge::Response{200, "text/plain", std::string(kLargeBytes, 'x'), {}};
  if (request.path == "/index") return bridge::Response{200, "text/plain", "echo\n", {}};
  return bridge::ErrorResponse(404, "there is nothing here");
}

bridge::Service EchoSite::ServiceOf(absl::string_view path) const {
  if (path == "/" || path == "/echo") return bridge::Service::kWebSocket;
  if (path == "/events") return bridge::Service::kEventStream;
  if (path == "/lines") return bridge::Service::kLines;
  if (path == "/call") return bridge::Service::kPoll;
  return path == "/post" ? bridge::Service::kPost : bridge::Service::kPage;
}

bridge::Site::Open EchoSite::OpenEcho(const bridge::Request& request) {
  return [this, request](bridge::Transport* transport) {
    return std::make_unique<EchoSession>(this, transport, request);
  };
}

bridge::Site::Open EchoSite::OnWebSocket(const bridge::Request& request, absl::string_view) {
  return OpenEcho(request);
}

absl::StatusOr<bridge::Site::Open> EchoSite::OnStream(const bridge::Request& request) {
  if (Parameter(request, "bad") != 0) return absl::InvalidArgumentError("it is bad");
  return OpenEcho(request);
}

std::unique_ptr<bridge::Call> EchoSite::OnCall(const bridge::Request& request, Answer answer) {
  if (request.path == "/post") {
    answer(bridge::Response{200, "application/json", request.body, {}});
    return nullptr;
  }
  answer_ = std::move(answer);
  return std::make_unique<EchoCall>(&calls);
}

bool EchoSite::AnswerCall(bridge::Response response) {
  if (calls == 0) return false;
  answer_(std::move(response));
  return true;
}

EchoServer::EchoServer(Options options)
    : options_(std::move(options)), gate_(options_.hosts, options_.origins) {
  std::vector<bridge::ConnectionLoop*> loops;
  for (int i = 0; i < options_.loops; ++i) {
    loops_.push_back(std::make_unique<base::Loop>(absl::StrCat("echo-", i)));
    connections_.push_back(std::make_unique<bridge::ConnectionLoop>(loops_.back().get(), &site_,
                                                                    &gate_, options_.connection));
    loops.push_back(connections_.back().get());
  }
  listener_ = std::make_unique<bridge::Listener>(loops_[0].get(), loops, options_.connections);
}

EchoServer::~EchoServer() {
  for (const auto& loop : loops_) {
    loop->Stop();
    loop->Join();
  }
  listener_.reset();
  connections_.clear();
}

absl::Status EchoServer::Start() {
  const absl::Status status = listener_->Start(options_.address);
  if (!status.ok()) return status;
  for (const auto& loop : loops_) loop->Start();
  return absl::OkStatus();
}

}  // namespace spanwire::test
