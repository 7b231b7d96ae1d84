#include "bridge/conflation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/event_reader.h"
#include "bridge/json_scanner.h"
#include "core/base/limits.h"
#include "spanwire/v1/event.pb.h"
#include "spanwire/v1/options.pb.h"

namespace spanwire::bridge {
namespace {

struct Rule {
  std::vector<std::string> keys;  // fields
  std::string append;             // the field that is concatenated; empty: LATEST
};

absl::flat_hash_map<uint32_t, Rule> ReadRules() {
  absl::flat_hash_map<uint32_t, Rule> rules;
  const auto* const oneof = v1::Event::descriptor()->FindOneofByName("payload");
  for (int i = 0; i < oneof->field_count(); ++i) {
    const auto* const payload = oneof->field(i)->message_type();
    const v1::Conflate conflate = payload->options().GetExtension(v1::conflate);
    if (conflate != v1::CONFLATE_LATEST && conflate != v1::CONFLATE_APPEND) continue;
    Rule& rule = rules[static_cast<uint32_t>(oneof->field(i)->number())];
    for (int j = 0; j < payload->field_count(); ++j) {
      const auto* const field = payload->field(j);
      if (field->options().GetExtension(v1::key)) rule.keys.push_back(field->name());
      if (conflate == v1::CONFLATE_APPEND && field->options().GetExtension(v1::append)) {
        rule.append = field->name();
      }
    }
  }
  return rules;
}

const Rule* FindRule(uint32_t payload) {
  static const auto* const rules = new absl::flat_hash_map<uint32_t, Rule>(ReadRules());
  const auto found = rules->find(payload);
  return found == rules->end() ? nullptr : &found->second;
}

template <typename OnMember>
void ForMembers(absl::string_view json, OnMember on_member) {
  const absl::Status scanned = ScanJsonObject(
      json,
      [&](const JsonMember& member) {
        on_member(member);
        return absl::OkStatus();
      },
      nullptr);
  (void)scanned;  // our own text is right
}

absl::string_view Data(absl::string_view json) {
  absl::string_view data = "{}";
  ForMembers(json, [&](const JsonMember& member) {
    if (member.key == "data") data = member.value;
  });
  return data;
}

// A string's token without its quotes.
absl::string_view Unquoted(absl::string_view token) { return token.substr(1, token.size() - 2); }

const Rule* RuleOf(const Frame& event) {
  EventFields fields;
  if (event.event().empty() || !ReadEvent(event.event(), &fields) || !fields.known) return nullptr;
  return FindRule(fields.payload);
}

}  // namespace

absl::optional<ConflationKey> ConflationKeyOf(const Frame& event) {
  EventFields fields;
  if (event.event().empty() || !ReadEvent(event.event(), &fields)) return absl::nullopt;
  const Rule* const rule = FindRule(fields.payload);
  // Whoever saw what a copy repeats must be able to drop it.
  if (rule == nullptr || !fields.was.empty()) return absl::nullopt;
  ConflationKey key;
  key.append = !rule->append.empty();
  std::vector<absl::string_view> values(rule->keys.size());
  ForMembers(Data(event.json()), [&](const JsonMember& member) {
    const auto name = std::find(rule->keys.begin(), rule->keys.end(), member.key);
    if (name != rule->keys.end())
      values[static_cast<size_t>(name - rule->keys.begin())] = member.value;
    if (key.append && member.key == rule->append) key.text = std::string(Unquoted(member.value));
  });
  // Lengths keep apart what stands one behind the other.
  const auto add = [&key](absl::string_view value) {
    absl::StrAppend(&key.key, value.size(), ":", value);
  };
  absl::StrAppend(&key.key, fields.payload, ",");
  for (const absl::string_view value : {fields.session_id, fields.agent, fields.user_id})
    add(value);
  for (const absl::string_view value : values) add(value);
  return key;
}

FramePtr Conflation::Item::Made() const {
  if (conflated == 0) return frame;
  absl::string_view json = frame->json();
  const Rule* const rule = RuleOf(*frame);
  std::string made;
  if (rule != nullptr && !rule->append.empty()) {
    absl::string_view old;
    ForMembers(Data(json), [&](const JsonMember& member) {
      if (member.key == rule->append) old = member.value;
    });
    const size_t from = static_cast<size_t>(old.data() - json.data()) + 1;
    absl::StrAppend(&made, json.substr(0, from), text);
    json.remove_prefix(from + old.size() - 2);
  }
  json.remove_suffix(1);
  absl::StrAppend(&made, json, ",\"conflated\":", conflated, "}");
  return Frame::Make(made, frame->event());
}

void Conflation::Add(absl::optional<channel::Position> position, FramePtr frame,
                     absl::optional<ConflationKey> key) {
  Item item{position, std::move(frame), 0, ""};
  if (key) {
    item.text = std::move(key->text);
    const auto [place, fresh] = places_.emplace(std::move(key->key), items_.size());
    if (!fresh) {
      Item& older = items_[place->second];
      // One event stays as large as an event may be, about.
      if (older.text.size() + item.text.size() <= limits::kEventBytes) {
        item.conflated = older.conflated + 1;
        older.text.append(item.text);
        item.text = std::move(older.text);
        if (!position) {
          older = std::move(item);
          return;
        }
        older.frame = nullptr;
      }
      place->second = items_.size();
    }
  }
  items_.push_back(std::move(item));
}

void Conflation::Forget(const ConflationKey& key) {
  const auto found = places_.find(key.key);
  if (found == places_.end()) return;
  const size_t place = found->second;
  places_.erase(found);
  items_.erase(items_.begin() + static_cast<ptrdiff_t>(place));
  for (auto& [other, behind] : places_) {
    if (behind > place) --behind;
  }
}

std::vector<Conflation::Item> Conflation::Take() {
  std::vector<Item> taken = std::exchange(items_, {});
  places_.clear();
  std::erase_if(taken, [](const Item& item) { return item.frame == nullptr; });
  return taken;
}

}  // namespace spanwire::bridge
