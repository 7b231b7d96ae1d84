#include "core/redis/preflight.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/log.h"

namespace spanwire::redis {
namespace {

// CONFIG GET answers [name, value, name, value…].
std::string Value(const Reply& reply, absl::string_view name) {
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    if (reply.elements[i].text == name) return reply.elements[i + 1].text;
  }
  return "";
}

absl::Status Judge(const Reply& reply) {
  const std::string limit = Value(reply, "maxmemory");
  const std::string policy = Value(reply, "maxmemory-policy");
  if (reply.is_error() || limit.empty() || policy.empty()) {
    base::LogWarning(
        "redis does not tell its eviction policy; it must be noeviction where maxmemory is set",
        {{"error", reply.is_error() ? reply.text : "no maxmemory in CONFIG GET"}});
    return absl::OkStatus();
  }
  if (limit == "0" || policy == "noeviction") return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "redis has maxmemory ", limit, " and maxmemory-policy ", policy,
      ": it would evict events; set maxmemory-policy to noeviction, or maxmemory to 0"));
}

}  // namespace

void CheckEviction(Commands* commands, absl::AnyInvocable<void(absl::Status)> done) {
  commands->Call({"CONFIG", "GET", "maxmemory*"},
                 [done = std::move(done)](absl::StatusOr<Reply> reply) mutable {
                   done(reply.ok() ? Judge(*reply) : reply.status());
                 });
}

void CheckRights(Commands* commands, const std::vector<std::vector<std::string>>& calls,
                 absl::AnyInvocable<void(absl::Status)> done) {
  struct Check {
    size_t unanswered;
    absl::AnyInvocable<void(absl::Status)> done;
    absl::Status verdict;
  };
  auto check = std::make_shared<Check>(Check{calls.size(), std::move(done), absl::OkStatus()});
  for (const std::vector<std::string>& call : calls) {
    commands->Call(
        std::vector<absl::string_view>(call.begin(), call.end()),
        [check, what = absl::StrCat(call[0], " ", call[1])](const absl::StatusOr<Reply>& reply) {
          if (!reply.ok()) {
            check->verdict = reply.status();
          } else if (reply->error_code() == "NOPERM" && check->verdict.ok()) {
            check->verdict = absl::PermissionDeniedError(
                absl::StrCat("redis refuses ", what, ": ", reply->text));
          }
          if (--check->unanswered == 0) check->done(check->verdict);
        });
  }
}

}  // namespace spanwire::redis
