#include "core/redis/handshake.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace spanwire::redis {
namespace {

constexpr int kOldestMajor = 7;
constexpr absl::string_view kVersionLine = "redis_version:";

// A refusal that may be over at the next attempt, or not. Redis' own words may quote what it was
// sent: only for commands that hold no secret.
absl::Status Refusal(absl::string_view what, const Reply& reply) {
  const std::string text = absl::StrCat(what, ": ", reply.text);
  if (reply.error_code() == "NOAUTH") return absl::UnauthenticatedError(text);
  if (reply.error_code() == "NOPERM") return absl::PermissionDeniedError(text);
  return absl::UnavailableError(text);
}

std::string AuthRefusal(absl::string_view code) {
  if (code == "WRONGPASS") return "redis refuses AUTH: WRONGPASS, user or password is wrong";
  if (code == "ERR") {
    return "redis refuses AUTH: ERR, it has no password for this user, or no command of that name";
  }
  // A code is a word in capitals; anything else may be of what was sent.
  const bool is_code = !code.empty() && std::all_of(code.begin(), code.end(), absl::ascii_isupper);
  return absl::StrCat("redis refuses AUTH", is_code ? ": " : "", is_code ? code : "");
}

}  // namespace

Handshake::Handshake(std::string username, std::string password)
    : username_(std::move(username)),
      password_(std::move(password)),
      step_(password_.empty() ? Step::kInfo : Step::kAuth) {}

std::vector<absl::string_view> Handshake::command() const {
  switch (step_) {
    case Step::kAuth:
      if (username_.empty()) return {"AUTH", password_};
      return {"AUTH", username_, password_};
    case Step::kInfo:
      return {"INFO", "server"};
    case Step::kPing:
      return {"PING"};
    case Step::kDone:
      break;
  }
  return {};
}

absl::Status Handshake::OnReply(const Reply& reply) {
  switch (step_) {
    case Step::kAuth:
      // WRONGPASS; ERR: no password is configured, or there is no AUTH (renamed, or no redis), and
      // then the arguments are quoted: nothing but the code is passed on.
      if (reply.is_error()) return absl::UnauthenticatedError(AuthRefusal(reply.error_code()));
      step_ = Step::kInfo;
      return absl::OkStatus();
    case Step::kInfo:
      return OnInfo(reply);
    case Step::kPing:
      if (reply.is_error()) return Refusal("redis refuses PING", reply);
      step_ = Step::kDone;
      return absl::OkStatus();
    case Step::kDone:
      break;
  }
  return absl::UnavailableError("redis answered, and nothing was asked");
}

absl::Status Handshake::OnInfo(const Reply& reply) {
  if (reply.is_error()) return Refusal("redis refuses INFO", reply);
  for (absl::string_view line : absl::StrSplit(reply.text, '\n')) {
    if (!absl::ConsumePrefix(&line, kVersionLine)) continue;
    version_ = std::string(absl::StripAsciiWhitespace(line));
    int major = 0;
    const absl::string_view first = absl::string_view(version_).substr(0, version_.find('.'));
    if (!absl::SimpleAtoi(first, &major) || major < kOldestMajor) {
      return absl::FailedPreconditionError(
          absl::StrCat("redis ", version_, " is too old: ", kOldestMajor, ".0 or newer is needed"));
    }
    step_ = Step::kPing;
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError("INFO server names no redis_version: this is not a redis");
}

}  // namespace spanwire::redis
