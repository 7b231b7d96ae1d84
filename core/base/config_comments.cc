#include "core/base/config_comments.h"

#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace spanwire::base {
namespace {

// config.proto as it was built, and its SHA-1. Generated code has no comments, so they are read
// from the text: one statement or comment a line, as the formatter keeps it.
constexpr const char* kSource[] = {
#include "core/base/config_proto.inc"
};

using Comments = std::map<std::string, std::string>;  // by type and field, "BrokerConfig.listen"

// The name in `optional string listen = 1;`, empty for other lines.
absl::string_view FieldName(absl::string_view line) {
  const size_t equals = line.find(" = ");
  if (equals == line.npos) return "";
  line = line.substr(0, equals);
  return line.substr(line.rfind(' ') + 1);
}

Comments ReadComments() {
  Comments comments;
  std::vector<absl::string_view> types;  // from the outermost
  std::string comment;
  for (absl::string_view line : absl::StrSplit(kSource[0], '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (absl::ConsumePrefix(&line, "//")) {
      absl::StrAppend(&comment, comment.empty() ? "" : " ", absl::StripAsciiWhitespace(line));
      continue;
    }
    if (absl::ConsumeSuffix(&line, " {")) {
      types.push_back(line.substr(line.rfind(' ') + 1));
    } else if (line == "}" && !types.empty()) {
      types.pop_back();
    } else if (const absl::string_view name = FieldName(line); !types.empty() && !name.empty()) {
      comments[absl::StrCat(types.back(), ".", name)] = comment;
    }
    comment.clear();
  }
  return comments;
}

}  // namespace

std::string CommentOf(const google::protobuf::FieldDescriptor& field) {
  static const Comments& comments = *new Comments(ReadComments());
  const auto it = comments.find(absl::StrCat(field.containing_type()->name(), ".", field.name()));
  return it == comments.end() ? "" : it->second;
}

}  // namespace spanwire::base
