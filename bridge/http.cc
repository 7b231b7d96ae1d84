#include "bridge/http.h"

#include <algorithm>
#include <iterator>

#include <websocketpp/http/request.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 414:
      return "URI Too Long";
    case 421:
      return "Misdirected Request";
    case 426:
      return "Upgrade Required";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
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
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = absl::StrCat(message, "\n");
  return response;
}

std::string SerializeResponse(const Response& response, bool keep_alive, bool head_only,
                              absl::Time now) {
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
    if (response.status != 204 && response.status != 304) {
      absl::StrAppend(&out, "Content-Length: ", response.body.size(), "\r\n");
    }
    absl::StrAppend(&out, "Connection: ", keep_alive ? "keep-alive" : "close", "\r\n");
  }
  absl::StrAppend(&out, "\r\n");
  if (!head_only && response.status != 204 && response.status != 304) out += response.body;
  return out;
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
  const absl::string_view length = request_.Header("Content-Length");
  if (request_.HasHeader("Transfer-Encoding") ||
      (request_.HasHeader("Content-Length") && length != "0")) {
    return Fail(400, "a request here has no body");
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
