#include "tests/sim/truth.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace spanwire::sim {
namespace {

constexpr size_t kViolationsKept = 20;

}  // namespace

void Truth::Bad(const std::string& what) {
  if (violations_.size() < kViolationsKept) violations_.push_back(what);
}

Instance* Truth::NewInstance(const std::string& producer, bool replicated) {
  const int number = static_cast<int>(instances_.size()) + 1;
  Instance& instance = instances_[number];
  instance.producer = producer;
  instance.replicated = replicated;
  instance.number = number;
  return &instance;
}

std::string Truth::Name(const Instance& instance, uint64_t sequence) {
  return absl::StrCat(instance.producer, "/", instance.number, "/", sequence);
}

const Instance* Truth::InstanceOf(const std::string& name, uint64_t* sequence) const {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  int number = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[1], &number) ||
      !absl::SimpleAtoi(parts[2], sequence))
    return nullptr;
  const auto found = instances_.find(number);
  return found == instances_.end() || *sequence == 0 || *sequence > found->second.events.size()
             ? nullptr
             : &found->second;
}

const Record* Truth::Find(const std::string& channel, Position position) const {
  const auto found = by_position_.find({channel, position});
  return found == by_position_.end() ? nullptr : &found->second;
}

const Record* Truth::Last(const std::string& channel) const {
  const auto found = history_.find(channel);
  return found == history_.end() || found->second.empty() ? nullptr : found->second.back();
}

void Truth::OnAcked(Instance* instance, uint64_t sequence) {
  for (uint64_t n = instance->acked + 1; n <= sequence; ++n) {
    const Instance::Published& event = instance->events[n - 1];
    if (event.transient) continue;
    for (const std::string& channel : event.channels) {
      if (!by_name_.contains({channel, Name(*instance, n)})) {
        Bad(absl::StrCat("acknowledged, never appended: ", Name(*instance, n), " on ", channel));
      } else if (instance->replicated && TakenByFailover(channel, Name(*instance, n))) {
        Bad(absl::StrCat("a failover had taken it, and it is acknowledged by replicas: ",
                         Name(*instance, n), " on ", channel));
      }
    }
  }
  instance->acked = std::max(instance->acked, sequence);
}

void Truth::OnAppended(const std::string& channel, Position position, const std::string& name,
                       absl::optional<Position> was) {
  ++appended;
  uint64_t sequence = 0;
  const Instance* const instance = InstanceOf(name, &sequence);
  if (instance == nullptr) return Bad(absl::StrCat("appended, never published: ", name));
  std::vector<const Record*>& history = history_[channel];
  const auto [entry, made] = by_position_.try_emplace({channel, position});
  Record& record = entry->second;
  if (!made && !record.lost)
    return Bad(absl::StrCat("a position is given twice: ", position.ToString()));
  if (!made && record.name != name) {
    return Bad(absl::StrCat("a position names two events: ", position.ToString(), " on ", channel));
  }
  record = Record();
  record.channel = channel;
  record.position = position;
  record.name = name;
  record.before = history.empty() ? nullptr : history.back();
  record.number = ++records_made_;
  record.copy = was.has_value();
  const auto earlier = by_name_.find({channel, name});
  if (!was && sequence <= instance->acked && earlier != by_name_.end() &&
      earlier->second.back()->number > keys_lost_at_) {
    // Agents do not send again what is acknowledged.
    Bad(absl::StrCat("appended again, and does not say so: ", name, " on ", channel));
  }

  // The newest event of the same producer that is still there.
  for (auto old = history.rbegin(); old != history.rend() && (*old)->number > keys_lost_at_;
       ++old) {
    uint64_t old_sequence = 0;
    const Instance* const older = InstanceOf((*old)->name, &old_sequence);
    if (older->producer != instance->producer) continue;
    if (older->epoch > instance->epoch) {
      Bad(absl::StrCat("an older instance behind a newer one: ", name, " after ", (*old)->name,
                       " on ", channel));
    } else if (older == instance) {
      record.follows = old_sequence;
    }
    if (older == instance && old_sequence >= sequence) {
      Bad(absl::StrCat("twice or out of order in the log: ", name, " after ", (*old)->name, " on ",
                       channel));
    }
    break;
  }
  if (was) CheckCopy(record, *was);
  // Nothing of a producer overtakes what is missing.
  for (uint64_t n = sequence - 1; n > 0; --n) {
    const Instance::Published& event = instance->events[n - 1];
    if (event.transient ||
        std::find(event.channels.begin(), event.channels.end(), channel) == event.channels.end()) {
      continue;
    }
    if (!by_name_.contains({channel, Name(*instance, n)})) {
      Bad(absl::StrCat("overtook what is missing: ", name, " before ", Name(*instance, n), " on ",
                       channel));
    }
    break;
  }
  history.push_back(&record);
  by_name_[{channel, name}].push_back(&record);
}

// A copy says of what, that was lost, and nothing is missing before it that its agent may send
// again or that a reader would not be told of.
void Truth::CheckCopy(const Record& record, Position was) {
  ++again;
  const std::string what = absl::StrCat(record.name, " at ", record.position.ToString(), " on ",
                                        record.channel, ", was ", was.ToString());
  const Record* const original = Find(record.channel, was);
  if (original == nullptr || original->name != record.name || original->copy)
    return Bad(absl::StrCat("a copy of something else: ", what));
  if (!original->lost) Bad(absl::StrCat("a copy of what is still there: ", what));
  // At one time when it was appended nothing more stood before it than does now; unless everything
  // was gone since: what of it a failover has brought back is not known here.
  const std::vector<const Record*>& earlier = by_name_[{record.channel, record.name}];
  if (record.before == nullptr || history_[record.channel].front()->number > original->number)
    return;
  if (std::none_of(earlier.begin(), earlier.end(),
                   [&](const Record* old) { return old->follows <= record.follows; })) {
    Bad(absl::StrCat("a copy behind what is missing: ", what));
  }
}

void Truth::OnFlushed(int64_t now_us) {
  flushed_ = true;
  for (auto& [position, record] : by_position_) {
    if (record.lost) continue;
    record.lost = record.flushed = true;
    record.epoch_passed = record.position.epoch <= static_cast<uint64_t>(now_us);
  }
  history_.clear();
  OnProducerKeysLost();
}

void Truth::OnFailover(uint64_t number) {
  failed_over_ = true;
  std::vector<const Record*> taken;
  for (auto& [position, record] : by_position_) {
    if (record.number <= number || record.lost) continue;
    record.lost = record.rolled_back = true;
    taken.push_back(&record);
  }
  for (auto& [channel, history] : history_) {
    while (!history.empty() && history.back()->lost) history.pop_back();
    if (history.empty()) began_anew_.insert(channel);
  }
  for (const Record* record : taken) {
    uint64_t sequence = 0;
    const Instance* const instance = InstanceOf(record->name, &sequence);
    if (instance->replicated && sequence <= instance->acked &&
        TakenByFailover(record->channel, record->name)) {
      Bad(absl::StrCat("acknowledged by replicas, and a failover took it: ", record->name, " on ",
                       record->channel));
    }
  }
}

// Whether there is nothing of an event any more, and a failover is why.
bool Truth::TakenByFailover(const std::string& channel, const std::string& name) const {
  const auto found = by_name_.find({channel, name});
  return found != by_name_.end() &&
         std::all_of(found->second.begin(), found->second.end(),
                     [](const Record* record) { return record->rolled_back; });
}

void Truth::OnEvent(View* view, Position position, absl::optional<Position> prev,
                    absl::optional<Position> was, const std::string& name, bool dropped) {
  ++(dropped ? copies : shown);
  const std::string where =
      absl::StrCat(view->name, " on ", view->channel, ": ", name, " at ", position.ToString());
  const Record* const record = Find(view->channel, position);
  if (record == nullptr) return Bad(absl::StrCat("shown, never appended: ", where));
  if (record->name != name) return Bad(absl::StrCat("shown at another's position: ", where));
  if (!view->last) return Bad(absl::StrCat("shown before any position was told: ", where));
  const Position from = prev.value_or(position.Before());
  if (!(from <= *view->last && *view->last < position)) {
    Bad(absl::StrCat("not continuous: ", where, ", prev ", from.ToString(), ", last ",
                     view->last->ToString()));
  }
  // What stood before it in the log is what the browser saw last, or what it was told.
  if (position.seq > 1) {
    if (*view->last != position.Before()) {
      Bad(absl::StrCat("left something out: ", where, ", last ", view->last->ToString()));
    }
  } else if (record->before != nullptr && !record->before->lost &&
             *view->last < record->before->position) {
    Bad(absl::StrCat("left something out: ", where, ", last ", view->last->ToString(),
                     ", there was ", record->before->position.ToString()));
  }
  if (!view->shown.insert(absl::StrCat(name, "@", position.ToString())).second) {
    Bad(absl::StrCat("shown twice: ", where));
  }
  view->last = position;

  const auto before = view->names.find(name);
  const bool seen = was && view->seen.contains(*was);
  if (seen != dropped) Bad(absl::StrCat(dropped ? "not seen, dropped: " : "seen, shown: ", where));
  view->seen.insert(was.value_or(position));
  if (dropped) {
    if (before == view->names.end()) Bad(absl::StrCat("dropped, never shown: ", where));
    return;
  }
  // What is lost before it is acknowledged comes again without a word, but behind a gap. Which one
  // cannot be known: of what was trimmed soon after, it is not said that it was taken back.
  if (before != view->names.end() &&
      (!before->second.record->lost || before->second.gaps == view->gaps)) {
    Bad(absl::StrCat("shown again, and no gap was told: ", where));
  }
  if (record->copy != was.has_value())
    Bad(absl::StrCat("it is not said that it is a copy: ", where));
  view->names[name] = {record, view->gaps};
}

void Truth::OnTransient(View*, const std::string& name) {
  ++transient;
  uint64_t sequence = 0;
  if (InstanceOf(name, &sequence) == nullptr) Bad(absl::StrCat("shown, never published: ", name));
}

// What is wrong with the reason, as far as that can be known; empty: nothing.
std::string Truth::BadReason(const View& view, Position after, Position position,
                             const std::string& reason, bool was_congested) const {
  const bool trimmed = reason == "trimmed" || reason == "slow";
  if (!trimmed && reason != "lost" && reason != "rollback") return "there is none such";
  if (reason == "slow" && !was_congested) return "the browser was never slow";
  const Record* const seen = Find(view.channel, after);
  if (seen == nullptr) return "";
  // What was seen is there, and so is what came behind it, unless it was trimmed.
  if (!seen->lost) return trimmed ? "" : "what was seen is still there";
  if (trimmed_ || clock_changed_) return "";
  // Nor where everything was gone once more between the tail and the range: that is told next.
  if (const Record* const to = Find(view.channel, position); to != nullptr && to->lost) return "";
  if (seen->rolled_back && !flushed_ && !began_anew_.contains(view.channel))
    return reason == "rollback" ? "" : "a failover took what was seen";
  if (seen->flushed && seen->epoch_passed && !failed_over_)
    return reason == "lost" ? "" : "everything was gone";
  return "";
}

void Truth::OnGap(View* view, Position after, Position position, const std::string& reason,
                  bool still_there, bool was_congested) {
  ++gaps;
  const std::string where =
      absl::StrCat(view->name, " on ", view->channel, ": gap after ", after.ToString(), " to ",
                   position.ToString(), " (", reason, ")");
  if (view->last && *view->last != after) {
    Bad(absl::StrCat("the gap begins elsewhere: ", where, ", last ", view->last->ToString()));
  }
  if (still_there) Bad(absl::StrCat("nothing was missing: ", where));
  if (const std::string bad = BadReason(*view, after, position, reason, was_congested);
      !bad.empty())
    Bad(absl::StrCat("a wrong reason, ", bad, ": ", where));
  if (position < after) view->shown.clear();
  ++view->gaps;
  view->last = position;
}

}  // namespace spanwire::sim
