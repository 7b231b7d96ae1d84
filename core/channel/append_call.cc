#include "core/channel/append_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "core/channel/script.h"

namespace spanwire::channel {
namespace {

// Words that are made here and words in all, beside those of groups and events.
constexpr size_t kTexts = 8;
constexpr size_t kWords = 13;
// Likewise, of a group, its key among them, and of an event.
constexpr size_t kGroupWords = 4;
constexpr size_t kEventTexts = 1;
constexpr size_t kEventWords = 2;

}  // namespace

AppendCommand::AppendCommand(const Names& names, const std::vector<AppendGroup>& groups,
                             const AppendTerms& terms, bool whole) {
  size_t events = 0;
  for (const AppendGroup& group : groups) events += group.items.size();
  texts_.reserve(kTexts + groups.size() * kGroupWords + events * kEventTexts);
  words_.reserve(kWords + groups.size() * kGroupWords + events * kEventWords);

  const Script& script = PublishScript();
  words_.emplace_back(whole ? "EVAL" : "EVALSHA");
  words_.emplace_back(whole ? script.source() : script.sha1());
  Add(absl::StrCat(2 + groups.size()));
  Add(names.LogKey(terms.channel));
  Add(names.TailKey(terms.channel));
  for (const AppendGroup& group : groups) Add(names.ProducerKey(terms.channel, group.producer->id));
  words_.push_back(terms.channel);
  words_.push_back(terms.verb);
  Add(absl::StrCat(terms.salt));
  words_.push_back(terms.mode);
  Add(absl::StrCat(terms.max_events));
  Add(terms.log_ttl);
  Add(limits::kTailTtl);
  Add(absl::StrCat(terms.floor));
  for (const AppendGroup& group : groups) {
    Add(absl::StrCat(group.producer->epoch));
    Add(group.producer->ttl);
    Add(absl::StrCat(group.items.size()));
    for (const AppendItem& item : group.items) {
      Add(absl::StrCat(item.transient ? "-" : "", item.sequence));
      words_.emplace_back(*item.event);
    }
  }
}

void AppendCommand::Add(std::string text) {
  words_.emplace_back(texts_.emplace_back(std::move(text)));
}

void AppendCommand::Add(absl::Duration duration) {
  Add(absl::StrCat(absl::ToInt64Milliseconds(duration)));
}

}  // namespace spanwire::channel
