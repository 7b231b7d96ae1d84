#include "bridge/http.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <websocketpp/http/request.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bridge/control.h"
#include "bridge/http_target.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

using Parser = websocketpp::http::parser::request;

// Headers of which a second one would be a second opinion.
constexpr absl::string_view kSingle[] = {
    "authorization",    "content-length", "content-type",      "host",
    "last-event-id",    "origin",         "sec-websocket-key", "sec-websocket-version",
    "transfer-encoding"};

// What the method, the target and the version of a request line may take besides the target.
constexpr size_t kRequestLineBytes = limits::kTargetBytes + 64;

absl::string_view ReasonPhrase(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

// docs/protocol.md, "Commands over HTTP".
int StatusOfCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

// The other way, for what HTTP itself has to refuse.
absl::StatusCode CodeOfStatus(int status) {
  switch (status) {
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 405:
    case 505:
      return absl::StatusCode::kUnimplemented;
    case 408:
      return absl::StatusCode::kDeadlineExceeded;
    case 413:
    case 414:
    case 431:
      return absl::StatusCode::kOutOfRange;
    case 426:
      return absl::StatusCode::kFailedPrecondition;
    case 503:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInvalidArgument;
  }
}

bool HasBody(const Response& response) {
  return !response.no_length && response.status != 101 && response.status != 204 &&
         response.status != 304;
}

size_t BodyBytes(const Response& response) {
  size_t bytes = response.body.size() + response.tail.size();
  for (const FramePtr& frame : response.frames) bytes += frame->json().size() + 1;
  return response.frames.empty() ? bytes : bytes - 1;
}

// The name of a header line that is fit to be read by websocketpp; empty: it is not.
absl::string_view HeaderName(absl::string_view line) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return {};
  const absl::string_view name = line.substr(0, colon);
  // White space here would be stripped: a folded line, or "Host :".
  if (std::any_of(name.begin(), name.end(), absl::ascii_isspace)) return {};
  return name;
}

// Whether each line is a header line, and none of kSingle comes twice.
bool HeaderLinesAreSound(const std::vector<absl::string_view>& lines) {
  std::vector<std::string> seen;
  for (const absl::string_view line : lines) {
    const absl::string_view name = HeaderName(line);
    if (name.empty()) return false;
    std::string lower = absl::AsciiStrToLower(name);
    if (std::find(std::begin(kSingle), std::end(kSingle), lower) == std::end(kSingle)) continue;
    if (std::find(seen.begin(), seen.end(), lower) != seen.end()) return false;
    seen.push_back(std::move(lower));
  }
  return true;
}

// Finds out how long the request's body is, or why there may not be such a one.
absl::optional<Response> RefuseBody(Request* request) {
  const bool bodiless = request->method == "GET" || request->method == "HEAD";
  if (request->HasHeader("Transfer-Encoding")) {
    return bodiless ? ErrorResponse(400, "a GET has no body here")
                    : ErrorResponse(411, "a body needs Content-Length, not Transfer-Encoding");
  }
  if (!request->HasHeader("Content-Length")) {
    if (request->method != "POST") return absl::nullopt;
    return ErrorResponse(411, "a POST needs Content-Length");
  }
  const absl::string_view length = request->Header("Content-Length");
  if (bodiless && length != "0") return ErrorResponse(400, "a GET has no body here");
  if (length.empty() || !std::all_of(length.begin(), length.end(), absl::ascii_isdigit)) {
    return ErrorResponse(400, "Content-Length is a number");
  }
  if (!absl::SimpleAtoi(length, &request->body_bytes) || request->body_bytes > limits::kBodyBytes) {
    return ErrorResponse(413, absl::StrCat("a body is at most ", limits::kBodyBytes, " bytes"));
  }
  return absl::nullopt;
}

}  // namespace

absl::string_view Request::Header(absl::string_view name) const {
  for (const auto& header : headers) {
    if (absl::EqualsIgnoreCase(header.first, name)) return header.second;
  }
  return {};
}

bool Request::HasHeader(absl::string_view name) const {
  return std::any_of(headers.begin(), headers.end(), [name](const auto& header) {
    return absl::EqualsIgnoreCase(header.first, name);
  });
}

bool Request::HasToken(absl::string_view name, absl::string_view token) const {
  for (const absl::string_view part : absl::StrSplit(Header(name), ',')) {
    if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(part), token)) return true;
  }
  return false;
}

Response ErrorResponse(int status, absl::string_view message) {
  Response response = ErrorResponse(absl::Status(CodeOfStatus(status), message));
  response.status = status;
  return response;
}

Response ErrorResponse(const absl::Status& why, absl::optional<int64_t> id) {
  Response response = JsonResponse(ErrorControl(id, ChannelOf(why), why));
  response.status = StatusOfCode(why.code());
  return response;
}

Response JsonResponse(std::string json) {
  Response response;
  response.headers = {{"Cache-Control", "no-store"}};
  response.content_type = "application/json";
  response.body = std::move(json);
  response.body.push_back('\n');
  return response;
}

std::string SerializeHead(const Response& response, bool keep_alive, absl::Time now) {
  std::string out =
      absl::StrCat("HTTP/1.1 ", response.status, " ", ReasonPhrase(response.status), "\r\n");
  absl::StrAppend(&out,
                  "Date: ", absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", now, absl::UTCTimeZone()),
                  "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
  for (const auto& [name, value] : response.headers)
    absl::StrAppend(&out, name, ": ", value, "\r\n");
  if (response.status != 101) {
    if (!response.content_type.empty())
      absl::StrAppend(&out, "Content-Type: ", response.content_type, "\r\n");
    if (HasBody(response)) absl::StrAppend(&out, "Content-Length: ", BodyBytes(response), "\r\n");
    absl::StrAppend(&out, "Connection: ", keep_alive ? "keep-alive" : "close", "\r\n");
  }
  out += "\r\n";
  return out;
}

void PushResponse(const Response& response, bool keep_alive, bool head_only, absl::Time now,
                  SocketQueue* queue) {
  std::string start = SerializeHead(response, keep_alive, now);
  if (head_only || !HasBody(response)) return queue->Push(std::move(start));
  start += response.body;
  queue->Push(std::move(start));
  for (size_t i = 0; i < response.frames.size(); ++i) {
    if (i > 0) queue->PushStatic(",");
    queue->PushPart(response.frames[i], response.frames[i]->json());
  }
  queue->Push(response.tail);
}

RequestParser::State RequestParser::Fail(int status, absl::string_view message) {
  error_ = ErrorResponse(status, message);
  return State::kBad;
}

RequestParser::State RequestParser::Consume(absl::string_view* bytes) {
  while (!bytes->empty()) {
    const char c = bytes->front();
    bytes->remove_prefix(1);
    const bool after_return = !head_.empty() && head_.back() == '\r';
    if (after_return != (c == '\n')) return Fail(400, "lines end with CR LF");
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\r' && c != '\n' && c != '\t') {
      return Fail(400, "a control character in the head");
    }
    if (head_.size() >= limits::kHeadBytes) {
      return Fail(431, absl::StrCat("the head is at most ", limits::kHeadBytes, " bytes"));
    }
    head_.push_back(c);
    if (lines_ == 0 && head_.size() > kRequestLineBytes) {
      return Fail(414, absl::StrCat("the target is at most ", limits::kTargetBytes, " bytes"));
    }
    if (c != '\n') continue;
    const bool empty_line = head_.size() - line_begin_ == 2;
    line_begin_ = head_.size();
    if (empty_line) return Parse();
    if (++lines_ > limits::kHeadLines + 1) {
      return Fail(431, absl::StrCat("the head has at most ", limits::kHeadLines, " header lines"));
    }
  }
  return State::kMore;
}

// `head_` is complete: its lines end with CR LF, the last one is empty.
RequestParser::State RequestParser::Parse() {
  if (lines_ == 0) return Fail(400, "a request begins with its request line");
  std::vector<absl::string_view> lines = absl::StrSplit(head_, "\r\n", absl::SkipEmpty());
  lines.erase(lines.begin());
  if (!HeaderLinesAreSound(lines)) return Fail(400, "a header line is malformed or repeated");

  Parser parser;
  try {
    // It may believe that a body follows; a request that announces one is refused below.
    parser.consume(head_.data(), head_.size());
  } catch (const websocketpp::http::exception&) {
    return Fail(400, "the request is malformed; it needs a Host header");
  }
  request_.method = parser.get_method();
  for (const auto& [name, value] : parser.get_headers()) request_.headers.emplace_back(name, value);
  if (absl::optional<Response> refusal = RefuseBody(&request_)) {
    error_ = *std::move(refusal);
    return State::kBad;
  }
  if (!absl::StartsWith(parser.get_version(), "HTTP/"))
    return Fail(400, "the request line is malformed");
  if (parser.get_version() != "HTTP/1.1" && parser.get_version() != "HTTP/1.0") {
    return Fail(505, "HTTP/1.1 is spoken here");
  }
  if (parser.get_uri().size() > limits::kTargetBytes) {
    return Fail(414, absl::StrCat("the target is at most ", limits::kTargetBytes, " bytes"));
  }
  if (!ParseTarget(parser.get_uri(), &request_)) return Fail(400, "the target is malformed");
  request_.http_1_0 = parser.get_version() == "HTTP/1.0";
  request_.keep_alive = !request_.http_1_0 && !request_.HasToken("Connection", "close");
  return State::kReady;
}

Request RequestParser::Take() {
  head_.clear();
  head_.shrink_to_fit();
  lines_ = line_begin_ = 0;
  return std::exchange(request_, Request());
}

}  // namespace spanwire::bridge
