#include "core/base/yaml.h"

#include <google/protobuf/descriptor.h>
#include <yaml-cpp/yaml.h>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/field_value.h"
#include "core/base/suggest.h"

namespace spanwire::base {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kQuotedKeyBytes = 64;

class Reader {
 public:
  Reader(const std::string& name, std::map<std::string, std::string>* origins,
         std::vector<std::string>* errors)
      : name_(name), origins_(*origins), errors_(*errors) {}

  void ReadText(absl::string_view text, Message* message) {
    try {
      const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
      if (documents.size() > 1) {
        Add(Place(documents[1].Mark()), "", "a second document; only one is read");
      } else if (!documents.empty() && !documents[0].IsNull()) {
        ReadMap(documents[0], "", message);
      }
    } catch (const YAML::Exception& error) {
      Add(Place(error.mark), "", error.msg);
    }
  }

 private:
  std::string Place(const YAML::Mark& mark) const {
    return mark.is_null() ? name_ : absl::StrCat(name_, ":", mark.line + 1, ":", mark.column + 1);
  }

  void Add(const std::string& place, absl::string_view path, absl::string_view what) {
    errors_.push_back(absl::StrCat(place, ": ", path, path.empty() ? "" : ": ", what));
  }

  void ReadMap(const YAML::Node& node, const std::string& path, Message* message) {
    if (!node.IsMap()) {
      Add(Place(node.Mark()), path,
          absl::StrCat("keys and values are expected, not ", KindName(node)));
      return;
    }
    absl::flat_hash_map<std::string, std::string> places;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        Add(Place(entry.first.Mark()), path, "a key is expected to be a name");
        continue;
      }
      const std::string& key = entry.first.Scalar();
      const std::string place = Place(entry.first.Mark());
      const std::string shown = absl::CHexEscape(key.substr(0, kQuotedKeyBytes));
      const std::string below = path.empty() ? shown : absl::StrCat(path, ".", shown);
      const auto inserted = places.emplace(key, place);
      const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(key);
      if (!inserted.second) {
        Add(place, below, absl::StrCat("stands here again, first at ", inserted.first->second));
      } else if (field == nullptr) {
        Add(place, below, absl::StrCat("unknown key", Suggestion(key, *message->GetDescriptor())));
      } else {
        ReadField(entry.second, place, below, *field, message);
      }
    }
  }

  void ReadField(const YAML::Node& node, const std::string& place, const std::string& path,
                 const FieldDescriptor& field, Message* message) {
    if (IsGroup(field)) {
      if (!node.IsNull()) {
        ReadMap(node, path, message->GetReflection()->MutableMessage(message, &field));
      }
    } else if (field.is_repeated()) {
      ReadList(node, place, path, field, message);
    } else if (node.IsNull()) {
      Add(place, path, "has no value");
    } else {
      ReadValue(node, path, field, message);
    }
  }

  void ReadList(const YAML::Node& node, const std::string& place, const std::string& path,
                const FieldDescriptor& field, Message* message) {
    if (node.IsNull()) return;
    if (!node.IsSequence()) {
      Add(Place(node.Mark()), path, absl::StrCat("a list is expected, not ", KindName(node)));
      return;
    }
    message->GetReflection()->ClearField(message, &field);
    origins_[path] = place;
    for (const YAML::Node& item : node) ReadValue(item, path, field, message);
  }

  void ReadValue(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                 Message* message) {
    const std::string place = Place(node.Mark());
    if (!node.IsScalar()) {
      Add(place, path, absl::StrCat("a single value is expected, not ", KindName(node)));
      return;
    }
    const absl::Status set = SetFromText(node.Scalar(), field, message);
    if (!set.ok()) Add(place, path, set.message());
    if (!field.is_repeated()) origins_[path] = place;
  }

  static absl::string_view KindName(const YAML::Node& node) {
    if (node.IsMap()) return "keys and values";
    if (node.IsSequence()) return "a list";
    return node.IsNull() ? "nothing" : "a single value";
  }

  static std::string Suggestion(const std::string& key, const Descriptor& type) {
    std::vector<std::string> names;
    names.reserve(static_cast<size_t>(type.field_count()));
    for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
    return DidYouMean(key, names);
  }

  const std::string& name_;
  std::map<std::string, std::string>& origins_;
  std::vector<std::string>& errors_;
};

}  // namespace

void ReadYaml(absl::string_view text, const std::string& name, Message* message,
              std::map<std::string, std::string>* origins, std::vector<std::string>* errors) {
  Reader(name, origins, errors).ReadText(text, message);
}

}  // namespace spanwire::base
