#include "core/base/address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace spanwire::base {
namespace {

constexpr size_t kPathBytes = sizeof(sockaddr_un::sun_path) - 1;
constexpr size_t kHostBytes = 253;  // of a DNS name

absl::Status Wrong(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("address \"", absl::CHexEscape(text.substr(0, 300)), "\" ", what));
}

absl::StatusOr<Address> ParseUnix(absl::string_view text, absl::string_view path) {
  if (!absl::StartsWith(path, "/")) return Wrong(text, "needs an absolute path: unix:/path");
  if (absl::StartsWith(path, "//"))
    return Wrong(text, "begins its path with two slashes: unix:/path");
  if (path.size() > kPathBytes) {
    return Wrong(text, absl::StrCat("has a path of more than ", kPathBytes, " bytes"));
  }
  if (absl::StrContains(path, absl::string_view("\0", 1))) return Wrong(text, "holds a zero byte");
  return Address{true, std::string(path), 0};
}

bool IsHostName(absl::string_view host) {
  if (host.empty() || host.size() > kHostBytes) return false;
  for (const char c : host) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '.' && c != '_') return false;
  }
  return true;
}

bool IsV6(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Digits only: SimpleAtoi would take "+1" and " 1" as well.
bool ParsePort(absl::string_view text, uint16_t* port) {
  uint32_t value = 0;
  if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != text.npos)
    return false;
  if (!absl::SimpleAtoi(text, &value) || value > UINT16_MAX) return false;
  *port = static_cast<uint16_t>(value);
  return true;
}

}  // namespace

absl::StatusOr<Address> Address::Parse(absl::string_view text) {
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:")) return ParseUnix(text, rest);

  const bool bracketed = absl::StartsWith(rest, "[");
  const size_t colon = rest.rfind(':');
  if (colon == rest.npos || (bracketed && rest.rfind(']') > colon)) {
    return Wrong(text, "has no port: host:port, [v6]:port or unix:/path");
  }
  absl::string_view host = rest.substr(0, colon);
  if (bracketed) {
    host.remove_prefix(1);
    if (!absl::ConsumeSuffix(&host, "]") || !IsV6(std::string(host))) {
      return Wrong(text, "has no IPv6 address between its brackets");
    }
  } else if (absl::StrContains(host, ":")) {
    return Wrong(text, "needs brackets around its IPv6 address: [v6]:port");
  } else if (!IsHostName(host)) {
    return Wrong(text, host.empty() ? "has no host: host:port, [v6]:port or unix:/path"
                                    : "has a host that is neither a name nor a number");
  }
  Address address{false, std::string(host), 0};
  if (!ParsePort(rest.substr(colon + 1), &address.port)) {
    return Wrong(text, "has no port from 0 to 65535 after its last colon");
  }
  return address;
}

std::string Address::ToString() const {
  if (unix_socket) return absl::StrCat("unix:", host_or_path);
  if (absl::StrContains(host_or_path, ":")) return absl::StrCat("[", host_or_path, "]:", port);
  return absl::StrCat(host_or_path, ":", port);
}

bool Address::IsLocal() const {
  if (unix_socket || absl::EqualsIgnoreCase(host_or_path, "localhost")) return true;
  in_addr v4;
  if (inet_pton(AF_INET, host_or_path.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, host_or_path.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace spanwire::base
