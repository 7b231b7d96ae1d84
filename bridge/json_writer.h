// Writes JSON: each function appends one value, as protobuf's JSON mapping writes it, to a string.
//
// Thread safety: stateless.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace spanwire::bridge {

// A string with its quotes; only what JSON demands is escaped. False: `text` is not valid UTF-8,
// and `out` ends somewhere within the value.
[[nodiscard]] bool AppendJsonString(absl::string_view text, std::string* out);
// Likewise, with U+FFFD in place of what is not valid UTF-8: for text that is shown, such as an
// error's message.
void AppendJsonText(absl::string_view text, std::string* out);

// A number. JSON's readers keep 53 bits: 64-bit integers go by the quoted functions below.
void AppendJsonInt32(int32_t value, std::string* out);
void AppendJsonUint32(uint32_t value, std::string* out);
// "123": protobuf's JSON writes 64-bit integers as strings.
void AppendJsonInt64(int64_t value, std::string* out);
void AppendJsonUint64(uint64_t value, std::string* out);
// The shortest text that reads back as the same number, with an exponent only below 1e-6 and from
// 1e21 (as browsers print numbers); "NaN", "Infinity" and "-Infinity" are strings.
void AppendJsonDouble(double value, std::string* out);
void AppendJsonFloat(float value, std::string* out);

// A string of RFC 4648 base64, padded.
void AppendJsonBase64(absl::string_view bytes, std::string* out);

// Whether RFC 3339 can say this time: years 1 to 9999, nanoseconds 0 to 999,999,999.
bool IsJsonTimestamp(int64_t seconds, int64_t nanos);
// "2024-01-01T12:00:00Z", with 3, 6 or 9 digits of a fraction when they are needed. IsJsonTimestamp
// holds.
void AppendJsonTimestamp(int64_t seconds, int64_t nanos, std::string* out);

}  // namespace spanwire::bridge
