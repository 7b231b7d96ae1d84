#include "core/base/log_line.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/limits.h"

namespace spanwire::base {
namespace {

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "info";
}

// The bytes of the well-formed UTF-8 character that `text` begins with; 0 when it begins with none.
size_t CharacterBytes(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
      (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return size;
}

// Characters that a terminal or a reader of lines acts upon instead of showing them; 0 when
// `character` is none. C1 controls, and the line and paragraph separators, are among them.
uint32_t ControlCode(absl::string_view character) {
  const auto lead = static_cast<uint8_t>(character[0]);
  if (character.size() == 1) return lead == 0x7F ? lead : 0;
  if (character.size() == 2 && lead == 0xC2 && static_cast<uint8_t>(character[1]) < 0xA0) {
    return static_cast<uint8_t>(character[1]);
  }
  if (character == "\u2028") return 0x2028;
  if (character == "\u2029") return 0x2029;
  return 0;
}

// JSON's escapes; logfmt has no standard of its own and its readers take these.
void AppendEscaped(absl::string_view text, std::string* out) {
  while (!text.empty()) {
    const size_t size = CharacterBytes(text);
    const absl::string_view character = text.substr(0, size == 0 ? 1 : size);
    text.remove_prefix(character.size());
    if (size == 0) {
      absl::StrAppend(out, "\uFFFD");
    } else if (character == "\"" || character == "\\") {
      absl::StrAppend(out, "\\", character);
    } else if (character == "\n") {
      absl::StrAppend(out, "\\n");
    } else if (character == "\r") {
      absl::StrAppend(out, "\\r");
    } else if (character == "\t") {
      absl::StrAppend(out, "\\t");
    } else if (size == 1 && static_cast<uint8_t>(character[0]) < 0x20) {
      absl::StrAppendFormat(out, "\\u%04x", static_cast<uint8_t>(character[0]));
    } else if (const uint32_t code = ControlCode(character); code != 0) {
      absl::StrAppendFormat(out, "\\u%04x", code);
    } else {
      absl::StrAppend(out, character);
    }
  }
}

void AppendQuoted(absl::string_view text, std::string* out) {
  out->push_back('"');
  AppendEscaped(text, out);
  out->push_back('"');
}

// Whether logfmt takes the value without quotes.
bool IsBare(absl::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\';
  });
}

// The value within its bound; the cut never splits a character.
std::string Bounded(absl::string_view value) {
  if (value.size() <= limits::kLogValueBytes) return std::string(value);
  size_t end = limits::kLogValueBytes;
  while (end > limits::kLogValueBytes - 4 && (value[end] & 0xC0) == 0x80) --end;
  return absl::StrCat(value.substr(0, end), "…");
}

void AppendField(LogFormat format, absl::string_view key, absl::string_view value, bool literal,
                 std::string* out) {
  if (format == LogFormat::kJson) {
    absl::StrAppend(out, ",\"", key, "\":");
    literal ? absl::StrAppend(out, value) : AppendQuoted(value, out);
  } else {
    absl::StrAppend(out, " ", key, "=");
    IsBare(value) ? absl::StrAppend(out, value) : AppendQuoted(value, out);
  }
}

}  // namespace

std::string FormatFields(LogFormat format, absl::Span<const LogField> fields) {
  std::string out;
  for (const LogField& field : fields) {
    AppendField(format, field.key, Bounded(field.value), field.literal, &out);
  }
  return out;
}

std::string FormatLine(LogFormat format, const LogEntry& entry) {
  const std::string time =
      absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", entry.time, absl::UTCTimeZone());
  const bool json = format == LogFormat::kJson;
  std::string line = json ? absl::StrCat("{\"ts\":\"", time, "\",\"level\":\"",
                                         LevelName(entry.level), "\",\"msg\":")
                          : absl::StrCat("ts=", time, " level=", LevelName(entry.level), " msg=");
  AppendQuoted(Bounded(entry.message), &line);
  if (!entry.daemon.empty()) AppendField(format, "daemon", entry.daemon, false, &line);
  absl::StrAppend(&line, entry.fields, json ? "}" : "");
  return line;
}

}  // namespace spanwire::base
