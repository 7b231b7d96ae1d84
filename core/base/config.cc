#include "core/base/config.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/base/command_line.h"
#include "core/base/field_value.h"
#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/version.h"
#include "core/base/yaml.h"

namespace spanwire::base {
namespace {

using google::protobuf::Message;

constexpr size_t kHelpColumns = 96;

// One reading of all sources into one message, with what went wrong on the way.
class Assembly {
 public:
  explicit Assembly(Message* config) : config_(config) {}

  std::vector<std::string>* errors() { return &errors_; }
  bool ok() const { return errors_.empty(); }

  absl::Status ReadConfigFile(const std::string& path) {
    absl::StatusOr<std::string> text = ReadFile(path, limits::kConfigBytes);
    if (!text.ok()) return text.status();
    ReadYaml(*text, path, config_, &origins_, &errors_);
    return absl::OkStatus();
  }

  // One source's values, in their order. A repeated setting's replace those of the sources before.
  void Apply(const std::vector<GivenValue>& values) {
    absl::flat_hash_set<const Setting*> seen;
    for (const GivenValue& given : values) {
      const google::protobuf::FieldDescriptor& field = given.setting->field();
      Message* holder = given.setting->Holder(config_);
      origins_[given.setting->Path()] = given.origin;
      if (!field.is_repeated()) {
        Set(given.value, given, holder);
        continue;
      }
      if (seen.insert(given.setting).second) holder->GetReflection()->ClearField(holder, &field);
      for (absl::string_view item : absl::StrSplit(given.value, ',', absl::SkipWhitespace())) {
        Set(absl::StripAsciiWhitespace(item), given, holder);
      }
    }
  }

  void Check(const std::vector<ConfigSpec::Check>& checks) {
    std::vector<ConfigError> found;
    for (const ConfigSpec::Check& check : checks) check(*config_, &found);
    for (const ConfigError& error : found) {
      const auto origin = origins_.find(error.path);
      const std::string place = origin == origins_.end() ? "" : absl::StrCat(origin->second, ": ");
      errors_.push_back(absl::StrCat(place, error.path, ": ", error.what));
    }
  }

  absl::Status Result() const {
    if (errors_.empty()) return absl::OkStatus();
    std::vector<std::string> told = errors_;
    if (told.size() > limits::kConfigErrors) {
      told.resize(limits::kConfigErrors);
      told.push_back(absl::StrCat("… and ", errors_.size() - told.size(), " more"));
    }
    return absl::InvalidArgumentError(absl::StrJoin(told, "\n"));
  }

 private:
  void Set(absl::string_view text, const GivenValue& given, Message* holder) {
    const absl::Status set = SetFromText(text, given.setting->field(), holder);
    if (set.ok()) return;
    errors_.push_back(absl::StrCat(given.origin, ": ", given.setting->Path(), ": ", set.message()));
  }

  Message* const config_;
  std::map<std::string, std::string> origins_;
  std::vector<std::string> errors_;
};

// The text in lines of at most kHelpColumns, each indented.
void AppendWrapped(absl::string_view text, std::string* out) {
  constexpr absl::string_view kIndent = "        ";
  size_t column = 0;
  for (absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    if (column > 0 && column + 1 + word.size() > kHelpColumns) {
      out->push_back('\n');
      column = 0;
    }
    absl::StrAppend(out, column == 0 ? kIndent : absl::string_view(" "), word);
    column += (column == 0 ? kIndent.size() : 1) + word.size();
  }
  if (column > 0) out->push_back('\n');
}

std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(absl::string_view(*entry), absl::MaxSplits('=', 1));
    variables.insert(parts);
  }
  return variables;
}

[[noreturn]] void SayAndExit(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  std::exit(EXIT_SUCCESS);
}

}  // namespace

absl::StatusOr<ConfigRequest> ReadConfig(const std::vector<std::string>& arguments,
                                         const std::map<std::string, std::string>& environment,
                                         const ConfigSpec& spec, Message* config,
                                         std::vector<std::string>* warnings) {
  const std::vector<Setting> settings = AllSettings(*config->GetDescriptor());
  Assembly assembly(config);
  const CommandLine line = ReadCommandLine(arguments, spec, settings, assembly.errors());
  if (line.request == ConfigRequest::kHelp || line.request == ConfigRequest::kVersion) {
    return line.request;
  }
  if (!assembly.ok()) return assembly.Result();
  if (!line.config_file.empty()) {
    absl::Status read = assembly.ReadConfigFile(line.config_file);
    if (!read.ok()) return read;
  }
  assembly.Apply(ReadEnvironment(environment, settings, warnings));
  assembly.Apply(line.values);
  assembly.Check(spec.checks);
  if (!assembly.ok()) return assembly.Result();
  return line.request;
}

std::string HelpText(const ConfigSpec& spec, const Message& defaults) {
  std::string text =
      absl::StrCat(spec.program, " ", Version(), ": ", spec.summary, "\n\nUsage: ", spec.program,
                   " [--config FILE] [flags]\n\n"
                   "  --config FILE\n        Settings in YAML. The environment stands above the "
                   "file, flags above both.\n"
                   "  --check-config\n        Read and check the configuration, say what is wrong "
                   "with it, and end: 0 or 2.\n"
                   "  --help, --version\n\n"
                   "Settings. In the file their keys, as redis: { url: … }; in the environment "
                   "SPANWIRE_REDIS_URL.\n\n");
  for (const Setting& setting : AllSettings(*defaults.GetDescriptor())) {
    absl::StrAppend(&text, "  --", setting.Flag());
    for (const ConfigSpec::Alias& alias : spec.aliases) {
      if (alias.path == setting.Path()) absl::StrAppend(&text, ", --", alias.flag);
    }
    const std::string value = ToText(setting, defaults);
    absl::StrAppend(&text, " ", KindOf(setting.field()),
                    value.empty() ? "" : absl::StrCat("   [", value, "]"), "\n");
    if (spec.describe) AppendWrapped(spec.describe(setting.field()), &text);
  }
  return text;
}

absl::Status LoadConfig(int argc, char** argv, Message* config, const ConfigSpec& spec) {
  const std::unique_ptr<Message> defaults(config->New());
  defaults->CopyFrom(*config);
  std::vector<std::string> warnings;
  const absl::StatusOr<ConfigRequest> request =
      ReadConfig(std::vector<std::string>(argv + std::min(argc, 1), argv + argc),
                 ProcessEnvironment(), spec, config, &warnings);
  for (const std::string& warning : warnings) {
    LogWarning("environment variable is not used", {{"reason", warning}});
  }
  if (!request.ok()) return request.status();
  switch (*request) {
    case ConfigRequest::kHelp:
      SayAndExit(HelpText(spec, *defaults));
    case ConfigRequest::kVersion:
      SayAndExit(absl::StrCat(spec.program, " ", Version(), "\n"));
    case ConfigRequest::kCheck:
      SayAndExit("configuration ok\n");
    case ConfigRequest::kRun:
      break;
  }
  return absl::OkStatus();
}

}  // namespace spanwire::base
