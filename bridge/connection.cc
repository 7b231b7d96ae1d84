#include "bridge/connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/websocket_handshake.h"

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
      case State::kResponse:
        unread_.assign(bytes.data(), bytes.size());
        return;
      case State::kWebSocket:
      case State::kClosing:
        ReadFrames(&bytes);
        break;
      case State::kLinger:
      case State::kOver:
        return;
    }
  }
}

void Connection::ReadHead(absl::Span<char>* bytes) {
  if (parser_.idle()) since_ = loop_->now();
  absl::string_view text(bytes->data(), bytes->size());
  const RequestParser::State state = parser_.Consume(&text);
  bytes->remove_prefix(bytes->size() - text.size());
  if (state == RequestParser::State::kBad) Respond(parser_.error(), false, false);
  if (state == RequestParser::State::kReady) Answer(parser_.Take());
}

void Connection::Answer(const Request& request) {
  const bool head_only = request.method == "HEAD";
  const bool keep_alive = request.keep_alive && !loop_->draining();
  if (absl::optional<Response> refusal = loop_->gate().Refuse(request)) {
    return Respond(*refusal, false, head_only);
  }
  if (request.method != "GET" && !head_only) {
    Response response = ErrorResponse(405, "only GET and HEAD are understood here");
    response.headers = {{"Allow", "GET, HEAD"}};
    return Respond(response, false, false);
  }
  if (loop_->site()->TakesWebSocket(request.path)) return Open(request);
  Respond(loop_->site()->OnRequest(request), keep_alive, head_only);
}

void Connection::Respond(const Response& response, bool keep_alive, bool head_only) {
  Count(loop_->mutable_counters().requests);
  first_request_ = false;
  keep_alive_ = keep_alive;
  socket_->queue().Push(SerializeResponse(response, keep_alive, head_only, loop_->loop()->Now()));
  socket_->SetReading(false);
  Enter(State::kResponse);
}

// The WebSocket.

void Connection::Open(const Request& request) {
  const Handshake handshake = AnswerHandshake(request, loop_->options().subprotocol);
  if (!handshake.accepted()) return Respond(handshake.response, false, request.method == "HEAD");
  Count(loop_->mutable_counters().requests);
  Count(loop_->mutable_counters().websockets);
  Count(loop_->mutable_counters().websockets_open);
  socket_->queue().Push(SerializeResponse(handshake.response, true, false, loop_->loop()->Now()));
  Enter(State::kWebSocket);
  // At once: it must not be among what is dropped when the session overfills the queue from the
  // start.
  if (!socket_->Flush()) return OnBroken();
  const ConnectionOptions& options = loop_->options();
  websocket_.emplace(WebSocket::Options{options.message_bytes, options.fragments, options.binary});
  listener_ = loop_->site()->OnWebSocket(request, handshake.subprotocol, this);
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
  if (state_ != State::kWebSocket) return true;
  SocketQueue& queue = socket_->queue();
  if (queue.bytes() > loop_->options().most_bytes) {
    queue.DropUnsent();
    Close(CloseCode::kSlow, "resource_exhausted", absl::ZeroDuration());
    return true;
  }
  Count(loop_->mutable_counters().frames_out);
  queue.Push(std::move(frame));
  if (queue.bytes() > loop_->options().high_bytes) congested_ = true;
  MarkDirty();
  return !congested_;
}

void Connection::Close(CloseCode code, absl::string_view why, absl::Duration reconnect_after) {
  if (state_ != State::kWebSocket) return;
  const uint16_t number = static_cast<uint16_t>(code);
  StartClosing(number, CloseReason(number, why, reconnect_after), false);
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
  socket_->queue().Push(CloseFrame(code, reason));
  peer_done_ = peer_done;
  congested_ = false;
  Enter(State::kClosing);
}

// Sending.

void Connection::EndOfTurn() {
  if (listener_ != nullptr && state_ != State::kWebSocket) {
    const std::unique_ptr<TransportListener> listener = std::move(listener_);
    listener->OnClosed();
  }
  if (state_ == State::kOver) return;
  if (!socket_->Flush()) return OnBroken();
  OnSent();
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
  if (!congested_ || state_ != State::kWebSocket) return;
  if (socket_->queue().bytes() > loop_->options().low_bytes) return;
  congested_ = false;
  listener_->OnDrained();
}

// Ends.

void Connection::OnEnd() { End(false); }

void Connection::OnBroken() { End(false); }

void Connection::Drain() {
  if (state_ == State::kHead) End(false);
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
        Respond(ErrorResponse(408, "the request took too long"), false, false);
      }
      return;
    case State::kResponse:
      if (stalled) End(true);
      return;
    case State::kWebSocket:
      return SweepWebSocket();
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

void Connection::SweepWebSocket() {
  const ConnectionOptions& options = loop_->options();
  if (socket_->StalledFor() >= options.stalled_deadline) {
    socket_->queue().DropUnsent();
    Close(CloseCode::kSlow, "resource_exhausted", absl::ZeroDuration());
    return;
  }
  if (!socket_->queue().empty()) return;  // whether it is alive shows by whether it reads
  const absl::Duration now = loop_->now();
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
