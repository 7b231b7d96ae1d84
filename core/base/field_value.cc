#include "core/base/field_value.h"

#include <cstdint>
#include <limits>

#include <google/protobuf/reflection.h>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "core/base/duration.h"

namespace spanwire::base {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kQuotedBytes = 64;  // of a wrong value, in an error

absl::Status Wrong(absl::string_view text, absl::string_view what) {
  const bool cut = text.size() > kQuotedBytes;
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", absl::CHexEscape(text.substr(0, kQuotedBytes)), cut ? "…" : "", "\" ", what));
}

bool IsDuration(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type()->full_name() == "google.protobuf.Duration";
}

bool IsBytes(const FieldDescriptor& field) { return absl::EndsWith(field.name(), "_bytes"); }

// FORMAT_LOGFMT of enum Format is "logfmt"; the unspecified value has no name here.
std::string ShortName(const EnumValueDescriptor& value) {
  if (value.number() == 0) return "";
  absl::string_view name = value.name();
  absl::string_view prefix = value.type()->value(0)->name();
  if (absl::ConsumeSuffix(&prefix, "UNSPECIFIED")) absl::ConsumePrefix(&name, prefix);
  return absl::AsciiStrToLower(name);
}

std::string ShortNames(const FieldDescriptor& field) {
  std::vector<std::string> names;
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    std::string name = ShortName(*field.enum_type()->value(i));
    if (!name.empty()) names.push_back(std::move(name));
  }
  return absl::StrJoin(names, "|");
}

// Decimal digits only: SimpleAtoi would take signs and spaces around the number as well.
absl::StatusOr<uint64_t> ParseNumber(absl::string_view text, bool bytes, uint64_t max) {
  uint64_t value = 0;
  if (bytes) {
    absl::StatusOr<uint64_t> size = ParseBytes(text);
    if (!size.ok()) return size.status();
    value = *size;
  } else if (text.empty() || text.find_first_not_of("0123456789") != text.npos) {
    return Wrong(text, "is no whole number of 0 or more");
  } else if (!absl::SimpleAtoi(text, &value)) {
    return Wrong(text, absl::StrCat("is out of range: at most ", max));
  }
  if (value > max) {
    return Wrong(text, absl::StrCat("is out of range: at most ", max));
  }
  return value;
}

template <typename T>
absl::StatusOr<T> ParseUnsigned(absl::string_view text, const FieldDescriptor& field) {
  absl::StatusOr<uint64_t> value = ParseNumber(text, IsBytes(field), std::numeric_limits<T>::max());
  if (!value.ok()) return value.status();
  return static_cast<T>(*value);
}

absl::StatusOr<bool> ParseBool(absl::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return Wrong(text, "is neither true nor false");
}

absl::StatusOr<std::string> ParseText(absl::string_view text) {
  for (const char c : text) {
    if (absl::ascii_iscntrl(c)) {
      return absl::InvalidArgumentError(
          "holds a control character");  // not quoted: it may be a secret
    }
  }
  return std::string(text);
}

absl::StatusOr<const EnumValueDescriptor*> ParseEnum(absl::string_view text,
                                                     const FieldDescriptor& field) {
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    const EnumValueDescriptor* value = field.enum_type()->value(i);
    if (!text.empty() && ShortName(*value) == text) return value;
  }
  return Wrong(text, absl::StrCat("is none of ", ShortNames(field)));
}

absl::Status SetDuration(absl::string_view text, const FieldDescriptor& field, Message* holder) {
  absl::StatusOr<absl::Duration> duration = ParseDuration(text);
  if (!duration.ok()) return duration.status();
  holder->GetReflection()->MutableMessage(holder, &field)->CopyFrom(FromDuration(*duration));
  return absl::OkStatus();
}

// Hands a value that could be read to the field.
template <typename T, typename SetValue>
absl::Status Store(const absl::StatusOr<T>& value, SetValue set) {
  if (value.ok()) set(*value);
  return value.status();
}

std::string OneToText(const FieldDescriptor& field, const Message& holder) {
  const Reflection* reflection = holder.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection->GetString(holder, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(holder, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64: {
      const uint64_t value = field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32
                                 ? reflection->GetUInt32(holder, &field)
                                 : reflection->GetUInt64(holder, &field);
      return IsBytes(field) ? FormatBytes(value) : absl::StrCat(value);
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return ShortName(*reflection->GetEnum(holder, &field));
    default: {
      google::protobuf::Duration duration;
      duration.CopyFrom(reflection->GetMessage(holder, &field));
      return absl::FormatDuration(ToDuration(duration));
    }
  }
}

void Collect(const Descriptor& type, std::vector<const FieldDescriptor*> outer,
             std::vector<Setting>* settings) {
  for (int i = 0; i < type.field_count(); ++i) {
    std::vector<const FieldDescriptor*> fields = outer;
    fields.push_back(type.field(i));
    if (IsGroup(*type.field(i))) {
      Collect(*type.field(i)->message_type(), std::move(fields), settings);
    } else {
      settings->push_back({std::move(fields)});
    }
  }
}

}  // namespace

std::string Setting::Path() const {
  return absl::StrJoin(fields, ".", [](std::string* out, const FieldDescriptor* field) {
    absl::StrAppend(out, field->name());
  });
}

std::string Setting::Flag() const { return absl::StrReplaceAll(Path(), {{".", "-"}, {"_", "-"}}); }

std::string Setting::Environment() const {
  return absl::StrCat("SPANWIRE_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(Path(), {{".", "_"}})));
}

Message* Setting::Holder(Message* root) const {
  for (size_t i = 0; i + 1 < fields.size(); ++i) {
    root = root->GetReflection()->MutableMessage(root, fields[i]);
  }
  return root;
}

std::vector<Setting> AllSettings(const Descriptor& type) {
  std::vector<Setting> settings;
  Collect(type, {}, &settings);
  return settings;
}

bool IsGroup(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !IsDuration(field);
}

absl::Status SetFromText(absl::string_view text, const FieldDescriptor& field, Message* holder) {
  const Reflection* reflection = holder->GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return Store(ParseText(text), [&](const std::string& value) {
        field.is_repeated() ? reflection->AddString(holder, &field, value)
                            : reflection->SetString(holder, &field, value);
      });
    case FieldDescriptor::CPPTYPE_BOOL:
      return Store(ParseBool(text),
                   [&](bool value) { reflection->SetBool(holder, &field, value); });
    case FieldDescriptor::CPPTYPE_UINT32:
      return Store(ParseUnsigned<uint32_t>(text, field),
                   [&](uint32_t value) { reflection->SetUInt32(holder, &field, value); });
    case FieldDescriptor::CPPTYPE_UINT64:
      return Store(ParseUnsigned<uint64_t>(text, field),
                   [&](uint64_t value) { reflection->SetUInt64(holder, &field, value); });
    case FieldDescriptor::CPPTYPE_ENUM:
      return Store(ParseEnum(text, field), [&](const EnumValueDescriptor* value) {
        reflection->SetEnum(holder, &field, value);
      });
    default:
      if (IsDuration(field)) return SetDuration(text, field, holder);
      return absl::InvalidArgumentError("is of a kind that cannot be configured");
  }
}

std::string ToText(const Setting& setting, const Message& root) {
  const Message* holder = &root;
  for (size_t i = 0; i + 1 < setting.fields.size(); ++i) {
    holder = &holder->GetReflection()->GetMessage(*holder, setting.fields[i]);
  }
  const Reflection* reflection = holder->GetReflection();
  const FieldDescriptor& field = setting.field();
  if (!field.is_repeated()) {
    return reflection->HasField(*holder, &field) ? OneToText(field, *holder) : "";
  }
  return absl::StrJoin(reflection->GetRepeatedFieldRef<std::string>(*holder, &field), ",");
}

std::string KindOf(const FieldDescriptor& field) {
  if (IsDuration(field)) return "DURATION";
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true|false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return ShortNames(field);
    case FieldDescriptor::CPPTYPE_STRING:
      return field.is_repeated() ? "TEXT,…" : "TEXT";
    default:
      return IsBytes(field) ? "SIZE" : "NUMBER";
  }
}

}  // namespace spanwire::base
