// A YAML file into a typed protobuf, key by key along its descriptor.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <google/protobuf/message.h>

#include "absl/strings/string_view.h"

namespace spanwire::base {

// Sets in `message` what `text` says and leaves the rest. Maps are messages, scalars values (see
// field_value.h), lists repeated fields, whose values they replace; a map or list without content
// sets nothing. Unknown and doubled keys, wrong types and values out of range are errors, each
// added to `errors` as "<name>:<line>:<column>: <path>: <what>". `origins` gets the place of each
// setting that was set, by path. Values of text fields are never quoted in errors.
void ReadYaml(absl::string_view text, const std::string& name, google::protobuf::Message* message,
              std::map<std::string, std::string>* origins, std::vector<std::string>* errors);

}  // namespace spanwire::base
