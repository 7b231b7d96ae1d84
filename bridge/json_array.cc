#include "bridge/json_array.h"

#include <cstddef>

namespace spanwire::bridge {

std::vector<absl::string_view> JsonElements(absl::string_view array) {
  std::vector<absl::string_view> elements;
  int depth = 0;
  size_t begin = 1;
  for (size_t i = 0; i < array.size(); ++i) {
    const char c = array[i];
    if (c == '"') {
      for (++i; array[i] != '"'; ++i) i += array[i] == '\\' ? 1 : 0;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    }
    if ((c == ',' && depth == 1) || depth == 0) {
      elements.push_back(array.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  if (elements.size() == 1 && elements[0].find_first_not_of(" \t\r\n") == absl::string_view::npos) {
    elements.clear();
  }
  return elements;
}

}  // namespace spanwire::bridge
