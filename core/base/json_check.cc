#include "core/base/json_check.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/utf8.h"

namespace spanwire::base {
namespace {

class Checker {
 public:
  Checker(absl::string_view text, size_t max_depth) : text_(text), max_depth_(max_depth) {}

  absl::Status Run() {
    SkipSpace();
    if (Peek() != '{') return Wrong("an object is expected");
    if (absl::Status status = Value(); !status.ok()) return status;
    while (!open_.empty()) {
      if (absl::Status status = Member(); !status.ok()) return status;
    }
    SkipSpace();
    return at_ == text_.size() ? absl::OkStatus() : Wrong("nothing may follow the object");
  }

 private:
  absl::Status Wrong(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("is not one JSON object: at byte ", at_, " ", what));
  }

  // 0 at the end: no token begins with it.
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(absl::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void SkipSpace() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\n' || Peek() == '\r') ++at_;
  }

  // What stands next within the innermost object or array: a member, or the end.
  absl::Status Member() {
    const bool object = open_.back() == '{';
    const bool first = std::exchange(first_, false);
    SkipSpace();
    if (Take(object ? '}' : ']')) {
      open_.pop_back();
      return absl::OkStatus();
    }
    if (!first) {
      if (!Take(',')) return Wrong("a comma or the end is expected");
      SkipSpace();
    }
    if (object) {
      if (Peek() != '"') return Wrong("a key is expected");
      if (absl::Status status = String(); !status.ok()) return status;
      SkipSpace();
      if (!Take(':')) return Wrong("a colon is expected");
      SkipSpace();
    }
    return Value();
  }

  // A scalar, or the beginning of an object or array.
  absl::Status Value() {
    const char c = Peek();
    if (c == '{' || c == '[') {
      if (open_.size() == max_depth_)
        return Wrong(absl::StrCat("it is deeper than ", max_depth_, " levels"));
      ++at_;
      open_.push_back(c);
      first_ = true;
      return absl::OkStatus();
    }
    if (c == '"') return String();
    if (c == '-' || absl::ascii_isdigit(c)) return Number();
    if (TakeWord("true") || TakeWord("false") || TakeWord("null")) return absl::OkStatus();
    return Wrong("a value is expected");
  }

  absl::Status String() {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return absl::OkStatus();
      }
      if (static_cast<uint8_t>(c) < 0x20) return Wrong("a control character stands in a string");
      if (c == '\\') {
        if (absl::Status status = Escape(); !status.ok()) return status;
        continue;
      }
      const size_t bytes = Utf8CharacterBytes(text_.substr(at_));
      if (bytes == 0) return Wrong("it is not valid UTF-8");
      at_ += bytes;
    }
    return Wrong("a string does not end");
  }

  absl::Status Escape() {
    ++at_;
    const char c = Peek();
    if (c != 'u') {
      if (c == '\0' || absl::string_view("\"\\/bfnrt").find(c) == absl::string_view::npos) {
        return Wrong("an unknown escape stands in a string");
      }
      ++at_;
      return absl::OkStatus();
    }
    uint32_t high;
    if (!CodeUnit(&high)) return Wrong("four hexadecimal digits are expected");
    if (high < 0xD800 || high > 0xDFFF) return absl::OkStatus();
    uint32_t low;
    if (high > 0xDBFF || !Take('\\') || !CodeUnit(&low) || low < 0xDC00 || low > 0xDFFF) {
      return Wrong("half of a surrogate pair stands in a string");
    }
    return absl::OkStatus();
  }

  bool CodeUnit(uint32_t* unit) {
    if (!Take('u')) return false;
    const absl::string_view digits = text_.substr(at_, 4);
    for (const char c : digits) {
      if (!absl::ascii_isxdigit(c)) return false;
    }
    if (digits.size() < 4 || !absl::SimpleHexAtoi(digits, unit)) return false;
    at_ += 4;
    return true;
  }

  bool Digits() {
    const size_t begin = at_;
    while (absl::ascii_isdigit(Peek())) ++at_;
    return at_ > begin;
  }

  absl::Status Number() {
    Take('-');
    if (!Take('0') && !Digits()) return Wrong("a digit is expected");
    if (Take('.') && !Digits()) return Wrong("a digit is expected");
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (!Digits()) return Wrong("a digit is expected");
    }
    return absl::OkStatus();
  }

  const absl::string_view text_;
  const size_t max_depth_;
  size_t at_ = 0;
  std::vector<char> open_;  // the brackets that are open, outermost first
  bool first_ = false;      // the innermost one was just opened
};

}  // namespace

absl::Status CheckJsonObject(absl::string_view text, size_t max_depth) {
  return Checker(text, max_depth).Run();
}

}  // namespace spanwire::base
