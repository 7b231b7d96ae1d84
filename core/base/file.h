// Small files, read whole.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace spanwire::base {

// The content, when it has at most `max_bytes`. Errors name the file and the system's reason, never
// the content: NOT_FOUND, PERMISSION_DENIED …, RESOURCE_EXHAUSTED when it is too large.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

// A secret: one line of 1 to limits::kSecretBytes bytes, without the line end that editors leave.
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

}  // namespace spanwire::base
