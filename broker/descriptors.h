// What reflection tells of the schema: files of the generated descriptor pool, each with all that
// it imports.
//
// Thread safety: stateless.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace spanwire::broker {

// Encoded FileDescriptorProtos: the file asked for first, then what it imports, directly or not,
// each once. NOT_FOUND where there is no such thing.
using Files = std::vector<std::string>;

absl::StatusOr<Files> FileByName(const std::string& name);
// Of a service, method, message, field, enum, enum value or extension, by its full name.
absl::StatusOr<Files> FileContainingSymbol(const std::string& symbol);
absl::StatusOr<Files> FileContainingExtension(const std::string& type, int number);
// The numbers of all extensions of a message type, rising.
absl::StatusOr<std::vector<int>> ExtensionNumbers(const std::string& type);

}  // namespace spanwire::broker
