#include "core/redis/probe.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "core/base/limits.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"

namespace spanwire::redis {
namespace {

using ::spanwire::test::ErrorReply;
using ::spanwire::test::Integer;
using ::spanwire::test::Nil;
using ::spanwire::test::Text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kName[] = "webgui:probe:bridge-1";

// A Redis with one key and one channel, which answers at once while `answering`.
class ProbeTest : public ::testing::Test, public PubSub, public ProbeListener {
 protected:
  void Subscribe(absl::string_view channel) override {
    subscribed_.emplace(channel);
    ++subscribes_;
  }
  void Unsubscribe(absl::string_view channel) override { subscribed_.erase(std::string(channel)); }
  void Reset(absl::Status why) override { resets_.push_back(std::move(why)); }
  void OnProbe(const absl::Status& verdict) override { verdicts_.push_back(verdict); }
  void OnDataSetLost() override { ++losses_; }

  // Answers all that waits, and delivers what was published.
  void Serve() {
    while (commands_.waiting() > 0) {
      const std::vector<std::string> args = commands_.next();
      if (args[0] == "PUBLISH") {
        EXPECT_EQ(args[1], kName);
        tokens_.push_back(args[2]);
        commands_.Answer(publish_error_.empty() ? Integer(1) : ErrorReply(publish_error_));
        if (publish_error_.empty() && delivering_) probe_.OnMessage(kName, args[2]);
      } else {
        AnswerSet(args);
      }
    }
  }
  void AnswerSet(const std::vector<std::string>& args) {
    EXPECT_EQ(args[0], "SET");
    EXPECT_EQ(args[1], kName);
    EXPECT_THAT(args, ::testing::Contains("PX"));
    EXPECT_EQ(args.back(), "60000");
    if (!set_error_.empty()) return commands_.Answer(ErrorReply(set_error_));
    if (args[3] == "PX") {
      key_ = args[2];
      return commands_.Answer(Reply{Reply::Type::kStatus, 0, "OK", {}});
    }
    EXPECT_EQ(args[3], "XX");
    EXPECT_EQ(args[4], "GET");
    const Reply found = key_.empty() ? Nil() : Text(key_);
    if (!key_.empty()) key_ = args[2];
    commands_.Answer(found);
  }
  // One second of ordinary life.
  void Second() {
    executor_.Advance(limits::kProbeInterval);
    Serve();
  }
  void Begin() {
    probe_.Start();
    Serve();
    probe_.OnSubscribed(kName);
    Serve();
    ASSERT_TRUE(probe_.verdict().ok()) << probe_.verdict();
  }

  test::FakeExecutor executor_;
  test::FakeCommands commands_;
  std::set<std::string> subscribed_;
  int subscribes_ = 0;
  std::vector<absl::Status> resets_;
  std::string key_;
  std::string publish_error_;
  std::string set_error_;
  bool delivering_ = true;
  std::vector<std::string> tokens_;
  std::vector<absl::Status> verdicts_;
  int losses_ = 0;
  Probe probe_{&executor_, &commands_, this, kName, this};
};

TEST_F(ProbeTest, ReadyAtTheFirstTokenHeard) {
  probe_.Start();
  EXPECT_EQ(subscribed_.count(kName), 1u);
  EXPECT_EQ(probe_.verdict().code(), absl::StatusCode::kUnavailable);
  Serve();
  EXPECT_FALSE(probe_.verdict().ok()) << "not subscribed yet";
  probe_.OnSubscribed(kName);
  Serve();
  EXPECT_TRUE(probe_.verdict().ok());
  ASSERT_FALSE(verdicts_.empty());
  EXPECT_TRUE(verdicts_.back().ok());
  EXPECT_EQ(losses_, 0);
}

TEST_F(ProbeTest, StaysReadyWithoutAWord) {
  Begin();
  const size_t told = verdicts_.size();
  for (int i = 0; i < 100; ++i) Second();
  EXPECT_EQ(verdicts_.size(), told);
  EXPECT_EQ(losses_, 0);
  EXPECT_EQ(std::set<std::string>(tokens_.begin(), tokens_.end()).size(), tokens_.size());
}

TEST_F(ProbeTest, NotHeardByTheDeadlineIsNotReady) {
  Begin();
  Second();
  delivering_ = false;
  Second();
  executor_.Advance(limits::kProbeDeadline - absl::Milliseconds(1));
  EXPECT_TRUE(probe_.verdict().ok());
  executor_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(probe_.verdict().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(probe_.verdict().message()), HasSubstr("not heard within 1s"));
  Serve();
  delivering_ = true;
  Second();
  EXPECT_TRUE(probe_.verdict().ok());
}

TEST_F(ProbeTest, APausedRedisIsToldWithinTwoIntervals) {
  Begin();
  Second();
  // It stops right after a token was heard, and answers nothing any more.
  for (int i = 0; i < 20; ++i) executor_.Advance(limits::kProbeInterval / 10);
  EXPECT_EQ(probe_.verdict().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ProbeTest, ADeafSubscriberIsGivenUp) {
  Begin();
  delivering_ = false;
  for (absl::Duration t; t < limits::kProbeDeaf; t += limits::kProbeInterval) Second();
  EXPECT_TRUE(resets_.empty()) << "the first token is not unheard for so long";
  Second();
  ASSERT_EQ(resets_.size(), 1u);
  EXPECT_THAT(std::string(resets_[0].message()), HasSubstr("not heard for 5s"));
  // The new connection is as deaf: it gets its time, too.
  probe_.OnPubSubDown(resets_[0]);
  probe_.OnSubscribed(kName);
  Serve();
  for (int i = 0; i < 4; ++i) Second();
  EXPECT_EQ(resets_.size(), 1u);
  Second();
  Second();
  EXPECT_EQ(resets_.size(), 2u);
  EXPECT_FALSE(probe_.verdict().ok());
  probe_.OnPubSubDown(resets_[1]);
  delivering_ = true;
  probe_.OnSubscribed(kName);
  Serve();
  EXPECT_TRUE(probe_.verdict().ok());
}

TEST_F(ProbeTest, WhoHearsLateIsNotDeaf) {
  Begin();
  delivering_ = false;
  for (int i = 0; i < 8; ++i) Second();
  resets_.clear();
  probe_.OnPubSubDown(absl::UnavailableError("given up"));
  probe_.OnSubscribed(kName);
  Serve();
  // From here on tokens are heard ten seconds after their publication.
  const size_t first = tokens_.size();
  for (size_t i = 0; i < 30; ++i) {
    if (i > 3) probe_.OnMessage(kName, tokens_.at(first - 4 + i / 4));
    Second();
  }
  EXPECT_TRUE(resets_.empty());
}

TEST_F(ProbeTest, WhatWasNotPublishedProvesNobodyDeaf) {
  Begin();
  for (int i = 0; i < 30; ++i) executor_.Advance(limits::kProbeInterval);  // Redis is paused
  EXPECT_TRUE(resets_.empty());
}

TEST_F(ProbeTest, SilenceOfAnyLengthEndsWithTheFirstToken) {
  Begin();
  delivering_ = false;
  for (int i = 0; i < 1'000; ++i) Second();
  EXPECT_FALSE(probe_.verdict().ok());
  delivering_ = true;
  Second();
  EXPECT_TRUE(probe_.verdict().ok());
}

TEST_F(ProbeTest, OnlyItsOwnTokensCount) {
  Begin();
  delivering_ = false;
  for (int i = 0; i < 5; ++i) {
    Second();
    probe_.OnMessage(kName, "0000000000000000:99999");
    probe_.OnMessage(kName, tokens_.back() + "x");
    probe_.OnMessage(kName, "");
    probe_.OnMessage("webgui:global", tokens_.back());
  }
  EXPECT_FALSE(probe_.verdict().ok());
}

TEST_F(ProbeTest, ForbiddenPublishIsTold) {
  publish_error_ = "NOPERM No permissions to access a channel";
  probe_.Start();
  probe_.OnSubscribed(kName);
  Serve();
  EXPECT_EQ(probe_.verdict().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(probe_.verdict().message()), HasSubstr("PUBLISH"));
  publish_error_.clear();
  Second();
  EXPECT_TRUE(probe_.verdict().ok());
}

TEST_F(ProbeTest, ForbiddenSubscriptionIsTold) {
  probe_.Start();
  Serve();
  probe_.OnSubscribeFailed("other", absl::PermissionDeniedError("other"));
  EXPECT_EQ(probe_.verdict().code(), absl::StatusCode::kUnavailable);
  probe_.OnSubscribeFailed(kName, absl::PermissionDeniedError("no"));
  EXPECT_EQ(probe_.verdict(), absl::PermissionDeniedError("no"));
}

TEST_F(ProbeTest, AForbiddenSubscriptionIsTriedAgainEachSecond) {
  probe_.Start();
  Serve();
  probe_.OnSubscribeFailed(kName, absl::PermissionDeniedError("no"));
  const int before = subscribes_;
  Second();
  Second();
  EXPECT_EQ(subscribes_, before + 2);
  probe_.OnSubscribed(kName);
  Serve();
  EXPECT_TRUE(probe_.verdict().ok());
  Second();
  EXPECT_EQ(subscribes_, before + 2);
}

TEST_F(ProbeTest, ForbiddenKeyIsToldAndOutOfMemoryIsNot) {
  Begin();
  set_error_ = "NOPERM no permissions to access one of the keys";
  Second();
  EXPECT_EQ(probe_.verdict().code(), absl::StatusCode::kPermissionDenied);
  set_error_ = "OOM command not allowed when used memory > 'maxmemory'.";
  Second();
  EXPECT_TRUE(probe_.verdict().ok()) << "readers can still be served";
  set_error_ = "MISCONF errors writing to the AOF file";
  Second();
  EXPECT_EQ(probe_.verdict().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(losses_, 0);
}

TEST_F(ProbeTest, ADemotedMasterCostsTheConnection) {
  Begin();
  set_error_ = "READONLY You can't write against a read only replica.";
  Second();
  EXPECT_EQ(commands_.reset().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(commands_.reset().message()), HasSubstr("READONLY"));
}

TEST_F(ProbeTest, PubSubDownIsNotReadyUntilATokenIsHeardAgain) {
  Begin();
  probe_.OnPubSubDown(absl::UnavailableError("killed"));
  EXPECT_EQ(probe_.verdict(), absl::UnavailableError("killed"));
  delivering_ = false;
  Second();
  EXPECT_EQ(probe_.verdict(), absl::UnavailableError("killed"));
  probe_.OnSubscribed(kName);
  EXPECT_FALSE(probe_.verdict().ok());
  delivering_ = true;
  Serve();
  EXPECT_TRUE(probe_.verdict().ok());
}

TEST_F(ProbeTest, CommandsDownIsNotReady) {
  Begin();
  executor_.Advance(limits::kProbeInterval);
  while (commands_.waiting() > 0) commands_.Answer(absl::UnavailableError("no connection"));
  EXPECT_EQ(probe_.verdict(), absl::UnavailableError("no connection"));
  probe_.OnUp();
  Serve();
  EXPECT_TRUE(probe_.verdict().ok());
  EXPECT_EQ(losses_, 0);
}

TEST_F(ProbeTest, AKeyThatIsGoneMeansThatTheDataSetIs) {
  Begin();
  Second();
  key_.clear();  // FLUSHALL
  Second();
  EXPECT_EQ(losses_, 1);
  EXPECT_EQ(resets_.size(), 1u) << "pub/sub may be with the Redis that was";
  EXPECT_FALSE(key_.empty()) << "it is set anew";
  for (int i = 0; i < 10; ++i) Second();
  EXPECT_EQ(losses_, 1);
  EXPECT_TRUE(probe_.verdict().ok());
}

TEST_F(ProbeTest, AKeyThatWentBackMeansAnotherDataSet) {
  Begin();
  for (int i = 0; i < 5; ++i) Second();
  key_ = "2";  // a replica that had not heard of the rest
  Second();
  EXPECT_EQ(losses_, 1);
  for (int i = 0; i < 5; ++i) Second();
  EXPECT_EQ(losses_, 1);
}

TEST_F(ProbeTest, AnOldKeyAtTheStartMeansNothing) {
  key_ = "4711";
  Begin();
  for (int i = 0; i < 5; ++i) Second();
  EXPECT_EQ(losses_, 0);
}

TEST_F(ProbeTest, OneLossIsToldOnceHoweverManyCountsWereOnTheirWay) {
  Begin();
  executor_.Advance(limits::kProbeInterval * 3);
  key_.clear();
  Serve();
  EXPECT_EQ(losses_, 1);
  for (int i = 0; i < 5; ++i) Second();
  EXPECT_EQ(losses_, 1);
}

TEST_F(ProbeTest, ACountWhoseAnswerWasLostIsNoLoss) {
  Begin();
  executor_.Advance(limits::kProbeInterval);
  ASSERT_EQ(commands_.waiting(), 2u);
  key_ = "3";  // written, though nobody heard of it
  commands_.Answer(absl::UnavailableError("lost"));
  commands_.Answer(absl::UnavailableError("lost"));
  probe_.OnUp();
  Serve();
  EXPECT_EQ(losses_, 0);
}

TEST_F(ProbeTest, AfterStopNothingHappens) {
  Begin();
  executor_.Advance(limits::kProbeInterval);
  probe_.Stop();
  const size_t told = verdicts_.size();
  EXPECT_EQ(subscribed_.count(kName), 0u);
  key_.clear();
  Serve();
  executor_.Advance(absl::Minutes(1));
  EXPECT_EQ(commands_.waiting(), 0u);
  EXPECT_EQ(verdicts_.size(), told);
  EXPECT_EQ(losses_, 0);
}

TEST_F(ProbeTest, AnAnswerAfterItsEndIsNobodys) {
  test::FakeCommands commands;
  {
    Probe probe(&executor_, &commands, this, kName, this);
    probe.Start();
  }
  while (commands.waiting() > 0) commands.Answer(Nil());
  EXPECT_EQ(losses_, 0);
}

}  // namespace
}  // namespace spanwire::redis
