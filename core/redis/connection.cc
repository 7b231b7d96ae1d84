#include "core/redis/connection.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "core/base/limits.h"

namespace spanwire::redis {
namespace {

// A buffer that one burst made large is given back.
constexpr size_t kKeptBytes = 1 << 20;

void Empty(std::string* buffer) {
  buffer->clear();
  if (buffer->capacity() > kKeptBytes) buffer->shrink_to_fit();
}

}  // namespace

Connection::Connection(base::Loop* loop, const RedisOptions& options, Listener* listener)
    : loop_(loop),
      options_(options),
      listener_(listener),
      handshake_(options.username, options.password),
      alive_(std::make_shared<char>()),
      stream_(ByteStream::Open(loop, options.address, limits::kRedisConnectTimeout, this)) {}

void Connection::Send(absl::Span<const absl::string_view> args) {
  AppendCommand(args, &queued_);
  if (flush_posted_ || !writing_.empty()) return;
  flush_posted_ = true;
  loop_->Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    flush_posted_ = false;
    Write();
  });
}

void Connection::Write() {
  if (!stream_ || queued_.empty() || !writing_.empty()) return;
  writing_.swap(queued_);
  stream_->Write(writing_);
}

void Connection::OnWritten() {
  Empty(&writing_);
  Write();
}

void Connection::OnConnected() {
  handshake_deadline_ = loop_->After(options_.timeout, [this] {
    Close(absl::UnavailableError(
        absl::StrCat("redis does not answer within ", absl::FormatDuration(options_.timeout))));
  });
  Send(handshake_.command());
}

void Connection::OnBytes(absl::string_view bytes) {
  parser_.Feed(bytes);
  const std::weak_ptr<char> alive = alive_;
  while (true) {
    absl::StatusOr<absl::optional<Reply>> reply = parser_.Next();
    if (!reply.ok()) return Close(reply.status());
    if (!reply->has_value()) return;
    Take(**std::move(reply));
    if (alive.expired() || !stream_) return;
  }
}

void Connection::Take(Reply reply) {
  if (handshake_.done()) return listener_->OnReply(std::move(reply));
  if (absl::Status heard = handshake_.OnReply(reply); !heard.ok()) return Close(std::move(heard));
  if (!handshake_.done()) return Send(handshake_.command());
  handshake_deadline_.reset();
  listener_->OnReady();
}

void Connection::OnEnd(const absl::Status& why) { Close(why); }

void Connection::Close(absl::Status why) {
  stream_.reset();
  handshake_deadline_.reset();
  listener_->OnClosed(why);
}

}  // namespace spanwire::redis
