// How one entry of the log looks: pure functions from an entry to a line, without line end.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/base/log.h"

namespace spanwire::base {

struct LogEntry {
  absl::Time time;
  LogLevel level = LogLevel::kInfo;
  absl::string_view message;
  absl::string_view daemon;  // empty: left out
  absl::string_view fields;  // as FormatFields made them
};

// ts=2026-01-02T03:04:05.678901Z level=info msg="redis connected" daemon=spanwire-bridge
// address=127.0.0.1:6379 or the same as one JSON object.
std::string FormatLine(LogFormat format, const LogEntry& entry);

// The fields as FormatLine takes them: each begins with its separator. Whatever a value holds, the
// line stays one line of valid UTF-8: control characters are escaped, invalid bytes become U+FFFD,
// and what is over limits::kLogValueBytes is cut and marked with "…".
std::string FormatFields(LogFormat format, absl::Span<const LogField> fields);

}  // namespace spanwire::base
