// What config.proto says about its fields: its comments are the reference, --help prints them.
#pragma once

#include <string>

#include <google/protobuf/descriptor.h>

namespace spanwire::base {

// The comment above the field, on one line; empty for a field of another file.
std::string CommentOf(const google::protobuf::FieldDescriptor& field);

}  // namespace spanwire::base
