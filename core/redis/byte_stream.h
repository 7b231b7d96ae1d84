// A stream of bytes to a server: one small interface over tcp and unix sockets; TLS will be another
// implementation.
//
// Owner: a Connection. Thread: the loop's. Destroying it closes it; its listener is not called
// after that, nor from within Open, Write or the destructor. It may be destroyed from within any
// call to its listener.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/address.h"
#include "core/base/loop.h"

namespace spanwire::redis {

class ByteStream {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnConnected() = 0;
    // At most limits::kRedisReadBytes; they are valid during the call.
    virtual void OnBytes(absl::string_view bytes) = 0;
    // What Write was given is with the operating system.
    virtual void OnWritten() = 0;
    // UNAVAILABLE: not connected (in time), or the stream has ended. Nothing follows.
    virtual void OnEnd(const absl::Status& why) = 0;
  };

  // Connects, within `timeout`, name resolution included. All pointers outlive the stream.
  static std::unique_ptr<ByteStream> Open(base::Loop* loop, const base::Address& address,
                                          absl::Duration timeout, Listener* listener);
  virtual ~ByteStream() = default;

  // Only after OnConnected, one at a time; `bytes` stay valid until OnWritten, OnEnd or the
  // stream's destruction.
  virtual void Write(absl::string_view bytes) = 0;
};

}  // namespace spanwire::redis
