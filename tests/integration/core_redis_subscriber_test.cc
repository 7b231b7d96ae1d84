// The subscriber, the probe and what goes with them, against a real server.
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "core/redis/client.h"
#include "core/redis/preflight.h"
#include "core/redis/probe.h"
#include "core/redis/redis_clock.h"
#include "core/redis/subscriber.h"
#include "tests/support/redis_server.h"
#include "tests/support/run_until.h"

namespace spanwire::redis {
namespace {

using ::spanwire::test::RedisServer;
using ::spanwire::test::RunUntil;
using ::testing::HasSubstr;

class RedisSubscriberTest : public ::testing::Test, public PubSubListener {
 protected:
  void OnPubSubUp() override { ++ups_; }
  void OnPubSubDown(const absl::Status& why) override {
    ++downs_;
    why_ = why;
  }
  void OnSubscribed(absl::string_view channel) override {
    ++confirmations_;
    ++confirmed_[std::string(channel)];
  }
  void OnSubscribeFailed(absl::string_view channel, const absl::Status& why) override {
    failed_[std::string(channel)] = why;
  }
  void OnMessage(absl::string_view channel, std::string payload) override {
    ++messages_;
    last_[std::string(channel)] = std::move(payload);
  }

  void StartSubscriber(RedisOptions options) {
    subscriber_ = std::make_unique<Subscriber>(&loop_, std::move(options), this);
    subscriber_->Start();
  }
  bool Until(absl::FunctionRef<bool()> condition) { return RunUntil(loop_, condition); }
  // Subscribes and waits for the confirmation.
  void Follow(const std::string& channel) {
    const int before = confirmed_[channel];
    subscriber_->Subscribe(channel);
    ASSERT_TRUE(Until([&] { return confirmed_[channel] > before; }));
  }
  // Publishes, and waits until it is heard.
  void PublishAndHear(const std::string& channel, const std::string& payload) {
    EXPECT_EQ(server_.Command({"PUBLISH", channel, payload}).integer, 1);
    EXPECT_TRUE(Until([&] { return last_[channel] == payload; }));
  }

  RedisServer server_;
  base::Loop loop_{"test"};
  int ups_ = 0;
  int downs_ = 0;
  int messages_ = 0;
  int confirmations_ = 0;
  absl::Status why_;
  std::map<std::string, int> confirmed_;
  std::map<std::string, absl::Status> failed_;
  std::map<std::string, std::string> last_;
  std::unique_ptr<Subscriber> subscriber_;
};

TEST_F(RedisSubscriberTest, WhatIsPublishedAfterTheConfirmationArrives) {
  StartSubscriber(server_.options());
  Follow("a");
  const std::string binary("\x0a\x00{\r\n", 5);
  PublishAndHear("a", binary);
  subscriber_->Unsubscribe("a");
  ASSERT_TRUE(Until([&] { return server_.Command({"PUBLISH", "a", "x"}).integer == 0; }));
  EXPECT_EQ(last_["a"], binary);
}

TEST_F(RedisSubscriberTest, TenThousandChannels) {
  StartSubscriber(server_.options());
  Client client(&loop_, server_.options());
  client.Start();
  constexpr int kChannels = 10'000;
  for (int i = 0; i < kChannels; ++i) subscriber_->Subscribe(absl::StrCat("webgui:session:", i));
  ASSERT_TRUE(Until([&] { return confirmations_ == kChannels && client.up(); }));
  EXPECT_EQ(subscriber_->confirmed(), static_cast<size_t>(kChannels));
  int receivers = 0;
  for (int i = 0; i < kChannels; ++i) {
    const std::string channel = absl::StrCat("webgui:session:", i);
    client.Call({"PUBLISH", channel, absl::StrCat(i)}, [&](const absl::StatusOr<Reply>& reply) {
      receivers += reply.ok() ? static_cast<int>(reply->integer) : 0;
    });
  }
  ASSERT_TRUE(Until([&] { return messages_ == kChannels && receivers == kChannels; }));
  for (int i = 0; i < kChannels; ++i) {
    ASSERT_EQ(last_[absl::StrCat("webgui:session:", i)], absl::StrCat(i));
  }
  // A loss in between: all of them again, each once.
  server_.Command({"CLIENT", "KILL", "TYPE", "pubsub"});
  ASSERT_TRUE(Until([&] { return confirmations_ == 2 * kChannels; }));
  EXPECT_EQ(ups_, 2);
  EXPECT_EQ(server_.Command({"PUBSUB", "CHANNELS"}).elements.size(),
            static_cast<size_t>(kChannels));
}

TEST_F(RedisSubscriberTest, AKilledConnectionIsBackAtOnce) {
  StartSubscriber(server_.options());
  Follow("a");
  for (int i = 1; i <= 10; ++i) {
    const absl::Duration up = loop_.Uptime();
    ASSERT_TRUE(Until([&] { return loop_.Uptime() - up > limits::kReconnectSteady; }));
    ASSERT_EQ(server_.Command({"CLIENT", "KILL", "TYPE", "pubsub"}).integer, 1);
    ASSERT_TRUE(Until([&] { return confirmed_["a"] == i + 1; }));
    PublishAndHear("a", absl::StrCat("after ", i));
  }
  EXPECT_EQ(downs_, 10);
  EXPECT_EQ(why_.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(subscriber_->stats().failures, 0u);
}

TEST_F(RedisSubscriberTest, ChurnEndsInWhatIsWanted) {
  StartSubscriber(server_.options());
  ASSERT_TRUE(Until([&] { return subscriber_->up(); }));
  uint32_t random = 12345;
  std::map<std::string, bool> wanted;
  for (int i = 0; i < 20'000; ++i) {
    random = random * 1'664'525 + 1'013'904'223;
    const std::string channel = absl::StrCat("c", (random >> 16) % 50);
    const bool subscribe = (random >> 30) % 2 == 0;
    wanted[channel] = subscribe;
    subscribe ? subscriber_->Subscribe(channel) : subscriber_->Unsubscribe(channel);
    if ((random >> 8) % 8 == 0) loop_.io().poll();
    if (i % 5'000 == 4'999) server_.Command({"CLIENT", "KILL", "TYPE", "pubsub"});
  }
  size_t count = 0;
  for (const auto& [channel, want] : wanted) count += want;
  ASSERT_TRUE(Until([&] { return subscriber_->confirmed() == count; }));
  EXPECT_EQ(subscriber_->wanted(), count);
  Follow("end");  // whatever was sent before is answered now
  for (const auto& [channel, want] : wanted) {
    EXPECT_EQ(server_.Command({"PUBLISH", channel, "x"}).integer, want ? 1 : 0) << channel;
  }
}

TEST_F(RedisSubscriberTest, AForbiddenChannelIsToldAndItsNeighboursWork) {
  server_.Command(
      {"ACL", "SETUSER", "bridge", "on", ">pw", "~*", "resetchannels", "&webgui:*", "+@all"});
  RedisOptions options = server_.options();
  options.username = "bridge";
  options.password = "pw";
  StartSubscriber(options);
  for (const char* channel : {"webgui:a", "other:b", "webgui:c"}) subscriber_->Subscribe(channel);
  ASSERT_TRUE(Until([&] { return confirmations_ == 2 && failed_.size() == 1; }));
  EXPECT_EQ(failed_["other:b"].code(), absl::StatusCode::kPermissionDenied);
  PublishAndHear("webgui:a", "1");
  PublishAndHear("webgui:c", "2");
  EXPECT_EQ(downs_, 0);
  // Granting the right ends the connection, as Redis does, or not; the next one tries again.
  server_.Command({"ACL", "SETUSER", "bridge", "&other:*"});
  server_.Command({"CLIENT", "KILL", "TYPE", "pubsub"});
  EXPECT_TRUE(Until([&] { return confirmed_["other:b"] == 1; }));
}

TEST_F(RedisSubscriberTest, AnIdleConnectionIsKeptAliveByPing) {
  RedisOptions options = server_.options();
  options.timeout = absl::Milliseconds(800);
  StartSubscriber(options);
  Follow("a");
  const absl::Duration begun = loop_.Uptime();
  ASSERT_TRUE(Until([&] { return loop_.Uptime() - begun > 3 * options.timeout; }));
  EXPECT_EQ(downs_, 0);
  PublishAndHear("a", "still here");
}

TEST_F(RedisSubscriberTest, AStoppedServerIsNoticedAndReplaced) {
  RedisOptions options = server_.options();
  options.timeout = absl::Milliseconds(400);
  StartSubscriber(options);
  Follow("a");
  server_.Pause();
  ASSERT_TRUE(Until([&] { return downs_ == 1; }));
  EXPECT_THAT(std::string(why_.message()), HasSubstr("nothing was heard from redis for 400ms"));
  EXPECT_EQ(subscriber_->confirmed(), 0u);
  server_.Resume();
  ASSERT_TRUE(Until([&] { return confirmed_["a"] == 2; }));
  PublishAndHear("a", "again");
}

TEST_F(RedisSubscriberTest, TheServerMayComeLateAndGo) {
  server_.Kill();
  StartSubscriber(server_.options());
  subscriber_->Subscribe("a");
  ASSERT_TRUE(Until([&] { return subscriber_->stats().failures >= 2; }));
  EXPECT_EQ(downs_, 0) << "it was never up";
  for (int i = 1; i <= 2; ++i) {
    server_.Restart();
    ASSERT_TRUE(Until([&] { return confirmed_["a"] == i; }));
    PublishAndHear("a", absl::StrCat(i));
    server_.Kill();
    ASSERT_TRUE(Until([&] { return downs_ == i; }));
  }
}

TEST_F(RedisSubscriberTest, StopTellsAndKeepsTheSet) {
  StartSubscriber(server_.options());
  Follow("a");
  subscriber_->Stop();
  EXPECT_EQ(downs_, 1);
  EXPECT_FALSE(subscriber_->up());
  subscriber_->Start();
  EXPECT_TRUE(Until([&] { return confirmed_["a"] == 2; }));
}

// A bridge in small: client, subscriber and probe, connected as a daemon connects them.
class RedisProbeTest : public ::testing::Test,
                       public PubSubListener,
                       public ConnectionListener,
                       public ProbeListener {
 protected:
  static constexpr char kName[] = "webgui:probe:test";

  void OnUp() override { probe_->OnUp(); }
  void OnDown(const absl::Status&) override {}
  void OnPubSubUp() override {}
  void OnPubSubDown(const absl::Status& why) override { probe_->OnPubSubDown(why); }
  void OnSubscribed(absl::string_view channel) override { probe_->OnSubscribed(channel); }
  void OnSubscribeFailed(absl::string_view channel, const absl::Status& why) override {
    probe_->OnSubscribeFailed(channel, why);
  }
  void OnMessage(absl::string_view channel, std::string payload) override {
    probe_->OnMessage(channel, payload);
  }
  void OnProbe(const absl::Status& verdict) override { verdicts_.push_back(verdict); }
  void OnDataSetLost() override { ++losses_; }

  void Begin(const RedisOptions& options) {
    client_ = std::make_unique<Client>(&loop_, options);
    client_->AddListener(this);
    subscriber_ = std::make_unique<Subscriber>(&loop_, options, this);
    probe_ = std::make_unique<Probe>(&loop_, client_.get(), subscriber_.get(), kName, this);
    client_->Start();
    subscriber_->Start();
    probe_->Start();
  }
  bool Until(absl::FunctionRef<bool()> condition) { return RunUntil(loop_, condition); }
  bool Ready() const { return probe_->verdict().ok(); }

  RedisServer server_;
  base::Loop loop_{"test"};
  std::vector<absl::Status> verdicts_;
  int losses_ = 0;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Subscriber> subscriber_;
  std::unique_ptr<Probe> probe_;
};

TEST_F(RedisProbeTest, ReadyAndStaysSo) {
  Begin(server_.options());
  ASSERT_TRUE(Until([&] { return Ready(); })) << probe_->verdict();
  ASSERT_TRUE(Until([&] { return server_.Command({"GET", kName}).text >= "3"; }));
  EXPECT_EQ(losses_, 0);
  EXPECT_GT(server_.Command({"PTTL", kName}).integer, 0);
}

TEST_F(RedisProbeTest, FlushAllIsNoticed) {
  Begin(server_.options());
  ASSERT_TRUE(Until([&] { return Ready(); }));
  server_.Command({"FLUSHALL"});
  ASSERT_TRUE(Until([&] { return losses_ == 1; }));
  ASSERT_TRUE(Until([&] { return server_.Command({"EXISTS", kName}).integer == 1; }));
}

TEST_F(RedisProbeTest, ARestartWithoutPersistenceIsNoticed) {
  Begin(server_.options());
  ASSERT_TRUE(Until([&] { return Ready(); }));
  server_.Restart();
  ASSERT_TRUE(Until([&] { return losses_ == 1; }));
  ASSERT_TRUE(Until([&] { return Ready(); }));
}

TEST_F(RedisProbeTest, ForbiddenPublishIsNotReady) {
  server_.Command({"ACL", "SETUSER", "bridge", "on", ">pw", "~*", "&*", "+@all", "-publish"});
  RedisOptions options = server_.options();
  options.username = "bridge";
  options.password = "pw";
  Begin(options);
  ASSERT_TRUE(
      Until([&] { return probe_->verdict().code() == absl::StatusCode::kPermissionDenied; }));
  server_.Command({"ACL", "SETUSER", "bridge", "+publish"});
  EXPECT_TRUE(Until([&] { return Ready(); })) << probe_->verdict();
}

TEST_F(RedisProbeTest, AStoppedServerIsNotReadyAndBecomesItAgain) {
  Begin(server_.options());
  ASSERT_TRUE(Until([&] { return Ready(); }));
  server_.Pause();
  ASSERT_TRUE(Until([&] { return !Ready(); }));
  EXPECT_THAT(std::string(probe_->verdict().message()), HasSubstr("not heard within 1s"));
  server_.Resume();
  EXPECT_TRUE(Until([&] { return Ready(); }));
  EXPECT_EQ(losses_, 0);
}

// Two masters: the pub/sub connection is with another Redis than the commands.
TEST_F(RedisProbeTest, ASubscriberOfAnotherRedisIsGivenUp) {
  RedisServer other;
  const std::string address = server_.folder() + "/moved.sock";
  ASSERT_EQ(::symlink(other.socket().c_str(), address.c_str()), 0);
  RedisOptions moved = server_.options();
  moved.address.host_or_path = address;
  client_ = std::make_unique<Client>(&loop_, server_.options());
  client_->AddListener(this);
  subscriber_ = std::make_unique<Subscriber>(&loop_, moved, this);
  probe_ = std::make_unique<Probe>(&loop_, client_.get(), subscriber_.get(), kName, this);
  client_->Start();
  subscriber_->Start();
  probe_->Start();
  ASSERT_TRUE(
      Until([&] { return absl::StrContains(probe_->verdict().message(), "not heard within"); }));
  // The address is mended, which cuts nothing.
  ASSERT_EQ(::unlink(address.c_str()), 0);
  ASSERT_EQ(::symlink(server_.socket().c_str(), address.c_str()), 0);
  EXPECT_TRUE(Until([&] { return Ready(); })) << probe_->verdict();
  EXPECT_TRUE(other.running());
}

TEST_F(RedisProbeTest, ARightToSubscribeThatComesLateIsUsed) {
  server_.Command(
      {"ACL", "SETUSER", "bridge", "on", ">pw", "~*", "resetchannels", "&other:*", "+@all"});
  RedisOptions options = server_.options();
  options.username = "bridge";
  options.password = "pw";
  Begin(options);
  ASSERT_TRUE(
      Until([&] { return probe_->verdict().code() == absl::StatusCode::kPermissionDenied; }));
  server_.Command({"ACL", "SETUSER", "bridge", "&webgui:*"});
  EXPECT_TRUE(Until([&] { return Ready(); })) << probe_->verdict();
  EXPECT_EQ(subscriber_->stats().losses, 0u);
}

TEST_F(RedisProbeTest, EvictionIsFoundOutAndTheTimeLearnt) {
  Begin(server_.options());
  RedisClock clock(&loop_, client_.get());
  client_->AddListener(&clock);
  ASSERT_TRUE(Until([&] { return clock.offset().has_value(); }));
  EXPECT_LT(absl::AbsDuration(*clock.offset()), absl::Seconds(10)) << "one machine, one clock";
  const auto check = [&] {
    absl::optional<absl::Status> verdict;
    CheckEviction(client_.get(), [&](absl::Status status) { verdict = std::move(status); });
    EXPECT_TRUE(Until([&] { return verdict.has_value(); }));
    return verdict.value_or(absl::InternalError("no verdict"));
  };
  EXPECT_TRUE(check().ok());
  server_.Command({"CONFIG", "SET", "maxmemory", "100mb"});
  EXPECT_TRUE(check().ok()) << "noeviction is Redis' default";
  server_.Command({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  EXPECT_EQ(check().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace spanwire::redis
