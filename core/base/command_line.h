// The command line and the environment, sorted into settings; nothing is read or set yet.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/config.h"
#include "core/base/field_value.h"

namespace spanwire::base {

// A value that stands somewhere outside the file.
struct GivenValue {
  const Setting* setting;
  std::string value;
  std::string origin;  // "--redis-url", "SPANWIRE_REDIS_URL"
};

struct CommandLine {
  ConfigRequest request = ConfigRequest::kRun;
  std::string config_file;         // empty: none
  std::vector<GivenValue> values;  // in their order
};

// Flags: --name value or --name=value, the name being the setting's path with dashes, or an alias;
// the last of several stands, those of a repeated setting add up. Errors, one text each, are added
// to `errors`; nobody looks at them when --help or --version is asked for.
CommandLine ReadCommandLine(const std::vector<std::string>& arguments, const ConfigSpec& spec,
                            const std::vector<Setting>& settings, std::vector<std::string>* errors);

// Variables SPANWIRE_…; those that fit no setting are a warning each.
std::vector<GivenValue> ReadEnvironment(const std::map<std::string, std::string>& environment,
                                        const std::vector<Setting>& settings,
                                        std::vector<std::string>* warnings);

}  // namespace spanwire::base
