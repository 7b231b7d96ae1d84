#include "core/base/admin_http.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/address.h"
#include "core/base/limits.h"

namespace spanwire::base {
namespace {

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("malformed request: ", what));
}

bool IsToken(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("!#$%&'*+-.^_`|~", absl::string_view(&c, 1));
  });
}

bool IsVisible(absl::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

absl::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

}  // namespace

absl::StatusOr<HttpHead> ParseHttpHead(absl::string_view head) {
  if (!absl::ConsumeSuffix(&head, "\r\n\r\n")) return Malformed("no end of head");
  const std::vector<absl::string_view> lines = absl::StrSplit(head, "\r\n");
  if (lines.size() > limits::kHeadLines + 1) return Malformed("too many header lines");

  const std::vector<absl::string_view> words = absl::StrSplit(lines[0], ' ');
  if (words.size() != 3 || !IsToken(words[0]) || !IsVisible(words[1]) || words[1][0] != '/') {
    return Malformed("request line");
  }
  if (words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0") return Malformed("HTTP/1.1 is spoken here");

  HttpHead result{std::string(words[0]), std::string(words[1].substr(0, words[1].find('?'))), ""};
  int hosts = 0;
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(':');
    if (colon == absl::string_view::npos || !IsToken(lines[i].substr(0, colon))) {
      return Malformed("header line");
    }
    if (!absl::EqualsIgnoreCase(lines[i].substr(0, colon), "host")) continue;
    result.host = std::string(absl::StripAsciiWhitespace(lines[i].substr(colon + 1)));
    ++hosts;
  }
  if (hosts > 1) return Malformed("more than one Host");
  if (words[2] == "HTTP/1.1" && hosts == 0) return Malformed("no Host");
  return result;
}

bool IsLocalHost(absl::string_view host) {
  if (host.empty()) return false;
  const bool has_port = host.back() != ']' && absl::StrContains(host, ":");
  const absl::StatusOr<Address> address =
      Address::Parse(has_port ? std::string(host) : absl::StrCat(host, ":0"));
  return address.ok() && !address->unix_socket && address->IsLocal();
}

std::string FormatHttpResponse(const HttpResponse& response, bool head_only) {
  return absl::StrCat("HTTP/1.1 ", response.status, " ", Reason(response.status),
                      "\r\nContent-Type: ", response.content_type,
                      "\r\nContent-Length: ", response.body.size(),
                      response.status == 405 ? "\r\nAllow: GET, HEAD" : "",
                      "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff"
                      "\r\nConnection: close\r\n\r\n",
                      head_only ? "" : response.body);
}

}  // namespace spanwire::base
