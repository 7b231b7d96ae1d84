// Whether this Redis may hold the log: with a memory limit, any policy but noeviction would
// silently take events away. And whether it lets this daemon do what it will have to.
//
// Thread: the loop's.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "core/redis/commands.h"

namespace spanwire::redis {

// Asks for maxmemory and maxmemory-policy. `done` is called once, with
//   OK                   no memory limit, or noeviction; or Redis does not tell, which is logged
//   FAILED_PRECONDITION  it evicts; the message names the settings to change
//   UNAVAILABLE          there was no answer: ask again on the next connection
void CheckEviction(Commands* commands, absl::AnyInvocable<void(absl::Status)> done);

// Sends each of `calls` (at least one, without effect) for the sake of the rights that it needs:
// what Redis answers else does not matter. `done` is called once, with
//   OK                 none is forbidden
//   PERMISSION_DENIED  one is; the message has its command and key
//   UNAVAILABLE        there was no answer: ask again on the next connection
void CheckRights(Commands* commands, const std::vector<std::vector<std::string>>& calls,
                 absl::AnyInvocable<void(absl::Status)> done);

}  // namespace spanwire::redis
