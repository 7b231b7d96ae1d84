#include "bridge/json_scanner.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "bridge/json_string.h"
#include "bridge/text_scan.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

// A bit per level says whether it is an object.
static_assert(limits::kJsonDepth <= 64);

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
class Scanner {
 public:
  using OnMember = absl::FunctionRef<absl::Status(const JsonMember&)>;

  Scanner(absl::string_view text, OnMember on_member, std::string* out)
      : begin_(text.data()),
        end_(text.data() + text.size()),
        p_(begin_),
        run_(begin_),
        on_member_(on_member),
        out_(out) {}

  absl::Status Scan();

 private:
  // Each reads one thing at p_; false: it is not there, and error_ says so.
  bool ReadValue(bool* whole);
  bool Enter(bool object, bool* whole);
  bool ReadKey();
  bool ReadString(bool* escaped);
  bool ReadEscape();
  bool ReadUnicodeEscape();
  bool ReadNumber();
  bool ReadDigits();
  bool ReadLiteral(absl::string_view literal);

  absl::Status AfterValue(bool* whole);
  absl::Status GiveMember();

  void SkipSpace();
  void FlushRun();
  bool At(char c) const { return p_ != end_ && *p_ == c; }
  bool InObject() const { return (objects_ >> (depth_ - 1) & 1) != 0; }
  bool Wrong(absl::string_view what) {
    error_ = what;
    return false;
  }
  absl::Status Error() const;

  const char* const begin_;
  const char* const end_;
  const char* p_;
  const char* run_;  // what stands from here up to p_ is not in out_ yet
  OnMember on_member_;
  std::string* const out_;
  uint64_t objects_ = 0;  // bit n: the level n + 1 is an object
  size_t depth_ = 0;
  absl::string_view key_;
  std::string key_buffer_;
  const char* value_ = nullptr;  // where the present member's value begins
  absl::string_view error_;
};

JsonKind KindOf(char first) {
  switch (first) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
      return JsonKind::kTrue;
    case 'f':
      return JsonKind::kFalse;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

absl::Status Scanner::Scan() {
  SkipSpace();
  if (!At('{')) {
    Wrong("an object is expected");
    return Error();
  }
  do {
    bool whole = false;
    if (!ReadValue(&whole)) return Error();
    while (whole && depth_ > 0) {
      if (absl::Status status = AfterValue(&whole); !status.ok()) return status;
    }
  } while (depth_ > 0);
  SkipSpace();
  if (p_ != end_) {
    Wrong("the object has ended");
    return Error();
  }
  FlushRun();
  return absl::OkStatus();
}

// Reads a scalar (then it is whole), or enters a container up to its first value (whole if it is
// empty).
bool Scanner::ReadValue(bool* whole) {
  if (p_ == end_) return Wrong("the text ends too early");
  if (depth_ == 1) value_ = p_;
  *whole = true;
  bool escaped;
  switch (*p_) {
    case '{':
      return Enter(true, whole);
    case '[':
      return Enter(false, whole);
    case '"':
      return ReadString(&escaped);
    case 't':
      return ReadLiteral("true");
    case 'f':
      return ReadLiteral("false");
    case 'n':
      return ReadLiteral("null");
    default:
      return ReadNumber();
  }
}

bool Scanner::Enter(bool object, bool* whole) {
  if (depth_ == limits::kJsonDepth) return Wrong("it is nested too deeply");
  const uint64_t bit = uint64_t{1} << depth_++;
  objects_ = object ? objects_ | bit : objects_ & ~bit;
  ++p_;
  SkipSpace();
  *whole = At(object ? '}' : ']');
  if (*whole) {
    ++p_;
    --depth_;
    return true;
  }
  return !object || ReadKey();
}

// What stands behind a whole value within a container: the next value's beginning, or the
// container's end.
absl::Status Scanner::AfterValue(bool* whole) {
  if (depth_ == 1) {
    if (absl::Status status = GiveMember(); !status.ok()) return status;
  }
  SkipSpace();
  if (At(',')) {
    ++p_;
    SkipSpace();
    if (InObject() && !ReadKey()) return Error();
    *whole = false;
    return absl::OkStatus();
  }
  if (At(InObject() ? '}' : ']')) {
    ++p_;
    --depth_;
    return absl::OkStatus();
  }
  Wrong(InObject() ? "a comma or } is expected" : "a comma or ] is expected");
  return Error();
}

absl::Status Scanner::GiveMember() {
  const absl::string_view value(value_, static_cast<size_t>(p_ - value_));
  return on_member_({key_, value, KindOf(value[0])});
}

bool Scanner::ReadKey() {
  if (!At('"')) return Wrong("a key is expected");
  const char* const token = p_;
  bool escaped = false;
  if (!ReadString(&escaped)) return false;
  if (depth_ == 1) {
    const absl::string_view quoted(token, static_cast<size_t>(p_ - token));
    key_ = quoted.substr(1, quoted.size() - 2);
    if (escaped) key_ = key_buffer_ = DecodeJsonString(quoted);
  }
  SkipSpace();
  if (!At(':')) return Wrong("a colon is expected");
  ++p_;
  SkipSpace();
  return true;
}

bool Scanner::ReadString(bool* escaped) {
  *escaped = false;
  ++p_;
  for (;;) {
    p_ = SkipPlain(p_, end_);
    if (p_ == end_) return Wrong("a string does not end");
    if (*p_ == '"') {
      ++p_;
      return true;
    }
    if (*p_ == '\\') {
      *escaped = true;
      if (!ReadEscape()) return false;
      continue;
    }
    const size_t length =
        static_cast<uint8_t>(*p_) >= 0x80 ? Utf8SequenceBytes(p_, end_) : size_t{0};
    if (length == 0) return Wrong("a string has a control character, or is not UTF-8");
    p_ += length;
  }
}

bool Scanner::ReadEscape() {
  if (end_ - p_ < 2) return Wrong("a string does not end");
  if (p_[1] == 'u') return ReadUnicodeEscape();
  if (absl::string_view("\"\\/bfnrt").find(p_[1]) == absl::string_view::npos) {
    return Wrong("there is no such escape");
  }
  p_ += 2;
  return true;
}

bool Scanner::ReadUnicodeEscape() {
  const int unit = EscapedUnit(p_, end_);
  if (unit < 0) return Wrong("\\u needs four hexadecimal digits");
  if (IsLowSurrogate(static_cast<uint32_t>(unit))) return Wrong("half of a surrogate pair");
  if (IsHighSurrogate(static_cast<uint32_t>(unit))) {
    const int low = EscapedUnit(p_ + 6, end_);
    if (low < 0 || !IsLowSurrogate(static_cast<uint32_t>(low))) {
      return Wrong("half of a surrogate pair");
    }
    p_ += 6;
  }
  p_ += 6;
  return true;
}

bool Scanner::ReadNumber() {
  if (At('-')) ++p_;
  if (At('0')) {
    ++p_;
  } else if (!ReadDigits()) {
    return Wrong("a value is expected");
  }
  if (At('.')) {
    ++p_;
    if (!ReadDigits()) return Wrong("a digit is expected");
  }
  if (At('e') || At('E')) {
    ++p_;
    if (At('+') || At('-')) ++p_;
    if (!ReadDigits()) return Wrong("a digit is expected");
  }
  return true;
}

// One digit or more.
bool Scanner::ReadDigits() {
  if (p_ == end_ || !IsDigit(*p_)) return false;
  while (p_ != end_ && IsDigit(*p_)) ++p_;
  return true;
}

bool Scanner::ReadLiteral(absl::string_view literal) {
  if (absl::string_view(p_, static_cast<size_t>(end_ - p_)).substr(0, literal.size()) != literal) {
    return Wrong("a value is expected");
  }
  p_ += literal.size();
  return true;
}

void Scanner::SkipSpace() {
  if (p_ == end_ || !IsSpace(*p_)) return;
  FlushRun();
  while (p_ != end_ && IsSpace(*p_)) ++p_;
  run_ = p_;
}

void Scanner::FlushRun() {
  if (out_ != nullptr) out_->append(run_, static_cast<size_t>(p_ - run_));
}

absl::Status Scanner::Error() const {
  return absl::InvalidArgumentError(
      absl::StrCat("is not right JSON at byte ", p_ - begin_, ": ", error_));
}

}  // namespace

absl::Status ScanJsonObject(absl::string_view text,
                            absl::FunctionRef<absl::Status(const JsonMember&)> on_member,
                            std::string* out) {
  return Scanner(text, on_member, out).Scan();
}

absl::Status ScanJsonObject(absl::string_view text, std::string* out) {
  const auto ignore = [](const JsonMember&) { return absl::OkStatus(); };
  return Scanner(text, ignore, out).Scan();
}

}  // namespace spanwire::bridge
