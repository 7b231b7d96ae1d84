#include "core/channel/name.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/limits.h"

namespace spanwire::channel {
namespace {

bool IsIdCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         absl::string_view("._~:@|+=-").find(c) != absl::string_view::npos;
}

bool IsPrefixCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

absl::Status CheckId(absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("must not be empty");
  if (text.size() > limits::kIdBytes) {
    return absl::InvalidArgumentError(absl::StrCat("is ", text.size(), " bytes long, at most ",
                                                   limits::kIdBytes, " are allowed"));
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsIdCharacter(text[i])) {
      return absl::InvalidArgumentError(absl::StrCat(
          "has a character at byte ", i, " that is not one of A-Z a-z 0-9 . _ ~ : @ | + = -"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPrefix(absl::string_view text) {
  if (text.empty() || text.size() > limits::kPrefixBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be 1 to ", limits::kPrefixBytes, " bytes long"));
  }
  for (const char c : text) {
    if (!IsPrefixCharacter(c)) {
      return absl::InvalidArgumentError("may only have the characters a-z 0-9 _ -");
    }
  }
  return absl::OkStatus();
}

Names::Names(std::string prefix) : prefix_(std::move(prefix)) {}

std::string Names::Session(absl::string_view id) const {
  return absl::StrCat(prefix_, ":session:", id);
}
std::string Names::Agent(absl::string_view name) const {
  return absl::StrCat(prefix_, ":agent:", name);
}
std::string Names::User(absl::string_view id) const { return absl::StrCat(prefix_, ":user:", id); }
std::string Names::Global() const { return absl::StrCat(prefix_, ":global"); }

absl::Status Names::CheckChannel(absl::string_view channel) const {
  absl::string_view rest = channel;
  if (!absl::ConsumePrefix(&rest, prefix_) || !absl::ConsumePrefix(&rest, ":")) {
    return absl::InvalidArgumentError(absl::StrCat("must begin with \"", prefix_, ":\""));
  }
  if (rest == "global") return absl::OkStatus();
  if (absl::ConsumePrefix(&rest, "session:") || absl::ConsumePrefix(&rest, "agent:") ||
      absl::ConsumePrefix(&rest, "user:")) {
    const absl::Status id = CheckId(rest);
    return id.ok() ? id : absl::InvalidArgumentError(absl::StrCat("has an id that ", id.message()));
  }
  return absl::InvalidArgumentError(absl::StrCat("must be ", prefix_, ":session:<id>, ", prefix_,
                                                 ":agent:<name>, ", prefix_, ":user:<id> or ",
                                                 prefix_, ":global"));
}

std::string Names::LogKey(absl::string_view channel) const {
  return absl::StrCat(prefix_, ":log:{", channel, "}");
}
std::string Names::TailKey(absl::string_view channel) const {
  return absl::StrCat(prefix_, ":tail:{", channel, "}");
}
std::string Names::ProducerKey(absl::string_view channel, absl::string_view producer) const {
  return absl::StrCat(prefix_, ":producer:{", channel, "}:", producer);
}
std::string Names::EpochKey(absl::string_view producer) const {
  return absl::StrCat(prefix_, ":epoch:{", producer, "}");
}
std::string Names::Probe(absl::string_view instance) const {
  return absl::StrCat(prefix_, ":probe:", instance);
}

std::string Names::Control() const { return absl::StrCat(prefix_, ":control"); }

std::string Names::MarkerKey(absl::string_view instance) const {
  return absl::StrCat(prefix_, ":marker:", instance);
}

}  // namespace spanwire::channel
