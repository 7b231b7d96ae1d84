// One setting as text: the fields of a configuration message, found by descriptor, read from text
// and written as text.
#pragma once

#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace spanwire::base {

// A field that holds a value, and the way to it through messages.
struct Setting {
  std::vector<const google::protobuf::FieldDescriptor*>
      fields;  // from the outermost; the last one is the value's

  const google::protobuf::FieldDescriptor& field() const { return *fields.back(); }
  std::string Path() const;         // redis.password_file
  std::string Flag() const;         // redis-password-file
  std::string Environment() const;  // SPANWIRE_REDIS_PASSWORD_FILE
  // The message that holds the value, made if need be.
  google::protobuf::Message* Holder(google::protobuf::Message* root) const;
};

// All settings below `type`, in the order of the .proto.
std::vector<Setting> AllSettings(const google::protobuf::Descriptor& type);

// Whether the field holds fields of its own instead of a value; a Duration is a value.
bool IsGroup(const google::protobuf::FieldDescriptor& field);

// Sets the field, or adds to it if it is repeated. Errors (INVALID_ARGUMENT) say what would be
// right.
absl::Status SetFromText(absl::string_view text, const google::protobuf::FieldDescriptor& field,
                         google::protobuf::Message* holder);

// What `root` has there, as SetFromText reads it; a repeated field's values joined by commas. Empty
// when not set.
std::string ToText(const Setting& setting, const google::protobuf::Message& root);

// What the field takes, for people: TEXT, NUMBER, SIZE, DURATION, true|false, logfmt|json.
std::string KindOf(const google::protobuf::FieldDescriptor& field);

}  // namespace spanwire::base
