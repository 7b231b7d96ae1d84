#include "broker/defect.h"

#include <google/protobuf/descriptor.h>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "broker/wire.h"
#include "core/base/utf8.h"

namespace spanwire::broker {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int kMaxDepth = 100;  // protobuf's own

std::string Join(const std::string& path, const std::string& name) {
  return path.empty() ? name : absl::StrCat(path, ".", name);
}

absl::optional<Violation> Find(const Descriptor& type, absl::string_view bytes,
                               const std::string& path, int depth) {
  if (depth > kMaxDepth)
    return Violation{path, absl::StrCat("is nested deeper than ", kMaxDepth, " levels")};
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.type() == WireType::kEndGroup) break;
    const FieldDescriptor* field = type.FindFieldByNumber(static_cast<int>(reader.number()));
    if (field == nullptr || reader.type() != WireType::kBytes) continue;
    const std::string name = Join(path, field->name());
    if (field->type() == FieldDescriptor::TYPE_STRING && !base::IsUtf8(reader.bytes())) {
      return Violation{name, "is not valid UTF-8"};
    }
    if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      if (auto defect = Find(*field->message_type(), reader.bytes(), name, depth + 1))
        return defect;
    }
  }
  if (!reader.ok()) return Violation{path, "is not valid protobuf: it is cut off or garbage"};
  return absl::nullopt;
}

}  // namespace

Violation FindDefect(const Descriptor& type, absl::string_view bytes) {
  return Find(type, bytes, "", 1).value_or(Violation{"", "is not valid protobuf"});
}

}  // namespace spanwire::broker
