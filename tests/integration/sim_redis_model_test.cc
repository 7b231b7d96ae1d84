// The simulated Redis is the real one, as far as this project uses it: the same commands, in random
// order, give the same answers, the same messages and the same keys on both.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "broker/epochs.h"
#include "core/base/loop.h"
#include "core/channel/name.h"
#include "core/channel/script.h"
#include "core/redis/subscriber.h"
#include "tests/sim/redis_model.h"
#include "tests/support/redis_server.h"
#include "tests/support/run_until.h"

namespace spanwire::sim {
namespace {

using Command = std::vector<std::string>;
using redis::Reply;

constexpr int kSequences = 40;
constexpr int kCommands = 150;
constexpr char kTtl[] = "1000000";  // nothing expires while a test runs

std::string Show(const Reply& reply) {
  std::vector<std::string> parts;
  for (const Reply& element : reply.elements) parts.push_back(Show(element));
  switch (reply.type) {
    case Reply::Type::kNil:
      return "nil";
    case Reply::Type::kInteger:
      return absl::StrCat(reply.integer);
    case Reply::Type::kArray:
      return absl::StrCat("[", absl::StrJoin(parts, " "), "]");
    case Reply::Type::kError:
      return absl::StrCat("error ", reply.error_code());
    default:
      return reply.text;
  }
}

class RedisModelTest : public ::testing::Test, public redis::PubSubListener {
 protected:
  RedisModelTest() {
    model_.on_publish = [this](const std::string& channel, const std::string& payload) {
      modelled_.push_back(channel + " " + payload);
    };
    model_.now_us = [this] { return now_us_; };
    subscriber_.Start();
    for (const std::string& channel : {kA, kB}) subscriber_.Subscribe(channel);
    EXPECT_TRUE(test::RunUntil(loop_, [this] { return subscribed_ == 2; }));
  }

  void OnPubSubUp() override {}
  void OnPubSubDown(const absl::Status&) override {}
  void OnSubscribed(absl::string_view) override { ++subscribed_; }
  void OnSubscribeFailed(absl::string_view, const absl::Status&) override {}
  void OnMessage(absl::string_view channel, std::string payload) override {
    heard_.push_back(absl::StrCat(channel, " ", payload));
  }

  int64_t RealTime() {
    const Reply time = server_.Command({"TIME"});
    int64_t seconds = 0, micros = 0;
    EXPECT_TRUE(absl::SimpleAtoi(time.elements[0].text, &seconds));
    EXPECT_TRUE(absl::SimpleAtoi(time.elements[1].text, &micros));
    return seconds * 1'000'000 + micros;
  }

  // Runs a command on both. `salt`: what a script adds to the clock, so that the clock that it had
  // is known from its answer; -1: none.
  void Both(const Command& command, int64_t salt = -1) {
    const int64_t before = RealTime();
    const Reply real = server_.Command(command);
    const int64_t after = RealTime();
    now_us_ = before;
    if (salt >= 0 && !real.elements.empty()) {
      const std::string& text = real.elements[real.elements[0].is_string() ? 0 : 1].text;
      int64_t epoch = 0;
      if (real.elements[0].integer == -1)
        salt = 0;  // an epoch of the future: the clock itself is told
      if (absl::SimpleAtoi(absl::string_view(text).substr(0, text.find('-')), &epoch) &&
          epoch - salt >= before && epoch - salt <= after) {
        now_us_ = epoch - salt;
      }
    }
    const Reply modelled = model_.Execute(command);
    ASSERT_EQ(Show(real), Show(modelled)) << absl::StrJoin(command, " ").substr(0, 400);
  }

  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  const std::string& Channel() { return Draw(0, 1) == 0 ? kA : kB; }

  // A call of publish.lua: one to three producers of few, with one to four events each, often ones
  // that were there.
  void PublishScript() {
    const std::string& channel = Channel();
    const int64_t salt = Draw(1, 1000);
    const char* const modes[] = {"keep", "keep", "keep", "touch", "open"};
    std::vector<std::string> keys = {names_.LogKey(channel), names_.TailKey(channel)};
    Command args = {
        channel, "PUBLISH", absl::StrCat(salt), modes[Draw(0, 4)], absl::StrCat(Draw(3, 12)), kTtl,
        kTtl,    Floor()};
    const int64_t first = Draw(0, 2);
    for (int64_t p = first; p <= Draw(first, 2); ++p) {
      keys.push_back(names_.ProducerKey(channel, absl::StrCat("p", p)));
      const int64_t events = Draw(1, 4);
      int64_t sequence = Draw(1, 40);
      args.insert(args.end(), {absl::StrCat(Draw(100, 102)), kTtl, absl::StrCat(events)});
      for (int64_t i = 0; i < events; ++i, ++sequence) {
        args.push_back(absl::StrCat(Draw(0, 4) == 0 ? "-" : "", sequence));
        args.push_back(absl::StrCat("event ", ++events_));
      }
    }
    Call(channel::PublishScript(), keys, args, salt);
  }

  // Mostly none; else one that is or is not above everything.
  std::string Floor() {
    if (Draw(0, 3) > 0) return "0";
    return Draw(0, 1) == 0 ? "5" : absl::StrCat(RealTime() + Draw(0, 3) * 1'000'000);
  }

  void EpochScript() {
    const int64_t salt = Draw(1, 1000);
    const int64_t epochs[] = {0, 0, 5, RealTime(), RealTime() + 100'000'000'000};
    Call(broker::EpochScript(), {names_.EpochKey(absl::StrCat("p", Draw(0, 1)))},
         {absl::StrCat(epochs[Draw(0, 4)]), absl::StrCat(salt), kTtl, "3600000000"}, salt);
  }

  void Call(const channel::Script& script, const std::vector<std::string>& keys,
            const Command& args, int64_t salt) {
    Command command = {"EVALSHA", script.sha1(), absl::StrCat(keys.size())};
    command.insert(command.end(), keys.begin(), keys.end());
    command.insert(command.end(), args.begin(), args.end());
    Both(command, salt);
  }

  void Anything() {
    const std::string& channel = Channel();
    const std::string tail = names_.TailKey(channel);
    switch (Draw(0, 12)) {
      case 0:
        return Both({"SET", tail, absl::StrCat(Draw(1, 3), "-0"), "NX", "GET", "PX", kTtl});
      case 1:
        return Both({"SET", "key", absl::StrCat(Draw(1, 9)), "XX", "GET", "PX", kTtl});
      case 2:
        return Both({"SET", "key", "value", "KEEPTTL"});
      case 3:
        if (Draw(0, 1) == 0) return Both({"MGET", tail, names_.ProducerKey(channel, "p0"), "none"});
        return Both({"GET", Draw(0, 1) == 0 ? tail : "key"});
      case 4:
        // Clearly shorter than what is there, or clearly longer than anything before.
        return Both({"PEXPIRE", tail,
                     Draw(0, 1) == 0 ? "900000" : absl::StrCat(longest_ttl_ms_ += 10'000), "GT"});
      case 5:
        return Both(
            {"XRANGE", names_.LogKey(channel), "-", "+", "COUNT", absl::StrCat(Draw(1, 9))});
      case 6:
        return Both(
            {"XREVRANGE", names_.LogKey(channel), "+", "-", "COUNT", absl::StrCat(Draw(1, 9))});
      case 7:
        return Both({"XRANGE", names_.LogKey(channel),
                     server_.Command({"GET", tail}).text.empty()
                         ? "0-0"
                         : server_.Command({"GET", tail}).text,
                     "+", "COUNT", "5"});
      case 8:
        return EpochScript();
      case 9: {
        if (Draw(0, 5) > 0) return PublishScript();
        const std::string keys[] = {tail, names_.LogKey(channel), names_.ProducerKey(channel, "p0"),
                                    "key"};
        return Both({"DEL", keys[Draw(0, 3)]});
      }
      default:
        return PublishScript();
    }
  }

  const std::string kA = "webgui:session:a";
  const std::string kB = "webgui:global";
  // With one entry a node, MAXLEN ~ trims exactly.
  test::RedisServer server_{{"--stream-node-max-entries", "1"}};
  base::Loop loop_{"test"};
  redis::Subscriber subscriber_{&loop_, server_.options(), this};
  int subscribed_ = 0;
  std::vector<std::string> heard_;
  RedisModel model_;
  std::vector<std::string> modelled_;
  int64_t now_us_ = 0;
  channel::Names names_{"webgui"};
  std::mt19937_64 random_;
  int events_ = 0;
  int64_t longest_ttl_ms_ = 2'000'000;
};

TEST_F(RedisModelTest, TheSameCommandsGiveTheSameAnswersMessagesAndKeys) {
  for (int sequence = 1; sequence <= kSequences && !HasFatalFailure(); ++sequence) {
    SCOPED_TRACE(absl::StrCat("sequence ", sequence));
    random_.seed(static_cast<uint64_t>(sequence));
    server_.Command({"FLUSHALL"});
    model_.FlushAll();
    for (const channel::Script* script : {&channel::PublishScript(), &broker::EpochScript()}) {
      server_.Command({"SCRIPT", "LOAD", script->source()});
    }
    model_.knows_scripts = true;
    for (int i = 0; i < kCommands && !HasFatalFailure(); ++i) Anything();
    for (const std::string& channel : {kA, kB}) {
      for (int p = 0; p < 3; ++p) Both({"GET", names_.ProducerKey(channel, absl::StrCat("p", p))});
      Both({"GET", names_.TailKey(channel)});
      Both({"XRANGE", names_.LogKey(channel), "-", "+", "COUNT", "100"});
    }
  }
  ASSERT_TRUE(test::RunUntil(loop_, [this] { return heard_.size() >= modelled_.size(); }));
  EXPECT_EQ(heard_, modelled_);
  EXPECT_GT(modelled_.size(), 1000u);
}

TEST_F(RedisModelTest, OutOfMemoryRefusesAlike) {
  server_.Command({"SCRIPT", "LOAD", channel::PublishScript().source()});
  model_.knows_scripts = true;
  PublishScript();
  server_.Command({"CONFIG", "SET", "maxmemory", "1"});
  model_.out_of_memory = true;
  for (int i = 0; i < 20; ++i) PublishScript();
  Both({"SET", names_.TailKey(kA), "1-0", "NX", "GET", "PX", kTtl});
  Both({"GET", names_.TailKey(kA)});
  server_.Command({"CONFIG", "SET", "maxmemory", "0"});
  model_.out_of_memory = false;
  for (int i = 0; i < 20; ++i) PublishScript();
  ASSERT_TRUE(test::RunUntil(loop_, [this] { return heard_.size() >= modelled_.size(); }));
  EXPECT_EQ(heard_, modelled_);
}

TEST_F(RedisModelTest, WhatIsReadAndKeptLongerIsAWrite) {
  const uint64_t before = model_.writes();
  Both({"GETEX", "key", "PX", kTtl});
  EXPECT_EQ(model_.writes(), before);
  Both({"SET", "key", "1"});
  Both({"GETEX", "key", "PX", kTtl});
  EXPECT_EQ(model_.writes(), before + 2);
  Both({"PEXPIRE", "key", "900000", "GT"});  // it has a ttl now, and a longer one
  Both({"GET", "key"});
}

TEST_F(RedisModelTest, AnUnknownScriptIsTold) {
  PublishScript();
  EpochScript();
}

}  // namespace
}  // namespace spanwire::sim
