#include "core/base/readiness.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/base/log.h"

namespace spanwire::base {

struct Readiness::State {
  struct Condition {
    bool ready = false;
    std::string reason = "starting";
  };

  bool AllReady() const {
    for (const auto& condition : conditions) {
      if (!condition.second.ready) return false;
    }
    return true;
  }

  std::string Describe() const {
    std::string text;
    for (const auto& condition : conditions) {
      if (condition.second.ready) continue;
      absl::StrAppend(&text, text.empty() ? "" : "; ", condition.first, ": ",
                      condition.second.reason);
    }
    return text.empty() ? "ready" : text;
  }

  void Set(const std::string& name, bool ready, std::string reason) {
    const bool before = AllReady();
    Condition& condition = conditions[name];
    const bool news = !ready && reason != condition.reason;
    condition = {ready, ready ? "" : std::move(reason)};
    if (!before && AllReady()) {
      LogInfo("ready");
      was_ready = true;
    } else if (before ? !ready : news) {
      const std::string why = Describe();
      was_ready ? LogWarning("not ready", {{"reason", why}})
                : LogInfo("not ready yet", {{"reason", why}});
    }
  }

  std::map<std::string, Condition> conditions;
  bool was_ready = false;  // once: what is missing before that is no loss
};

namespace {

// What a peer said may hold anything; here it becomes part of one line.
std::string OneLine(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (absl::ascii_iscntrl(c)) c = ' ';
  }
  return line;
}

}  // namespace

Readiness::Readiness(Executor* admin, const std::vector<std::string>& conditions)
    : admin_(admin), state_(std::make_shared<State>()) {
  for (const std::string& name : conditions) state_->conditions[name];
}

Readiness::~Readiness() = default;

void Readiness::Set(absl::string_view condition, bool ready, absl::string_view reason) {
  admin_->Post([state = state_, name = std::string(condition), ready,
                line = OneLine(reason)]() mutable { state->Set(name, ready, std::move(line)); });
}

bool Readiness::ready() const { return state_->AllReady(); }

std::string Readiness::Describe() const { return state_->Describe(); }

}  // namespace spanwire::base
