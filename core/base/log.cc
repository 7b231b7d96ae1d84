#include "core/base/log.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <mutex>
#include <utility>

#include <spdlog/details/log_msg.h>
#include <spdlog/sinks/base_sink.h>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "core/base/log_line.h"
#include "core/base/repeat_limiter.h"

namespace spanwire::base {
namespace {

using Output = absl::AnyInvocable<void(absl::string_view line)>;

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

LogLevel FromSpdlog(spdlog::level::level_enum level) {
  if (level <= spdlog::level::debug) return LogLevel::kDebug;
  if (level == spdlog::level::info) return LogLevel::kInfo;
  return level == spdlog::level::warn ? LogLevel::kWarning : LogLevel::kError;
}

absl::string_view ToAbsl(spdlog::string_view_t text) { return {text.data(), text.size()}; }

absl::Duration Uptime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

// One write a line, so that lines of several processes on one terminal do not mix. What cannot be
// written is dropped: there is nowhere to say it.
void WriteToStandardError(std::string line) {
  line.push_back('\n');
  absl::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

// spdlog's lock around the limiter and the output. An entry's "logger name" is its message, by
// which repeats are counted; its payload are the fields, formatted before the lock is taken.
class Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void Configure(LogFormat format, absl::string_view daemon) {
    std::lock_guard<std::mutex> lock(mutex_);
    format_ = format;
    daemon_ = std::string(daemon);
  }
  void SetOutput(Output output) {
    std::lock_guard<std::mutex> lock(mutex_);
    output_ = std::move(output);
    limiter_ = RepeatLimiter();
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& entry) override {
    TellSuppressed();
    const absl::string_view message = ToAbsl(entry.logger_name);
    const LogLevel level = FromSpdlog(entry.level);
    if (limiter_.Admit(message, level, Uptime())) Write(level, message, ToAbsl(entry.payload));
  }
  void flush_() override { TellSuppressed(); }

 private:
  void TellSuppressed() {
    for (const RepeatLimiter::Suppressed& item : limiter_.Expire(Uptime())) {
      Write(item.level, item.message, FormatFields(format_, {{"suppressed", item.count}}));
    }
  }
  void Write(LogLevel level, absl::string_view message, absl::string_view fields) {
    std::string line = FormatLine(format_, {absl::Now(), level, message, daemon_, fields});
    output_ ? output_(line) : WriteToStandardError(std::move(line));
  }

  LogFormat format_ = LogFormat::kLogfmt;
  std::string daemon_;
  RepeatLimiter limiter_;
  Output output_;
};

// Never destroyed: threads may log while the process ends.
Sink& TheSink() {
  static Sink* const sink = new Sink;
  return *sink;
}

std::atomic<LogLevel> threshold{LogLevel::kInfo};
std::atomic<LogFormat> field_format{LogFormat::kLogfmt};

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  if (level < threshold.load(std::memory_order_relaxed)) return;
  const std::string text = FormatFields(field_format.load(std::memory_order_relaxed),
                                        absl::MakeConstSpan(fields.begin(), fields.size()));
  TheSink().log(
      spdlog::details::log_msg({}, {message.data(), message.size()}, ToSpdlog(level), text));
}

}  // namespace

absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is no level: debug, info, warning or error"));
}

LogField::LogField(absl::string_view key, double value)
    : key(key), value(absl::StrCat(value)), literal(std::isfinite(value)) {}

LogField::LogField(absl::string_view key, absl::Duration value)
    : key(key), value(absl::FormatDuration(value)) {}

void LogDebug(absl::string_view message, std::initializer_list<LogField> fields) {
  Log(LogLevel::kDebug, message, fields);
}
void LogInfo(absl::string_view message, std::initializer_list<LogField> fields) {
  Log(LogLevel::kInfo, message, fields);
}
void LogWarning(absl::string_view message, std::initializer_list<LogField> fields) {
  Log(LogLevel::kWarning, message, fields);
}
void LogError(absl::string_view message, std::initializer_list<LogField> fields) {
  Log(LogLevel::kError, message, fields);
}

void InitLogging(LogLevel level, LogFormat format, absl::string_view daemon) {
  threshold = level;
  field_format = format;
  TheSink().Configure(format, daemon);
}

void FlushSuppressed() { TheSink().flush(); }

void SetLogOutput(absl::AnyInvocable<void(absl::string_view line)> output) {
  TheSink().SetOutput(std::move(output));
}

}  // namespace spanwire::base
