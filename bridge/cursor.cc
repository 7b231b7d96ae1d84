#include "bridge/cursor.h"

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace spanwire::bridge {

std::string FormatCursor(const Cursor& cursor) {
  return absl::StrJoin(cursor, ",",
                       [](std::string* out, const absl::optional<channel::Position>& position) {
                         *out += position ? position->ToString() : "-";
                       });
}

absl::optional<Cursor> ParseCursor(absl::string_view text, size_t* wrong) {
  Cursor cursor;
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    cursor.push_back(channel::Position::Parse(item));
    if (!cursor.back() && item != "-") {
      *wrong = cursor.size() - 1;
      return absl::nullopt;
    }
  }
  return cursor;
}

}  // namespace spanwire::bridge
