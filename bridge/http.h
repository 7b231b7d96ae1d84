// HTTP/1.1 as far as the bridge speaks it: a request's head, and a response. No I/O here.
//
// The parser is websocketpp's, behind bounds and checks of our own: it merges repeated headers,
// strips white space before a colon and reads folded lines, all of which let two parties understand
// one request differently. Thread safety: none needed; each object belongs to one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "bridge/frame.h"
#include "bridge/socket_queue.h"

namespace spanwire::bridge {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

// A request, well-formed as far as this file can tell.
struct Request {
  std::string method;  // a token, as sent
  std::string path;    // percent-decoded; begins with '/'
  // The target's parameters, percent-decoded, in their order, repeated as sent. `+` is literal.
  HttpFields query;
  // Names as sent; the values of a repeated name (only lists may be repeated) are joined by ", ".
  HttpFields headers;
  size_t body_bytes = 0;  // that follow the head; 0 for GET and HEAD
  std::string body;       // they, once somebody has read them
  bool http_1_0 = false;
  // Whether the client would send another request on this connection.
  bool keep_alive = false;

  // The header's value, by its name in any case; empty when absent.
  absl::string_view Header(absl::string_view name) const;
  bool HasHeader(absl::string_view name) const;
  // Whether the header is a comma-separated list with `token` in it, in any case.
  bool HasToken(absl::string_view name, absl::string_view token) const;
};

struct Response {
  int status = 200;
  std::string content_type;  // empty: none, and no body
  std::string body;
  // Further headers, such as Content-Security-Policy, Cache-Control, Allow. Names and values are
  // the program's own: never text of a request.
  HttpFields headers = {};
  // Behind `body`, joined by commas: what an answer shares with others. Then `tail`.
  std::vector<FramePtr> frames = {};
  std::string tail = "";
  bool no_length = false;  // the end of the connection is the end of the body
};

// A response whose body is a $error frame (docs/protocol.md): `message` says in one sentence what
// is wrong with the request. Its code follows from `status`.
Response ErrorResponse(int status, absl::string_view message);
// Likewise; here the status follows from the code. `id`: the command's that is answered.
Response ErrorResponse(const absl::Status& why, absl::optional<int64_t> id = absl::nullopt);
// A JSON text that no cache keeps.
Response JsonResponse(std::string json);

// The response's head as bytes, with Date, Content-Length, Connection, X-Content-Type-Options and
// Referrer-Policy.
std::string SerializeHead(const Response& response, bool keep_alive, absl::Time now);
// The whole response. `head_only`: the body's length, but no body (HEAD).
void PushResponse(const Response& response, bool keep_alive, bool head_only, absl::Time now,
                  SocketQueue* queue);

// Takes a connection's bytes until a request's head is complete.
class RequestParser {
 public:
  enum class State { kMore, kReady, kBad };

  // Takes bytes from the front of `bytes`: all of them, or up to the end of the head. After kBad
  // there is nothing more to take: the connection answers error() and ends, since nobody knows
  // where the next request would begin.
  State Consume(absl::string_view* bytes);

  // After kReady; the parser is then as new.
  Request Take();
  // After kBad: 400, 411, 413, 414, 431 or 505.
  const Response& error() const { return error_; }
  // Whether no byte of a head has come yet.
  bool idle() const { return head_.empty(); }

 private:
  State Fail(int status, absl::string_view message);
  State Parse();

  std::string head_;
  size_t lines_ = 0;
  size_t line_begin_ = 0;
  Request request_;
  Response error_;
};

}  // namespace spanwire::bridge
