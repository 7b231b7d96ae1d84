// The daemon's own log: one line an entry on standard error, as logfmt or as one JSON object.
//
// The message is a constant text ("redis connected"); what changes stands in the fields. Payloads,
// tokens and passwords are never logged. A message that comes more than 10 times in 10 s is counted
// instead, and said once with suppressed=<count> when the 10 s are over. Before InitLogging:
// logfmt, from level info.
//
// Thread safety: every function from any thread, except InitLogging (main, before the threads
// start) and SetLogOutput.
#pragma once

#include <initializer_list>
#include <string>
#include <type_traits>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace spanwire::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kLogfmt, kJson };

// debug, info, warning or error.
absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name);

// A detail of an entry. Keys are constant texts of [a-z0-9_]; values may hold anything, they are
// escaped.
struct LogField {
  LogField(absl::string_view key, absl::string_view value) : key(key), value(value) {}
  LogField(absl::string_view key, const char* value) : key(key), value(value) {}
  LogField(absl::string_view key, std::string value) : key(key), value(std::move(value)) {}
  LogField(absl::string_view key, bool value)
      : key(key), value(value ? "true" : "false"), literal(true) {}
  LogField(absl::string_view key, double value);
  LogField(absl::string_view key, absl::Duration value);
  template <typename T, typename = std::enable_if_t<std::is_integral_v<T>>>
  LogField(absl::string_view key, T value) : key(key), value(absl::StrCat(value)), literal(true) {}

  absl::string_view key;
  std::string value;
  bool literal = false;  // JSON writes it without quotes
};

void LogDebug(absl::string_view message, std::initializer_list<LogField> fields = {});
void LogInfo(absl::string_view message, std::initializer_list<LogField> fields = {});
void LogWarning(absl::string_view message, std::initializer_list<LogField> fields = {});
void LogError(absl::string_view message, std::initializer_list<LogField> fields = {});

// Entries below `level` are dropped. `daemon` stands in every line (daemon=spanwire-broker).
void InitLogging(LogLevel level, LogFormat format, absl::string_view daemon);

// Says what was counted and not said, if its 10 s are over. Every later entry does so too; a timer
// of the daemon calls this so that the last burst before a silence is told as well.
void FlushSuppressed();

// Where lines (without line end) go instead of standard error; nullptr: back to standard error.
// What was counted is forgotten. For tests. `output` is called by one thread at a time and must not
// log.
void SetLogOutput(absl::AnyInvocable<void(absl::string_view line)> output);

}  // namespace spanwire::base
