#include "tests/sim/redis_model.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/epochs.h"
#include "core/channel/script.h"

namespace spanwire::sim {
namespace {

using channel::Position;
using redis::Reply;

constexpr size_t kTrimmedAtOnce = 100;  // Redis' own bound for "~" with nodes of one entry

Reply Nil() { return {}; }
Reply Ok() { return {Reply::Type::kStatus, 0, "OK", {}}; }
Reply Integer(int64_t value) { return {Reply::Type::kInteger, value, {}, {}}; }
Reply Text(std::string value) { return {Reply::Type::kString, 0, std::move(value), {}}; }
Reply Error(std::string value) { return {Reply::Type::kError, 0, std::move(value), {}}; }
Reply Array(std::vector<Reply> elements) {
  return {Reply::Type::kArray, 0, {}, std::move(elements)};
}

int64_t Number(const std::string& text) {
  int64_t value = 0;
  (void)absl::SimpleAtoi(text, &value);
  return value;
}

const char kOutOfMemory[] = "OOM command not allowed when used memory > 'maxmemory'.";
const char kSmallerId[] =
    "ERR The ID specified in XADD is equal or smaller than the target stream top item";

}  // namespace

const RedisModel::Value* RedisModel::Find(const std::string& key) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  if (now_us() / 1000 > found->second.expires_us / 1000) {
    keys_.erase(found);
    return nullptr;
  }
  return &found->second;
}

RedisModel::Value& RedisModel::Put(const std::string& key, std::string text) {
  ++writes_;
  Value& value = keys_[key];
  value = Value();
  value.text = std::move(text);
  return value;
}

Reply RedisModel::Execute(const Words& command) {
  const std::string& verb = command[0];
  if (verb == "TIME") {
    const int64_t now = now_us();
    return Array({Text(absl::StrCat(now / 1'000'000)), Text(absl::StrCat(now % 1'000'000))});
  }
  if (verb == "GET") {
    const Value* value = Find(command[1]);
    return value == nullptr ? Nil() : Text(value->text);
  }
  if (verb == "MGET") {
    std::vector<Reply> values;
    for (size_t i = 1; i < command.size(); ++i) values.push_back(Execute({"GET", command[i]}));
    return Array(std::move(values));
  }
  if (verb == "SET") return Set(command);
  if (verb == "GETEX") return GetAndExpire(command);
  if (verb == "DEL") {
    const bool there = Find(command[1]) != nullptr;
    keys_.erase(command[1]);
    return Integer(there ? 1 : 0);
  }
  if (verb == "PEXPIRE") return Expire(command);
  if (verb == "XRANGE") return Range(command, false);
  if (verb == "XREVRANGE") return Range(command, true);
  if (verb == "PUBLISH") return Publish(command[1], command[2]);
  if (verb == "EVALSHA") return Script(command, false);
  if (verb == "EVAL") return Script(command, true);
  return Error(absl::StrCat("ERR unknown command '", verb, "'"));
}

// SET key value [NX | XX] [GET] [PX ms | KEEPTTL]
Reply RedisModel::Set(const Words& command) {
  if (out_of_memory) return Error(kOutOfMemory);
  bool nx = false, xx = false, get = false, keep = false;
  int64_t ttl_ms = 0;
  for (size_t i = 3; i < command.size(); ++i) {
    nx = nx || command[i] == "NX";
    xx = xx || command[i] == "XX";
    get = get || command[i] == "GET";
    keep = keep || command[i] == "KEEPTTL";
    if (command[i] == "PX") ttl_ms = Number(command[++i]);
  }
  const Value* old = Find(command[1]);
  const bool there = old != nullptr;
  const Reply before = there ? Text(old->text) : Nil();
  const int64_t expires = there && keep ? old->expires_us : kForever;
  if ((nx && there) || (xx && !there)) return get ? before : Nil();
  Value& value = Put(command[1], command[2]);
  value.expires_us = ttl_ms > 0 ? now_us() / 1000 * 1000 + ttl_ms * 1000 : expires;
  return get ? before : Ok();
}

// PEXPIRE key ms [GT]
Reply RedisModel::Expire(const Words& command) {
  const Value* old = Find(command[1]);
  if (old == nullptr) return Integer(0);
  const int64_t when = now_us() / 1000 * 1000 + Number(command[2]) * 1000;
  if (command.size() > 3 && command[3] == "GT" &&
      (old->expires_us == kForever || when <= old->expires_us)) {
    return Integer(0);
  }
  ++writes_;
  keys_[command[1]].expires_us = when;
  return Integer(1);
}

// GETEX key PX ms
Reply RedisModel::GetAndExpire(const Words& command) {
  const Value* value = Find(command[1]);
  if (value == nullptr) return Nil();
  ++writes_;
  keys_[command[1]].expires_us = now_us() / 1000 * 1000 + Number(command[3]) * 1000;
  return Text(value->text);
}

// X[REV]RANGE key from to COUNT n; "-" and "+" are the ends.
Reply RedisModel::Range(const Words& command, bool reverse) {
  const Value* value = Find(command[1]);
  std::vector<Reply> rows;
  if (value == nullptr) return Array({});
  const std::string& from = reverse ? command[3] : command[2];
  const Position low = Position::Parse(from).value_or(Position{});
  const size_t count = static_cast<size_t>(Number(command[5]));
  const auto add = [&](const Entry& entry) {
    if (entry.id < low || rows.size() >= count) return;
    std::vector<Reply> fields = {Text("e"), Text(entry.event)};
    if (!entry.prev.empty()) {
      fields.push_back(Text("p"));
      fields.push_back(Text(entry.prev));
    }
    rows.push_back(Array({Text(entry.id.ToString()), Array(std::move(fields))}));
  };
  if (reverse) {
    for (auto entry = value->entries.rbegin(); entry != value->entries.rend(); ++entry) add(*entry);
  } else {
    for (const Entry& entry : value->entries) add(entry);
  }
  return Array(std::move(rows));
}

Reply RedisModel::Publish(absl::string_view channel, const std::string& payload) {
  if (on_publish) on_publish(std::string(channel), payload);
  return Integer(0);
}

// EVAL(SHA) script count key… arg…
Reply RedisModel::Script(const Words& command, bool whole) {
  if (whole) knows_scripts = true;
  if (!knows_scripts) return Error("NOSCRIPT No matching script. Please use EVAL.");
  const size_t count = static_cast<size_t>(Number(command[2]));
  const Words keys(command.begin() + 3, command.begin() + 3 + static_cast<std::ptrdiff_t>(count));
  const Words args(command.begin() + 3 + static_cast<std::ptrdiff_t>(count), command.end());
  const channel::Script& publish = channel::PublishScript();
  const channel::Script& epoch = broker::EpochScript();
  if (command[1] == (whole ? publish.source() : publish.sha1())) return PublishScript(keys, args);
  if (command[1] == (whole ? epoch.source() : epoch.sha1())) return EpochScript(keys, args);
  return Error("NOSCRIPT No matching script. Please use EVAL.");
}

absl::optional<absl::optional<Position>> RedisModel::Add(const std::string& key, bool make,
                                                         uint64_t most, uint64_t epoch,
                                                         absl::optional<uint64_t> seq,
                                                         std::string event, std::string prev) {
  if (Find(key) == nullptr) {
    if (!make) return absl::optional<Position>();
    keys_[key].is_stream = true;
  }
  Value& stream = keys_[key];
  const Position last = stream.last_id;
  const Position id = seq                   ? Position{epoch, *seq}
                      : epoch == last.epoch ? Position{epoch, last.seq + 1}
                                            : Position{epoch, 0};
  if (id <= last) return absl::nullopt;
  ++writes_;
  stream.last_id = id;
  stream.entries.push_back({id, std::move(event), std::move(prev)});
  for (size_t i = 0; i < kTrimmedAtOnce && stream.entries.size() > most; ++i)
    stream.entries.pop_front();
  return absl::optional<Position>(id);
}

// core/channel/publish.lua
Reply RedisModel::PublishScript(const Words& keys, const Words& args) {
  const std::string& channel = args[0];
  const Value* tail = Find(keys[1]);
  const std::string prev = tail != nullptr ? tail->text : "0-0";
  std::string epoch = prev.substr(0, prev.find('-'));
  bool fresh = args[3] == "open" || tail == nullptr;
  bool touch = fresh || args[3] == "touch";
  const uint64_t most = static_cast<uint64_t>(Number(args[4]));
  std::string id = prev;
  int64_t appended = 0;
  std::vector<std::string> messages;
  std::vector<Reply> reached_before;
  absl::optional<Reply> failure;

  size_t i = 8;
  for (size_t k = 2; k < keys.size() && !failure; ++k) {
    const std::string& mine = args[i];
    const size_t end = i + 3 + 2 * static_cast<size_t>(Number(args[i + 2]));
    int64_t reached = 0;
    if (const Value* seen = Find(keys[k]); seen != nullptr) {
      const std::pair<std::string, std::string> parts = absl::StrSplit(seen->text, ' ');
      if (parts.first == mine) {
        reached = Number(parts.second);
      } else if (Number(parts.first) > Number(mine)) {
        reached = -Number(parts.first);
      }
    }
    reached_before.push_back(Integer(reached));
    if (reached >= 0) {
      if (out_of_memory) return Error(kOutOfMemory);  // decided before the first write
      for (size_t j = i + 3; j < end; j += 2) {
        const int64_t sequence = Number(args[j]);
        const std::string& event = args[j + 1];
        if (sequence > reached) {
          std::string link;
          absl::optional<absl::optional<Position>> added = absl::optional<Position>();
          if (!fresh)
            added = Add(keys[0], false, most, static_cast<uint64_t>(Number(epoch)), absl::nullopt,
                        event, "");
          if (added && !*added) {
            const int64_t time = std::max({now_us(), Number(epoch), Number(args[7])});
            epoch = absl::StrCat(time + Number(args[2]));
            fresh = false;
            touch = true;
            link = absl::StrCat("\x12", std::string(1, static_cast<char>(prev.size())), prev);
            added = Add(keys[0], true, most, static_cast<uint64_t>(Number(epoch)), 1, event, prev);
          }
          if (!added) {
            failure = Error(kSmallerId);
            break;
          }
          id = (*added)->ToString();
          ++appended;
          reached = sequence;
          if (on_append) on_append(channel, **added, event);
          messages.push_back(
              absl::StrCat("\n", std::string(1, static_cast<char>(id.size())), id, link, event));
        } else if (-sequence > reached) {
          reached = -sequence;
          messages.push_back(absl::StrCat("\n", std::string(1, '\0'), event));
        }
      }
      Execute({"SET", keys[k], absl::StrCat(mine, " ", reached), "PX", args[i + 1]});
    }
    i = end;
  }
  if (appended > 0) {
    if (touch) {
      Execute({"PEXPIRE", keys[0], args[5]});
      Execute({"SET", keys[1], id, "PX", args[6]});
    } else {
      Execute({"SET", keys[1], id, "KEEPTTL"});
    }
  }
  for (const std::string& message : messages) Publish(channel, message);
  if (failure) return *failure;
  std::vector<Reply> reply = {Text(id), Integer(appended), Integer(0)};
  reply.insert(reply.end(), reached_before.begin(), reached_before.end());
  return Array(std::move(reply));
}

// broker/epoch.lua
Reply RedisModel::EpochScript(const Words& keys, const Words& args) {
  const Value* value = Find(keys[0]);
  const int64_t stored = value != nullptr ? Number(value->text) : 0;
  const int64_t newest = std::max(now_us(), stored);
  int64_t epoch = Number(args[0]);
  if (epoch == 0) {
    epoch = newest + Number(args[1]);
  } else if (epoch < stored) {
    return Array({Integer(0), Text(absl::StrCat(stored))});
  } else if (epoch > newest + Number(args[3])) {
    return Array({Integer(-1), Text(absl::StrCat(newest))});
  }
  const Reply set = Set({"SET", keys[0], absl::StrCat(epoch), "PX", args[2]});
  if (set.is_error()) return set;
  return Array({Integer(epoch > stored ? 2 : 1), Text(absl::StrCat(epoch))});
}

void RedisModel::Trim(const std::string& key, size_t count) {
  if (Find(key) == nullptr) return;
  std::deque<Entry>& entries = keys_[key].entries;
  for (; count > 0 && !entries.empty(); --count) entries.pop_front();
}

}  // namespace spanwire::sim
