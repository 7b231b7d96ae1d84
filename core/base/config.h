// Configuration: a typed protobuf, filled from a YAML file, then the environment, then flags. The
// later stands above the earlier; what nobody set keeps its default.
//
//     file         redis: { url: redis://127.0.0.1:6379 }      unknown key: error, line and column
//     environment  SPANWIRE_REDIS_URL=redis://127.0.0.1:6379   unknown SPANWIRE_…: warning
//     flags        --redis-url redis://… or --redis-url=…      unknown flag: error
//
// Values are read alike in all three: Durations as "10s", "250ms", "1h30m"; fields named …_bytes as
// a number or "8MiB"; enums by the short name in lower case ("logfmt"); a repeated field as a YAML
// list, elsewhere joined by commas.
//
// Thread safety: everything here is for main, before the threads start.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace spanwire::base {

// A setting that is wrong: `path` is its place ("redis.timeout"), `what` says what is wrong with it
// and what its bounds are.
struct ConfigError {
  std::string path;
  std::string what;
};

// What a daemon's command line is called and accepts besides the flags that its configuration's
// fields give.
struct ConfigSpec {
  struct Alias {
    std::string flag;  // "redis", without the dashes
    std::string path;  // "redis.url"
  };
  // Looks at the whole configuration and adds what is wrong with it.
  using Check =
      std::function<void(const google::protobuf::Message&, std::vector<ConfigError>* errors)>;
  // What a field means, for --help.
  using Describe = std::function<std::string(const google::protobuf::FieldDescriptor&)>;

  std::string program;  // "spanwire-broker"
  std::string summary;  // one sentence for --help
  std::vector<Alias> aliases;
  std::vector<Check> checks;
  Describe describe;  // may be empty
};

// What the command line asks for.
enum class ConfigRequest { kRun, kCheck, kHelp, kVersion };

// Reads `arguments` (without the program's name), the file that they name and `environment` into
// `config`, which holds the defaults on entry, and runs the checks. Warnings (environment variables
// that fit no field) are added to `warnings`. Errors are INVALID_ARGUMENT, or NOT_FOUND and the
// like for the file; all that were found, one a line. kHelp and kVersion are returned without
// reading anything else.
absl::StatusOr<ConfigRequest> ReadConfig(const std::vector<std::string>& arguments,
                                         const std::map<std::string, std::string>& environment,
                                         const ConfigSpec& spec, google::protobuf::Message* config,
                                         std::vector<std::string>* warnings);

// The text of --help: flags with their defaults, as `defaults` has them.
std::string HelpText(const ConfigSpec& spec, const google::protobuf::Message& defaults);

// For main: ReadConfig on the process's own arguments and environment. `config` holds the defaults
// on entry (see settings.h).
// --help, --version and --check-config ("configuration ok") print and exit(0). An error is
// returned; main says its message on standard error and ends with kUsageExit. Warnings are logged.
absl::Status LoadConfig(int argc, char** argv, google::protobuf::Message* config,
                        const ConfigSpec& spec);

inline constexpr int kUsageExit = 2;

}  // namespace spanwire::base
