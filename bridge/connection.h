// One browser's connection: HTTP requests, one after the other, then perhaps a WebSocket or a
// stream of frames, then its end. To a session it is the Transport.
//
// Owner: its ConnectionLoop, which destroys it at the end of a turn. Thread: that loop.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "bridge/connection_loop.h"
#include "bridge/http.h"
#include "bridge/line_messages.h"
#include "bridge/site.h"
#include "bridge/socket.h"
#include "bridge/stream_format.h"
#include "bridge/transport.h"
#include "bridge/websocket.h"

namespace spanwire::bridge {

class Connection final : public Transport, private Socket::Handler {
 public:
  Connection(ConnectionLoop* loop, base::FileDescriptor fd);
  ~Connection() override;

  // Transport.
  bool Send(FramePtr frame) override;
  bool congested() const override { return congested_; }
  void Advance(size_t slot, absl::optional<channel::Position> position) override;
  void Close(CloseCode code, absl::string_view why, absl::Duration reconnect_after) override;

  // From the loop.
  void EndOfTurn();  // flushes, and tells the listener what it must not hear from within
  void Sweep();      // deadlines
  void Drain();      // nothing new
  void Cut();        // ends it, whatever it is doing
  bool over() const { return state_ == State::kOver && listener_ == nullptr && call_ == nullptr; }

  size_t index = 0;    // among the loop's connections
  bool dirty = false;  // EndOfTurn is due

 private:
  enum class State {
    kHead,       // a request is awaited
    kBody,       // its head is there, its body is not
    kCall,       // its answer is awaited from the site
    kResponse,   // its answer is sent; nothing is read
    kStream,     // its answer has no end; what the client sends is thrown away
    kWebSocket,  // open
    kClosing,  // our close frame is queued or sent; the peer's is awaited, unless it came or broke
               // the protocol
    kLinger,   // all is sent; what the peer still sends is thrown away, so that no reset destroys
               // our last words
    kOver,
  };

  // Socket::Handler.
  void OnBytes(absl::Span<char> bytes) override;
  void OnEnd() override;
  void OnBroken() override;
  void OnWritable() override;

  void ReadHead(absl::Span<char>* bytes);
  void ReadBody(absl::Span<char>* bytes);
  void KeepUnread(absl::Span<char> bytes);
  void Take(Request request);
  absl::optional<Response> RefuseMethod(Service service) const;
  void StartBody();
  void StartCall();
  void Respond(Response response, bool keep_alive);
  void OpenWebSocket();
  void OpenStream(std::unique_ptr<StreamFormat> format);
  bool Begin(State state, const Response& response);
  void ReadFrames(absl::Span<char>* bytes);
  void StartClosing(uint16_t code, absl::string_view reason, bool peer_done);
  void EndStream();
  void Fail(uint16_t code);
  void OnSent();
  void CheckDrained();
  void DropUnsent();
  void SweepStream(bool stalled);
  void SweepWebSocket(bool stalled);
  bool open() const { return state_ == State::kWebSocket || state_ == State::kStream; }
  void Enter(State state);
  void End(bool abort);
  void MarkDirty() { loop_->AddDirty(this); }
  absl::Duration since() const { return loop_->now() - since_; }

  ConnectionLoop* const loop_;
  const std::shared_ptr<Socket> socket_;
  State state_ = State::kHead;
  absl::Duration since_;  // when this state began; of kHead: or the head's first byte
  RequestParser parser_;
  bool first_request_ = true;
  Request request_;  // that is being taken
  // Of the request that is being answered:
  bool keep_alive_ = false;
  bool head_only_ = false;
  HttpFields cross_origin_;
  std::string unread_;  // behind a request, while its answer is awaited or sent
  std::unique_ptr<Call> call_;

  std::unique_ptr<StreamFormat> format_;
  absl::Duration sent_at_;  // something on the stream
  absl::optional<WebSocket> websocket_;
  absl::optional<LineMessages> lines_;  // the client asked for several objects a message
  std::unique_ptr<TransportListener> listener_;
  bool congested_ = false;
  bool peer_done_ = false;  // its close frame came, or nothing it sends is understood
  absl::Duration pinged_at_;
};

}  // namespace spanwire::bridge
