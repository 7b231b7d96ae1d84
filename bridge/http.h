// HTTP/1.1 as far as the bridge speaks it: the head of a GET request, and a response. No I/O here.
//
// The parser is websocketpp's, behind bounds and checks of our own: it merges repeated headers,
// strips white space before a colon and reads folded lines, all of which let two parties understand
// one request differently. Thread safety: none needed; each object belongs to one connection.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace spanwire::bridge {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

// A request without body, well-formed as far as this file can tell.
struct Request {
  std::string method;  // a token, as sent
  std::string path;    // percent-decoded; begins with '/'
  // The target's parameters, percent-decoded, in their order, repeated as sent. `+` is literal.
  HttpFields query;
  // Names as sent; the values of a repeated name (only lists may be repeated) are joined by ", ".
  HttpFields headers;
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
  HttpFields headers;
};

// A plain-text response: `message` says in one sentence what is wrong with the request.
Response ErrorResponse(int status, absl::string_view message);

// The response as bytes, with Date, Content-Length, Connection, X-Content-Type-Options and
// Referrer-Policy. `head_only`: the body's length, but no body (HEAD).
std::string SerializeResponse(const Response& response, bool keep_alive, bool head_only,
                              absl::Time now);

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
  // After kBad: 400, 414, 431 or 505.
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
