// A Commands whose answers the test gives by hand, one call after the other. Single-threaded.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/redis/commands.h"

namespace spanwire::test {

inline redis::Reply Integer(int64_t value) { return {redis::Reply::Type::kInteger, value, {}, {}}; }
inline redis::Reply Text(std::string value) {
  return {redis::Reply::Type::kString, 0, std::move(value), {}};
}
inline redis::Reply ErrorReply(std::string value) {
  return {redis::Reply::Type::kError, 0, std::move(value), {}};
}
inline redis::Reply Nil() { return {}; }
inline redis::Reply Array(std::vector<redis::Reply> elements) {
  return {redis::Reply::Type::kArray, 0, {}, std::move(elements)};
}

// What publish.lua answers; `reached`: a number for each producer.
inline redis::Reply Appended(std::string last, int64_t appended,
                             const std::vector<int64_t>& reached, int64_t unpublished = 0) {
  std::vector<redis::Reply> elements = {Text(std::move(last)), Integer(appended),
                                        Integer(unpublished)};
  for (const int64_t number : reached) elements.push_back(Integer(number));
  return Array(std::move(elements));
}

class FakeCommands final : public redis::Commands {
 public:
  void Call(absl::Span<const absl::string_view> args, Callback callback) override {
    calls_.push_back({std::vector<std::string>(args.begin(), args.end()), std::move(callback)});
  }
  bool up() const override { return true; }
  void Reset(absl::Status why) override { reset_ = std::move(why); }

  // Calls that wait for an answer.
  size_t waiting() const { return calls_.size(); }
  // The oldest of them.
  const std::vector<std::string>& next() const { return calls_.front().args; }
  // Answers the oldest, or the one that is `younger` calls younger.
  void Answer(absl::StatusOr<redis::Reply> reply, size_t younger = 0) {
    Pending call = std::move(calls_[younger]);
    calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(younger));
    call.callback(std::move(reply));
  }
  // Why Reset was called last; OK: it was not.
  const absl::Status& reset() const { return reset_; }

 private:
  struct Pending {
    std::vector<std::string> args;
    Callback callback;
  };
  std::deque<Pending> calls_;
  absl::Status reset_;
};

}  // namespace spanwire::test
