// The version of this build, as CMake's project() states it.
#pragma once

#include "absl/strings/string_view.h"

namespace spanwire::base {

absl::string_view Version();

}  // namespace spanwire::base
