#include "core/base/version.h"

namespace spanwire::base {

absl::string_view Version() { return SPANWIRE_VERSION; }

}  // namespace spanwire::base
