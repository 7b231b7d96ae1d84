// One connection to Redis, from connecting to its end: handshake, commands out, replies in. What is
// sent in one turn of the loop leaves in one write, what gathers during a write in the next one.
//
// Owner: a Link. Thread: the loop's. Destroying it closes it without a call; it may be destroyed
// from within any call to its listener.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/base/executor.h"
#include "core/base/loop.h"
#include "core/redis/byte_stream.h"
#include "core/redis/handshake.h"
#include "core/redis/options.h"
#include "core/redis/reply.h"
#include "core/redis/resp.h"

namespace spanwire::redis {

class Connection final : private ByteStream::Listener {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // The handshake is done.
    virtual void OnReady() = 0;
    // An answer, in the order of the commands; or, when subscribed, a message.
    virtual void OnReply(Reply reply) = 0;
    // The connection is over, or never came to be: a code of Handshake::OnReply, or
    // RESOURCE_EXHAUSTED for a reply over its bound. Nothing follows.
    virtual void OnClosed(const absl::Status& why) = 0;
  };

  // Connects within limits::kRedisConnectTimeout, then shakes hands within options.timeout. All
  // outlive the connection.
  Connection(base::Loop* loop, const RedisOptions& options, Listener* listener);
  ~Connection() override = default;

  // After OnReady.
  void Send(absl::Span<const absl::string_view> args);
  // Queued, or in the present write.
  size_t unsent_bytes() const { return queued_.size() + writing_.size(); }
  const std::string& server_version() const { return handshake_.version(); }

 private:
  void OnConnected() override;
  void OnBytes(absl::string_view bytes) override;
  void OnWritten() override;
  void OnEnd(const absl::Status& why) override;

  void Take(Reply reply);
  void Write();
  void Close(absl::Status why);

  base::Loop* const loop_;
  const RedisOptions& options_;
  Listener* const listener_;
  Handshake handshake_;
  ReplyParser parser_;
  std::string queued_;
  std::string writing_;
  bool flush_posted_ = false;
  base::Executor::Timer handshake_deadline_;
  // What a call up the stack looks at to learn whether this is still there.
  std::shared_ptr<char> alive_;
  std::unique_ptr<ByteStream> stream_;
};

}  // namespace spanwire::redis
