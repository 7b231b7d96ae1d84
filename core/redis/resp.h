// RESP2, the words of Redis: commands to bytes, bytes to replies. hiredis does the parsing, as a
// codec without I/O (docs/decisions says why); it is seen by resp.cc only.
//
// Owner: a Connection. Thread: its loop's.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "core/base/limits.h"
#include "core/redis/reply.h"

namespace spanwire::redis {

// Appends one command, at least one argument, to `out`.
void AppendCommand(absl::Span<const absl::string_view> args, std::string* out);

// About how many bytes AppendCommand adds, never less.
size_t CommandBytes(absl::Span<const absl::string_view> args);

// Takes bytes as they come and gives replies as they are whole.
class ReplyParser {
 public:
  // `max_reply_bytes` bounds the memory of one reply: its text and its tree.
  explicit ReplyParser(size_t max_reply_bytes = limits::kRedisReplyBytes);
  ~ReplyParser();
  ReplyParser(const ReplyParser&) = delete;
  ReplyParser& operator=(const ReplyParser&) = delete;

  // Takes at most limits::kRedisReadBytes at a time; all replies should be taken out before more is
  // fed.
  void Feed(absl::string_view bytes);
  // The next whole reply; nothing: more bytes are needed. RESOURCE_EXHAUSTED: the reply is over the
  // bound; UNAVAILABLE: what came is not RESP2. After an error the parser is of no more use.
  absl::StatusOr<absl::optional<Reply>> Next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spanwire::redis
