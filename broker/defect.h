// Finds out why bytes are not the message that they should be, so that the agent is told which
// field is wrong. Runs only after a parse failed.
//
// Thread safety: stateless.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace google::protobuf {
class Descriptor;
}  // namespace google::protobuf

namespace spanwire::broker {

// One thing wrong with one field: FieldViolation in the contract.
struct Violation {
  std::string field;        // its path; empty: the whole
  std::string description;  // what is wrong, with the limit; never the value
};

// `bytes` do not parse as the message that `type` describes: where and why.
Violation FindDefect(const google::protobuf::Descriptor& type, absl::string_view bytes);

}  // namespace spanwire::broker
