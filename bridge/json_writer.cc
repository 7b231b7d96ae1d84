#include "bridge/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "absl/strings/escaping.h"
#include "bridge/text_scan.h"

namespace spanwire::bridge {
namespace {

// The letter behind the backslash; 0: there is none, it is written \u00XX.
constexpr std::array<char, 0x60> MakeEscapes() {
  std::array<char, 0x60> escapes{};
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}
constexpr std::array<char, 0x60> kEscapes = MakeEscapes();

void AppendEscape(char c, std::string* out) {
  const char letter = kEscapes[static_cast<uint8_t>(c)];
  if (letter != 0) {
    const char escape[] = {'\\', letter};
    out->append(escape, sizeof(escape));
  } else {
    constexpr char kHex[] = "0123456789abcdef";
    const char escape[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 0xF]};
    out->append(escape, sizeof(escape));
  }
}

// Appends up to the first byte that is not UTF-8, and returns where that is, or `end`.
const char* AppendEscaped(const char* p, const char* end, std::string* out) {
  const char* run = p;
  for (;;) {
    p = SkipPlain(p, end);
    if (p == end) break;
    if (static_cast<uint8_t>(*p) >= 0x80) {
      const size_t length = Utf8SequenceBytes(p, end);
      if (length == 0) break;
      p += length;
      continue;
    }
    out->append(run, static_cast<size_t>(p - run));
    AppendEscape(*p, out);
    run = ++p;
  }
  out->append(run, static_cast<size_t>(p - run));
  return p;
}

template <typename Integer>
void AppendInteger(Integer value, std::string* out) {
  char buffer[24];
  const std::to_chars_result result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out->append(buffer, static_cast<size_t>(result.ptr - buffer));
}

template <typename Integer>
void AppendQuotedInteger(Integer value, std::string* out) {
  out->push_back('"');
  AppendInteger(value, out);
  out->push_back('"');
}

template <typename Floating>
void AppendFloating(Floating value, std::string* out) {
  if (std::isnan(value)) {
    out->append("\"NaN\"");
    return;
  }
  if (std::isinf(value)) {
    out->append(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return;
  }
  const Floating size = std::abs(value);
  const bool plain = value == 0 || (size >= Floating(1e-6) && size < Floating(1e21));
  char buffer[48];
  const std::to_chars_result result =
      std::to_chars(buffer, buffer + sizeof(buffer), value,
                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  out->append(buffer, static_cast<size_t>(result.ptr - buffer));
}

// `value` in `digits` decimal digits.
char* WriteDigits(uint32_t value, int digits, char* p) {
  for (int i = digits - 1; i >= 0; --i) {
    p[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return p + digits;
}

struct Date {
  uint32_t year;
  uint32_t month;
  uint32_t day;
};

// The Gregorian date of a day counted from 1970-01-01. Years begin in March here, so that the leap
// day is a year's last; an era is 400 of them.
Date DateOf(int64_t days) {
  const uint32_t since = static_cast<uint32_t>(days + 719'468);  // from 0000-03-01; never negative
  const uint32_t era = since / 146'097;
  const uint32_t day_of_era = since % 146'097;
  const uint32_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t month_from_march = (5 * day_of_year + 2) / 153;
  const uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

char* WriteFraction(uint32_t nanos, char* p) {
  if (nanos == 0) return p;
  *p++ = '.';
  if (nanos % 1'000'000 == 0) return WriteDigits(nanos / 1'000'000, 3, p);
  if (nanos % 1'000 == 0) return WriteDigits(nanos / 1'000, 6, p);
  return WriteDigits(nanos, 9, p);
}

}  // namespace

bool AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  const char* const end = text.data() + text.size();
  if (AppendEscaped(text.data(), end, out) != end) return false;
  out->push_back('"');
  return true;
}

void AppendJsonText(absl::string_view text, std::string* out) {
  out->push_back('"');
  const char* const end = text.data() + text.size();
  const char* p = AppendEscaped(text.data(), end, out);
  while (p != end) {
    out->append("\xEF\xBF\xBD");
    p = AppendEscaped(p + 1, end, out);
  }
  out->push_back('"');
}

void AppendJsonInt32(int32_t value, std::string* out) { AppendInteger(value, out); }
void AppendJsonUint32(uint32_t value, std::string* out) { AppendInteger(value, out); }
void AppendJsonInt64(int64_t value, std::string* out) { AppendQuotedInteger(value, out); }
void AppendJsonUint64(uint64_t value, std::string* out) { AppendQuotedInteger(value, out); }

void AppendJsonDouble(double value, std::string* out) {
  // Most numbers are whole. -0 keeps its sign the long way.
  if (std::abs(value) < 9e15 && value != 0) {
    const int64_t whole = static_cast<int64_t>(value);
    if (static_cast<double>(whole) == value) return AppendInteger(whole, out);
  }
  AppendFloating(value, out);
}

void AppendJsonFloat(float value, std::string* out) { AppendFloating(value, out); }

void AppendJsonBase64(absl::string_view bytes, std::string* out) {
  out->push_back('"');
  out->append(absl::Base64Escape(bytes));
  out->push_back('"');
}

bool IsJsonTimestamp(int64_t seconds, int64_t nanos) {
  return seconds >= -62'135'596'800 && seconds <= 253'402'300'799 && nanos >= 0 &&
         nanos <= 999'999'999;
}

void AppendJsonTimestamp(int64_t seconds, int64_t nanos, std::string* out) {
  constexpr int64_t kDay = 86'400;
  const int64_t days = (seconds >= 0 ? seconds : seconds - (kDay - 1)) / kDay;
  const uint32_t second = static_cast<uint32_t>(seconds - days * kDay);
  const Date date = DateOf(days);
  char buffer[40];
  char* p = buffer;
  *p++ = '"';
  p = WriteDigits(date.year, 4, p);
  *p++ = '-';
  p = WriteDigits(date.month, 2, p);
  *p++ = '-';
  p = WriteDigits(date.day, 2, p);
  *p++ = 'T';
  p = WriteDigits(second / 3'600, 2, p);
  *p++ = ':';
  p = WriteDigits(second / 60 % 60, 2, p);
  *p++ = ':';
  p = WriteDigits(second % 60, 2, p);
  p = WriteFraction(static_cast<uint32_t>(nanos), p);
  *p++ = 'Z';
  *p++ = '"';
  out->append(buffer, static_cast<size_t>(p - buffer));
}

}  // namespace spanwire::bridge
