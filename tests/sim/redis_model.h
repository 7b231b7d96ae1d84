// Redis as far as this project uses it, in memory and on simulated time: strings, streams, expiry,
// pub/sub, and the two scripts, written out in C++. tests/integration/redis_model_test.cc holds it
// equal to the real one: the same commands in random order give the same answers and messages on
// both.
//
// What it does not have: nodes of streams (MAXLEN ~ trims exactly, as Redis does with
// stream-node-max-entries 1). WAIT is its connections' (redis_link.h).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "core/channel/position.h"
#include "core/redis/reply.h"

namespace spanwire::sim {

class RedisModel {
 public:
  struct Entry {
    channel::Position id;
    std::string event;
    std::string prev;  // empty: none
  };
  struct Value {
    bool is_stream = false;
    std::string text;
    std::deque<Entry> entries;
    channel::Position last_id;      // of a stream
    int64_t expires_us = kForever;  // on Redis' clock
  };
  using Keys = std::map<std::string, Value>;
  static constexpr int64_t kForever = INT64_MAX;

  // The clock, in µs since 1970. It may go back.
  std::function<int64_t()> now_us = [] { return int64_t{0}; };
  // Hears of every message that is published.
  std::function<void(const std::string& channel, const std::string& payload)> on_publish;
  // Hears of every event that is appended, before it is published.
  std::function<void(const std::string& channel, channel::Position id, const std::string& event)>
      on_append;

  redis::Reply Execute(const std::vector<std::string>& command);

  // Faults.
  bool out_of_memory = false;
  bool knows_scripts = false;  // EVALSHA answers NOSCRIPT until EVAL came
  void FlushAll() { keys_.clear(); }
  Keys Snapshot() const { return keys_; }
  void Restore(Keys keys) { keys_ = std::move(keys); }
  // Takes the oldest `count` events of a log away.
  void Trim(const std::string& key, size_t count);
  void Delete(const std::string& key) { keys_.erase(key); }

  // So many writes a replica was sent.
  uint64_t writes() const { return writes_; }

  const Value* Find(const std::string& key);

 private:
  using Words = std::vector<std::string>;

  redis::Reply Set(const Words& command);
  redis::Reply Expire(const Words& command);
  redis::Reply GetAndExpire(const Words& command);
  redis::Reply Range(const Words& command, bool reverse);
  redis::Reply Script(const Words& command, bool whole);
  redis::Reply Publish(absl::string_view channel, const std::string& payload);
  redis::Reply PublishScript(const Words& keys, const Words& args);
  redis::Reply EpochScript(const Words& keys, const Words& args);
  // XADD key [NOMKSTREAM] MAXLEN ~ most <epoch>-<seq or *>; nothing: there is no stream.
  absl::optional<absl::optional<channel::Position>> Add(const std::string& key, bool make,
                                                        uint64_t most, uint64_t epoch,
                                                        absl::optional<uint64_t> seq,
                                                        std::string event, std::string prev);
  Value& Put(const std::string& key, std::string text);

  Keys keys_;
  uint64_t writes_ = 0;
};

}  // namespace spanwire::sim
