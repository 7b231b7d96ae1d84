#include "core/base/command_line.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "core/base/suggest.h"

namespace spanwire::base {
namespace {

constexpr absl::string_view kPrefix = "SPANWIRE_";

std::string Shown(absl::string_view text) { return absl::CHexEscape(text.substr(0, 64)); }

// What stands where nothing should: a word by itself, anything else by its place, since it may be a
// url with a password.
std::string Stray(absl::string_view argument, size_t place) {
  const bool word = std::all_of(argument.begin(), argument.end(),
                                [](char c) { return absl::ascii_isalnum(c) || c == '-'; });
  return word ? absl::StrCat("\"", Shown(argument), "\"") : absl::StrCat("number ", place);
}

class Reader {
 public:
  Reader(const ConfigSpec& spec, const std::vector<Setting>& settings,
         std::vector<std::string>* errors)
      : errors_(*errors) {
    for (const Setting& setting : settings) {
      flags_.emplace(setting.Flag(), &setting);
      for (const ConfigSpec::Alias& alias : spec.aliases) {
        if (alias.path == setting.Path()) flags_.emplace(alias.flag, &setting);
      }
    }
  }

  CommandLine Read(const std::vector<std::string>& arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      absl::string_view name = arguments[i];
      if (name == "-h") name = "--help";
      if (!absl::ConsumePrefix(&name, "--") || name.empty()) {
        errors_.push_back(absl::StrCat("unexpected argument ", Stray(arguments[i], i + 1)));
        continue;
      }
      absl::optional<std::string> value;
      if (const size_t equals = name.find('='); equals != name.npos) {
        value = std::string(name.substr(equals + 1));
        name = name.substr(0, equals);
      }
      if (Request(name, value.has_value())) continue;
      const auto flag = flags_.find(name);
      if (name != "config" && flag == flags_.end()) {
        Unknown(name);
        // Its value is no argument of its own.
        if (!value && i + 1 < arguments.size() && !absl::StartsWith(arguments[i + 1], "-")) ++i;
        continue;
      }
      if (!value && i + 1 < arguments.size() && !absl::StartsWith(arguments[i + 1], "--")) {
        value = arguments[++i];
      }
      if (!value) {
        errors_.push_back(absl::StrCat("--", name, ": needs a value"));
      } else if (name == "config") {
        line_.config_file = *value;
        if (value->empty()) errors_.push_back("--config: needs the name of a file");
      } else {
        line_.values.push_back({flag->second, *std::move(value), absl::StrCat("--", name)});
      }
    }
    return std::move(line_);
  }

 private:
  // Whether the flag is one of those that take no value. --help stands above all others.
  bool Request(absl::string_view name, bool has_value) {
    ConfigRequest request;
    if (name == "help") {
      request = ConfigRequest::kHelp;
    } else if (name == "version") {
      request = ConfigRequest::kVersion;
    } else if (name == "check-config") {
      request = ConfigRequest::kCheck;
    } else {
      return false;
    }
    if (has_value) errors_.push_back(absl::StrCat("--", name, ": takes no value"));
    const bool asked_more =
        line_.request == ConfigRequest::kHelp ||
        (line_.request == ConfigRequest::kVersion && request == ConfigRequest::kCheck);
    if (!asked_more) line_.request = request;
    return true;
  }

  void Unknown(absl::string_view name) {
    std::vector<std::string> candidates = {"--config", "--check-config", "--help", "--version"};
    for (const auto& flag : flags_) candidates.push_back(absl::StrCat("--", flag.first));
    errors_.push_back(absl::StrCat("unknown flag --", Shown(name),
                                   DidYouMean(absl::StrCat("--", name), candidates)));
  }

  std::vector<std::string>& errors_;
  // Ordered, so that of two suggestions equally near always the same one is made.
  std::map<std::string, const Setting*, std::less<>> flags_;
  CommandLine line_;
};

}  // namespace

CommandLine ReadCommandLine(const std::vector<std::string>& arguments, const ConfigSpec& spec,
                            const std::vector<Setting>& settings,
                            std::vector<std::string>* errors) {
  return Reader(spec, settings, errors).Read(arguments);
}

std::vector<GivenValue> ReadEnvironment(const std::map<std::string, std::string>& environment,
                                        const std::vector<Setting>& settings,
                                        std::vector<std::string>* warnings) {
  absl::flat_hash_map<std::string, const Setting*> variables;
  std::vector<std::string> names;
  for (const Setting& setting : settings) {
    names.push_back(setting.Environment());
    variables.emplace(names.back(), &setting);
  }
  std::vector<GivenValue> values;
  for (const auto& variable : environment) {
    if (!absl::StartsWith(variable.first, kPrefix)) continue;
    const auto it = variables.find(variable.first);
    if (it != variables.end()) {
      values.push_back({it->second, variable.second, variable.first});
    } else {
      warnings->push_back(absl::StrCat(Shown(variable.first), " fits no setting",
                                       DidYouMean(variable.first, names)));
    }
  }
  return values;
}

}  // namespace spanwire::base
