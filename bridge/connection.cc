#include "bridge/connection.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridge/event_stream.h"
#include "bridge/line_stream.h"
#include "bridge/websocket_handshake.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

constexpr uint16_t kNoClose = 1006;

void Count(std::atomic<uint64_t>& counter, int64_t by = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + static_cast<uint64_t>(by),
                std::memory_order_relaxed);
}

// docs/protocol.md: what a client does after each code.
bool MayReconnect(uint16_t code) {
  return (code >= 3000 && code < 3500) || code == 1001 || code == 1011;
}

std::string CloseReason(uint16_t code, absl::string_view why, absl::Duration reconnect_after) {
  return absl::StrCat(R"({"code":")", why, R"(","reconnect":)",
                      MayReconnect(code) ? "true" : "false", R"(,"after_ms":)",
                      absl::ToInt64Milliseconds(reconnect_after), "}");
}

bool AsksForLines(const Request& request) {
  return absl::c_any_of(request.query, [](const auto& parameter) {
    return parameter.first == "frames" && parameter.second == "lines";
  });
}

// Parameters, such as charset, may follow.
bool IsJson(absl::string_view content_type) {
  return absl::EqualsIgnoreCase(
      absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';'))),
      "application/json");
}

}  // namespace

Connection::Connection(ConnectionLoop* loop, base::FileDescriptor fd)
    : loop_(loop),
      socket_(std::make_shared<Socket>(loop->loop()->io(), std::move(fd), loop,
                                       static_cast<Socket::Handler*>(this))) {
  since_ = pinged_at_ = loop_->now();
  if (socket_->open()) {
    socket_->SetReading(true);
  } else {
    Enter(State::kOver);
  }
}

Connection::~Connection() {
  if (state_ != State::kOver) End(false);
  if (listener_ != nullptr) listener_->OnClosed();
}

void Connection::Enter(State state) {
  if (state_ == State::kWebSocket) Count(loop_->mutable_counters().websockets_open, -1);
  if (state_ == State::kStream) Count(loop_->mutable_counters().streams_open, -1);
  if (state_ == State::kBody) loop_->ReleaseBody(request_.body_bytes);
  state_ = state;
  since_ = loop_->now();
  MarkDirty();
}

void Connection::End(bool abort) {
  if (state_ == State::kWebSocket) loop_->mutable_counters().CountClose(kNoClose);
  socket_->Close(abort);
  Enter(State::kOver);
}

// Requests.

void Connection::OnBytes(absl::Span<char> bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::kHead:
        ReadHead(&bytes);
        break;
      case State::kBody:
        ReadBody(&bytes);
        break;
      case State::kCall:
      case State::kResponse:
        return KeepUnread(bytes);
      case State::kWebSocket:
      case State::kClosing:
        ReadFrames(&bytes);
        break;
      case State::kStream:
      case State::kLinger:
      case State::kOver:
        return;
    }
  }
}

// Requests that were sent ahead wait. While there are few, reading goes on, so that a client that
// leaves is noticed.
void Connection::KeepUnread(absl::Span<char> bytes) {
  unread_.append(bytes.data(), bytes.size());
  if (unread_.size() >= limits::kHeadBytes) socket_->SetReading(false);
}

void Connection::ReadHead(absl::Span<char>* bytes) {
  if (parser_.idle()) since_ = loop_->now();
  absl::string_view text(bytes->data(), bytes->size());
  const RequestParser::State state = parser_.Consume(&text);
  bytes->remove_prefix(bytes->size() - text.size());
  head_only_ = false;
  cross_origin_.clear();
  if (state == RequestParser::State::kBad) Respond(parser_.error(), false);
  if (state == RequestParser::State::kReady) Take(parser_.Take());
}

// The checks before any effect.
void Connection::Take(Request request) {
  request_ = std::move(request);
  head_only_ = request_.method == "HEAD";
  if (absl::optional<Response> refusal = loop_->gate().Refuse(request_)) {
    return Respond(*std::move(refusal), false);
  }
  cross_origin_ = HttpGate::CrossOrigin(request_);
  const bool keep_alive = request_.body_bytes == 0 && request_.keep_alive;
  if (request_.method == "OPTIONS") return Respond(HttpGate::Preflight(), keep_alive);
  const Service service = loop_->site()->ServiceOf(request_.path);
  if (absl::optional<Response> refusal = RefuseMethod(service)) {
    return Respond(*std::move(refusal), keep_alive);
  }
  switch (service) {
    case Service::kPage:
      return Respond(loop_->site()->OnPage(request_), keep_alive);
    case Service::kWebSocket:
      return OpenWebSocket();
    case Service::kEventStream:
      return OpenStream(std::make_unique<EventStream>(loop_->NextRetry()));
    case Service::kLines:
      return OpenStream(std::make_unique<LineStream>());
    case Service::kPoll:
      return StartCall();
    case Service::kPost:
      return StartBody();
  }
}

absl::optional<Response> Connection::RefuseMethod(Service service) const {
  const auto refuse = [](absl::string_view allowed) {
    Response response = ErrorResponse(405, absl::StrCat("what is understood here: ", allowed));
    response.headers.emplace_back("Allow", std::string(allowed));
    return response;
  };
  const std::string& method = request_.method;
  if (service == Service::kPost) {
    if (method != "POST") return refuse("POST, OPTIONS");
    if (!IsJson(request_.Header("Content-Type"))) {
      return ErrorResponse(415, "the body's Content-Type must be application/json");
    }
    return absl::nullopt;
  }
  const bool page = service == Service::kPage || service == Service::kWebSocket;
  if (method == "GET" || (page && method == "HEAD")) return absl::nullopt;
  return refuse(page ? "GET, HEAD, OPTIONS" : "GET, OPTIONS");
}

void Connection::StartBody() {
  if (!loop_->ReserveBody(request_.body_bytes)) {
    return Respond(ErrorResponse(503, "too many requests send their bodies now"), false);
  }
  Enter(State::kBody);
  if (request_.HasToken("Expect", "100-continue") && !request_.http_1_0) {
    socket_->queue().PushStatic("HTTP/1.1 100 Continue\r\n\r\n");
  }
  if (request_.body_bytes == 0) StartCall();
}

void Connection::ReadBody(absl::Span<char>* bytes) {
  const size_t taken = std::min(bytes->size(), request_.body_bytes - request_.body.size());
  request_.body.append(bytes->data(), taken);
  bytes->remove_prefix(taken);
  if (request_.body.size() == request_.body_bytes) StartCall();
}

// Who sent a body may have shut its half behind it: only a poll is noticed to leave.
void Connection::StartCall() {
  Enter(State::kCall);
  const Request request = std::exchange(request_, Request());
  if (request.body_bytes > 0) socket_->SetReading(false);
  std::unique_ptr<Call> call =
      loop_->site()->OnCall(request, [this, keep_alive = request.keep_alive](Response response) {
        if (state_ == State::kCall) Respond(std::move(response), keep_alive);
      });
  if (state_ == State::kCall) call_ = std::move(call);
}

void Connection::Respond(Response response, bool keep_alive) {
  Count(loop_->mutable_counters().requests);
  first_request_ = false;
  keep_alive_ = keep_alive && !loop_->draining();
  std::move(cross_origin_.begin(), cross_origin_.end(), std::back_inserter(response.headers));
  PushResponse(response, keep_alive_, head_only_, loop_->loop()->Now(), &socket_->queue());
  socket_->SetReading(false);
  Enter(State::kResponse);
}

// What does not end.

// False: the connection is over. The head goes at once: it must not be among what is dropped when
// the session overfills the queue from the start.
bool Connection::Begin(State state, const Response& response) {
  Count(loop_->mutable_counters().requests);
  socket_->queue().Push(SerializeHead(response, state == State::kWebSocket, loop_->loop()->Now()));
  if (format_ != nullptr) format_->PushStart(&socket_->queue());
  Enter(state);
  if (socket_->Flush()) return true;
  OnBroken();
  return false;
}

void Connection::OpenStream(std::unique_ptr<StreamFormat> format) {
  absl::StatusOr<Site::Open> open = loop_->site()->OnStream(request_);
  if (!open.ok()) return Respond(ErrorResponse(open.status()), request_.keep_alive);
  Response head;
  head.no_length = true;
  head.content_type = std::string(format->content_type());
  head.headers = std::move(cross_origin_);
  head.headers.emplace_back("Cache-Control", "no-store");
  head.headers.emplace_back("X-Accel-Buffering", "no");
  format_ = std::move(format);
  sent_at_ = loop_->now();
  Count(loop_->mutable_counters().streams);
  Count(loop_->mutable_counters().streams_open);
  if (Begin(State::kStream, head)) listener_ = (*open)(this);
}

void Connection::OpenWebSocket() {
  Handshake handshake = AnswerHandshake(request_, loop_->options().subprotocols);
  if (!handshake.accepted()) return Respond(std::move(handshake.response), false);
  Site::Open open = loop_->site()->OnWebSocket(request_, handshake.subprotocol);
  Count(loop_->mutable_counters().websockets);
  Count(loop_->mutable_counters().websockets_open);
  if (!Begin(State::kWebSocket, handshake.response)) return;
  const ConnectionOptions& options = loop_->options();
  if (AsksForLines(request_)) lines_.emplace();
  websocket_.emplace(WebSocket::Options{options.message_bytes, options.fragments, options.binary});
  listener_ = open(this);
}

void Connection::ReadFrames(absl::Span<char>* bytes) {
  const absl::optional<WebSocket::Event> event = websocket_->Next(bytes);
  if (!event.has_value()) return;
  using Kind = WebSocket::Event::Kind;
  if (event->kind == Kind::kError) return Fail(event->code);
  if (event->kind == Kind::kClose) {
    if (state_ == State::kWebSocket) return StartClosing(event->code, event->payload, true);
    peer_done_ = true;
    return MarkDirty();
  }
  if (state_ != State::kWebSocket) return;  // the listener has heard its last
  if (event->kind == Kind::kPing) {
    socket_->queue().PushPong(PongFrame(event->payload));
    return MarkDirty();
  }
  if (event->kind == Kind::kPong) return;
  Count(loop_->mutable_counters().messages_in);
  if (event->kind == Kind::kText) {
    listener_->OnText(event->payload);
  } else {
    listener_->OnBinary(event->payload);
  }
}

bool Connection::Send(FramePtr frame) {
  if (!open()) return true;
  SocketQueue& queue = socket_->queue();
  if (queue.bytes() > loop_->options().most_bytes) {
    DropUnsent();
    Close(CloseCode::kSlow, "resource_exhausted", absl::ZeroDuration());
    return true;
  }
  Count(loop_->mutable_counters().frames_out);
  if (format_ != nullptr) {
    sent_at_ = loop_->now();
    format_->PushFrame(std::move(frame), &queue);
  } else if (lines_) {
    lines_->Push(std::move(frame), &queue);
  } else {
    queue.Push(std::move(frame));
  }
  if (queue.bytes() > loop_->options().high_bytes) congested_ = true;
  MarkDirty();
  return !congested_;
}

void Connection::Advance(size_t slot, absl::optional<channel::Position> position) {
  if (format_ != nullptr) format_->Advance(slot, position);
}

void Connection::Close(CloseCode code, absl::string_view why, absl::Duration reconnect_after) {
  if (state_ == State::kStream) {
    if (code == CloseCode::kDrain) format_->PushDrain(reconnect_after, &socket_->queue());
    return EndStream();
  }
  if (state_ != State::kWebSocket) return;
  const uint16_t number = static_cast<uint16_t>(code);
  StartClosing(number, CloseReason(number, why, reconnect_after), false);
}

// As any response that ends with its connection.
void Connection::EndStream() {
  keep_alive_ = false;
  congested_ = false;
  socket_->SetReading(false);
  Enter(State::kResponse);
}

void Connection::Fail(uint16_t code) {
  const absl::string_view why = code == 1009 ? "out_of_range" : "invalid_argument";
  if (state_ == State::kWebSocket) {
    StartClosing(code, CloseReason(code, why, absl::ZeroDuration()), true);
  }
  peer_done_ = true;
  MarkDirty();
}

// The listener is told at the end of the turn.
void Connection::StartClosing(uint16_t code, absl::string_view reason, bool peer_done) {
  loop_->mutable_counters().CountClose(code);
  if (lines_) lines_->Flush(&socket_->queue());
  socket_->queue().Push(CloseFrame(code, reason));
  peer_done_ = peer_done;
  congested_ = false;
  Enter(State::kClosing);
}

// Sending.

void Connection::EndOfTurn() {
  if (listener_ != nullptr && !open()) {
    const std::unique_ptr<TransportListener> listener = std::move(listener_);
    listener->OnClosed();
  }
  if (state_ != State::kCall) call_.reset();
  if (state_ == State::kOver) return;
  if (lines_) lines_->Flush(&socket_->queue());
  if (!socket_->Flush()) return OnBroken();
  OnSent();
}

void Connection::DropUnsent() {
  if (lines_) lines_->Drop();
  socket_->queue().DropUnsent();
}

void Connection::OnWritable() { OnSent(); }

// The queue became shorter, or a state began: what follows from it.
void Connection::OnSent() {
  CheckDrained();
  if (!socket_->queue().empty()) return;
  if (state_ == State::kResponse && keep_alive_ && !loop_->draining()) {
    Enter(State::kHead);
    socket_->SetReading(true);
    std::string unread = std::exchange(unread_, std::string());
    return OnBytes(absl::MakeSpan(&unread[0], unread.size()));
  }
  if (state_ == State::kResponse || (state_ == State::kClosing && peer_done_)) {
    socket_->ShutdownWrite();
    socket_->SetReading(true);
    return Enter(State::kLinger);
  }
  if (state_ == State::kClosing)
    since_ = loop_->now();  // from here on the peer's answer is awaited
}

void Connection::CheckDrained() {
  if (!congested_ || !open()) return;
  if (socket_->queue().bytes() > loop_->options().low_bytes) return;
  congested_ = false;
  listener_->OnDrained();
}

// Ends.

// Who sends no more may still read why that was too little.
void Connection::OnEnd() {
  if (state_ == State::kHead && !parser_.idle())
    return Respond(ErrorResponse(400, "the request ends within its head"), false);
  if (state_ == State::kBody)
    return Respond(ErrorResponse(400, "the request ends within its body"), false);
  End(false);
}

void Connection::OnBroken() { End(false); }

void Connection::Drain() {
  if (state_ == State::kHead || state_ == State::kBody) End(false);
}

void Connection::Cut() {
  if (state_ != State::kOver) End(true);
}

void Connection::Sweep() {
  const ConnectionOptions& options = loop_->options();
  const bool stalled = socket_->StalledFor() >= options.stalled_deadline;
  switch (state_) {
    case State::kHead:
      if (parser_.idle()) {
        if (since() >= (first_request_ ? options.head_deadline : options.keep_alive_idle))
          End(false);
      } else if (since() >= options.head_deadline) {
        Respond(ErrorResponse(408, "the request took too long"), false);
      }
      return;
    case State::kBody:
      if (since() >= options.body_deadline) {
        Respond(ErrorResponse(408, "the request's body took too long"), false);
      }
      return;
    case State::kCall:
      return;
    case State::kResponse:
      if (stalled) End(true);
      return;
    case State::kStream:
      return SweepStream(stalled);
    case State::kWebSocket:
      return SweepWebSocket(stalled);
    case State::kClosing:
      // A queue that moves has as long as one that is stuck would have had; sent or stuck, the end
      // comes sooner.
      if (since() >= options.stalled_deadline) return End(true);
      if (since() >= options.close_deadline && (socket_->queue().empty() || stalled)) End(true);
      return;
    case State::kLinger:
      if (since() >= options.close_deadline) End(false);
      return;
    case State::kOver:
      return;
  }
}

void Connection::SweepStream(bool stalled) {
  if (stalled) return End(true);
  if (!socket_->queue().empty()) return;
  if (loop_->now() - sent_at_ < loop_->options().heartbeat_interval) return;
  sent_at_ = loop_->now();
  format_->PushHeartbeat(&socket_->queue());
  MarkDirty();
}

void Connection::SweepWebSocket(bool stalled) {
  const ConnectionOptions& options = loop_->options();
  if (stalled) {
    DropUnsent();
    Close(CloseCode::kSlow, "resource_exhausted", absl::ZeroDuration());
    return;
  }
  if (!socket_->queue().empty()) return;  // whether it is alive shows by whether it reads
  const absl::Duration now = loop_->now();
  if (now - socket_->alive_at() < options.ping_interval) return;
  socket_->Watch();
  if (now - socket_->alive_at() >= options.pong_deadline) {
    return Close(CloseCode::kNoPong, "deadline_exceeded", absl::ZeroDuration());
  }
  if (now - std::max(socket_->alive_at(), pinged_at_) >= options.ping_interval) {
    pinged_at_ = now;
    socket_->queue().Push(PingFrame());
    MarkDirty();
  }
}

}  // namespace spanwire::bridge
