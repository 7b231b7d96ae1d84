#include "clients/cpp/encode.h"

#include <cstdint>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/strings/str_cat.h"
#include "clients/cpp/limits.h"

namespace spanwire::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status CheckMessage(const Message& message, absl::string_view path, int depth);

std::string PathOf(absl::string_view parent, const FieldDescriptor* field, int index) {
  std::string path = parent.empty() ? field->name() : absl::StrCat(parent, ".", field->name());
  if (index >= 0) absl::StrAppend(&path, "[", index, "]");
  return path;
}

// `index` is -1 for a field that is not repeated.
absl::Status CheckText(const Message& message, const FieldDescriptor* field, int index,
                       absl::string_view parent) {
  const Reflection* reflection = message.GetReflection();
  std::string scratch;
  const std::string& text =
      index < 0 ? reflection->GetStringReference(message, field, &scratch)
                : reflection->GetRepeatedStringReference(message, field, index, &scratch);
  if (IsUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(PathOf(parent, field, index), ": not UTF-8"));
}

absl::Status CheckField(const Message& message, const FieldDescriptor* field,
                        absl::string_view parent, int depth) {
  const Reflection* reflection = message.GetReflection();
  const bool text = field->type() == FieldDescriptor::TYPE_STRING;
  if (!text && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return absl::OkStatus();
  const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
  for (int i = 0; i < count; ++i) {
    const int index = field->is_repeated() ? i : -1;
    absl::Status status;
    if (text) {
      status = CheckText(message, field, index, parent);
    } else {
      const Message& child = index < 0 ? reflection->GetMessage(message, field)
                                       : reflection->GetRepeatedMessage(message, field, index);
      status = CheckMessage(child, PathOf(parent, field, index), depth + 1);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckMessage(const Message& message, absl::string_view path, int depth) {
  if (depth > kNesting) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.substr(0, path.find('.')), ": nested deeper than ", kNesting));
  }
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (absl::Status status = CheckField(message, field, path, depth); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Length of the well-formed sequence that `text` begins with; 0: none.
size_t SequenceLength(absl::string_view text) {
  const auto at = [&](size_t i) -> uint8_t { return i < text.size() ? text[i] : 0; };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  size_t length = 0;
  uint8_t low = 0x80, high = 0xBF;  // of the second byte
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if ((lead & 0xF0) == 0xE0) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (at(1) < low || at(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

absl::StatusOr<std::string> EncodeEvent(const v1::Event& event) {
  if (absl::Status status = CheckMessage(event, "", 0); !status.ok()) return status;
  const size_t bytes = event.ByteSizeLong();
  if (bytes > kEventBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the event has ", bytes, " bytes encoded; at most ", kEventBytes, " are allowed"));
  }
  return event.SerializeAsString();
}

}  // namespace spanwire::client
