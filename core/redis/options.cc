#include "core/redis/options.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"

namespace spanwire::redis {
namespace {

constexpr absl::string_view kForms =
    "a redis url is redis://[user:password@]host:port or unix:///path";

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

absl::optional<std::string> PercentDecode(absl::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return absl::nullopt;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return absl::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

// "user:password", ":password". A user alone would be AUTH with an empty password: surely a slip.
absl::Status ReadUser(absl::string_view user_info, RedisOptions* options) {
  const size_t colon = user_info.find(':');
  if (colon == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        "redis url: a user needs a password, as in user:password@host");
  }
  absl::optional<std::string> user = PercentDecode(user_info.substr(0, colon));
  absl::optional<std::string> password = PercentDecode(user_info.substr(colon + 1));
  if (!user || !password) {
    return absl::InvalidArgumentError(
        "redis url: user or password has a '%' that two hexadecimal digits do not follow");
  }
  if (password->empty()) return absl::InvalidArgumentError("redis url: the password is empty");
  options->username = *std::move(user);
  options->password = *std::move(password);
  return absl::OkStatus();
}

absl::Status ReadUnixPath(absl::string_view path, RedisOptions* options) {
  if (!absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError("redis url: unix:// is followed by an absolute path");
  }
  absl::StatusOr<base::Address> address = base::Address::Parse(absl::StrCat("unix:", path));
  if (!address.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("redis url: ", address.status().message()));
  }
  options->address = *std::move(address);
  return absl::OkStatus();
}

absl::Status ReadHost(absl::string_view host, RedisOptions* options) {
  const size_t end = host.find_first_of("/?#");
  if (end != absl::string_view::npos) {
    const absl::string_view rest = host.substr(end);
    if (rest.front() != '/') {
      return absl::InvalidArgumentError("redis url: nothing may follow the port: no '?', no '#'");
    }
    if (rest != "/") {
      return absl::InvalidArgumentError(
          "redis url: a database number cannot be chosen, pub/sub knows none: leave the /… out");
    }
    host = host.substr(0, end);
  }
  // "[::1]" and "name" are hosts without a port; "::1" is not a host here.
  const size_t bracket = host.rfind(']');
  const bool has_port =
      host.find(':', bracket == absl::string_view::npos ? 0 : bracket) != absl::string_view::npos;
  absl::StatusOr<base::Address> address =
      base::Address::Parse(has_port ? std::string(host) : absl::StrCat(host, ":6379"));
  // The text is not quoted: where an '@' was forgotten it is a password.
  if (!address.ok() || address->unix_socket || address->port == 0) {
    return absl::InvalidArgumentError(absl::StrCat("redis url: no valid host and port: ", kForms));
  }
  options->address = *std::move(address);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RedisOptions> RedisOptions::FromUrl(absl::string_view url) {
  absl::string_view rest = url;
  if (absl::StartsWith(rest, "rediss://")) {
    return absl::InvalidArgumentError("redis url: rediss:// (TLS) is not supported yet");
  }
  const bool unix_socket = absl::ConsumePrefix(&rest, "unix://");
  if (!unix_socket && !absl::ConsumePrefix(&rest, "redis://")) {
    return absl::InvalidArgumentError(absl::StrCat("redis url: unknown scheme: ", kForms));
  }
  RedisOptions options;
  // The last '@' before the path: a password may hold one that was not encoded.
  const size_t at = unix_socket ? rest.substr(0, rest.find('/')).rfind('@') : rest.rfind('@');
  if (at != absl::string_view::npos) {
    if (absl::Status read = ReadUser(rest.substr(0, at), &options); !read.ok()) return read;
    rest.remove_prefix(at + 1);
  }
  absl::Status read = unix_socket ? ReadUnixPath(rest, &options) : ReadHost(rest, &options);
  if (!read.ok()) return read;
  return options;
}

}  // namespace spanwire::redis
