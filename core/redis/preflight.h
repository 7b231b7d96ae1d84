// Whether this Redis may hold the log: with a memory limit, any policy but noeviction would
// silently take events away.
//
// Thread: the loop's.
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "core/redis/commands.h"

namespace spanwire::redis {

// Asks for maxmemory and maxmemory-policy. `done` is called once, with
//   OK                   no memory limit, or noeviction; or Redis does not tell, which is logged
//   FAILED_PRECONDITION  it evicts; the message names the settings to change
//   UNAVAILABLE          there was no answer: ask again on the next connection
void CheckEviction(Commands* commands, absl::AnyInvocable<void(absl::Status)> done);

}  // namespace spanwire::redis
