// Ack level replicated against a real master and its replica.
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/loop.h"
#include "core/channel/appender.h"
#include "core/channel/replica_barrier.h"
#include "core/redis/client.h"
#include "tests/support/redis_server.h"
#include "tests/support/run_until.h"

namespace spanwire::channel {
namespace {

using ::testing::HasSubstr;

constexpr char kA[] = "webgui:session:a";
constexpr char kMarker[] = "webgui:marker:test";
constexpr absl::Duration kTimeout = absl::Milliseconds(300);

struct Stream final : public AppendSink {
  void OnCommitted(uint64_t sequence, absl::string_view, absl::optional<Position>) override {
    committed.insert(sequence);
  }
  void OnFenced(uint64_t) override {}

  std::set<uint64_t> committed;
};

// A broker as far as the log is concerned. Its second connection may lead elsewhere.
struct Broker final : public AppenderListener, public redis::ConnectionListener {
  Broker(base::Loop* loop, const redis::RedisOptions& writes, const redis::RedisOptions& waits)
      : client(loop, writes),
        second(loop, waits, "waits"),
        barrier(loop, &client, &second, kMarker, {1, kTimeout}),
        appender(loop, &client, &names, this, Appender::Options(), &barrier) {
    client.AddListener(this);
    client.Start();
    second.Start();
    EXPECT_TRUE(test::RunUntil(*loop, [this] { return client.up() && second.up(); }));
  }
  ~Broker() override {
    client.Stop();
    second.Stop();
  }
  void OnProducerFailed(absl::string_view, const absl::Status& why) override {
    failed.emplace_back(why.message());
  }
  void OnUp() override {}
  void OnDown(const absl::Status&) override {
    ++losses;
    appender.Clear();
  }

  Names names{"webgui"};
  redis::Client client;
  redis::Client second;
  ReplicaBarrier barrier;
  std::vector<std::string> failed;
  int losses = 0;
  Appender appender;
};

class ReplicationTest : public ::testing::Test {
 protected:
  // A replica of the master, in step with it.
  std::unique_ptr<test::RedisServer> Replica() {
    auto replica = std::make_unique<test::RedisServer>(
        std::vector<std::string>{"--replicaof", "127.0.0.1", absl::StrCat(master_.tcp_port())});
    ExpectInStep(master_, *replica);
    return replica;
  }
  // Until it follows write by write, and not only has a snapshot: that can take a second more.
  void ExpectInStep(const test::RedisServer& master, const test::RedisServer& replica) {
    EXPECT_TRUE(Until([&] {
      return absl::StrContains(master.Command({"INFO", "replication"}).text, "state=online");
    }));
    master.Command({"SET", "step", absl::StrCat(++steps_)});
    EXPECT_TRUE(Until([&] {
      return replica.Command({"GET", "step"}).text == absl::StrCat(steps_);
    }));
  }
  std::unique_ptr<Broker> Connect() {
    return std::make_unique<Broker>(&loop_, master_.options(), master_.options());
  }
  static void Append(Broker& broker, Stream& stream,
                     const std::shared_ptr<const Producer>& producer, uint64_t sequence) {
    broker.appender.Append(&stream, producer, kA, sequence, false,
                           std::make_shared<const std::string>(absl::StrCat(sequence)));
  }
  bool Until(absl::FunctionRef<bool()> condition) { return test::RunUntil(loop_, condition); }
  std::set<uint64_t> Log(const test::RedisServer& redis) {
    std::set<uint64_t> events;
    const redis::Reply reply = redis.Command({"XRANGE", names_.LogKey(kA), "-", "+"});
    for (const redis::Reply& row : reply.elements) {
      events.insert(std::stoull(row.elements[1].elements[1].text));
    }
    return events;
  }

  test::RedisServer master_{{"--repl-diskless-sync-delay", "0"}};
  base::Loop loop_{"test"};
  Names names_{"webgui"};
  int steps_ = 0;
  const std::shared_ptr<const Producer> replicated_ =
      std::make_shared<Producer>(Producer{"safe", 100, limits::kProducerTtl, true});
  const std::shared_ptr<const Producer> plain_ =
      std::make_shared<Producer>(Producer{"plain", 100, limits::kProducerTtl, false});
};

TEST_F(ReplicationTest, WhatIsCommittedIsOnTheReplicaWhateverHappensToTheMaster) {
  const auto replica = Replica();
  const auto broker = Connect();
  Stream stream;
  for (uint64_t sequence = 1; sequence <= 3'000; ++sequence)
    Append(*broker, stream, replicated_, sequence);
  ASSERT_TRUE(Until([&] { return stream.committed.size() >= 500; }));
  master_.Kill();
  const std::set<uint64_t> committed = stream.committed;
  const std::set<uint64_t> there = Log(*replica);
  for (const uint64_t sequence : committed) EXPECT_EQ(there.count(sequence), 1u) << sequence;
  ASSERT_TRUE(Until([&] { return broker->losses > 0; }));
  EXPECT_EQ(stream.committed, committed);
  EXPECT_TRUE(broker->appender.idle());
}

TEST_F(ReplicationTest, WithoutAReplicaNothingIsCommittedAndOthersAreNotHeldUp) {
  master_.tcp_port();  // restarts it
  const auto broker = Connect();
  Stream safe, other;
  Append(*broker, safe, replicated_, 1);
  const absl::Duration began = loop_.Uptime();
  for (uint64_t sequence = 1; sequence <= 200; ++sequence) {
    Append(*broker, other, plain_, sequence);
    ASSERT_TRUE(Until([&] { return other.committed.size() == sequence; }));
  }
  EXPECT_LT(loop_.Uptime() - began, absl::Seconds(30)) << "200 times the timeout is 60 s";
  ASSERT_TRUE(Until([&] { return !broker->failed.empty(); }));
  EXPECT_THAT(broker->failed[0], HasSubstr("0 of 1 replicas within 300ms"));
  EXPECT_TRUE(safe.committed.empty());
  EXPECT_EQ(broker->losses, 0);

  // Sent again when there is a replica, it is a duplicate, and committed.
  broker->appender.Forget(&safe);
  const auto replica = Replica();
  Append(*broker, safe, replicated_, 1);
  ASSERT_TRUE(Until([&] { return safe.committed.count(1) == 1; }));
  EXPECT_EQ(Log(*replica).size(), 200u);
}

TEST_F(ReplicationTest, AStalledReplicaIsToldAndAskedAgain) {
  const auto replica = Replica();
  const auto broker = Connect();
  Stream stream;
  replica->Pause();
  Append(*broker, stream, replicated_, 1);
  ASSERT_TRUE(Until([&] { return !broker->failed.empty(); }));
  EXPECT_TRUE(stream.committed.empty());
  broker->appender.Forget(&stream);
  replica->Resume();
  Append(*broker, stream, replicated_, 1);
  ASSERT_TRUE(Until([&] { return stream.committed.count(1) == 1; }));
}

TEST_F(ReplicationTest, AnotherServersReplicasCountForNothing) {
  // A master that was cut off and one that was promoted in its place, and a connection to each.
  const auto replica = Replica();
  test::RedisServer second({"--replicaof", "127.0.0.1", absl::StrCat(replica->tcp_port()),
                            "--repl-diskless-sync-delay", "0"});
  replica->Command({"CONFIG", "SET", "repl-diskless-sync-delay", "0"});
  replica->Command({"REPLICAOF", "NO", "ONE"});
  ExpectInStep(*replica, second);
  Broker broker(&loop_, master_.options(), replica->options());
  Stream safe;
  Append(broker, safe, replicated_, 1);
  ASSERT_TRUE(Until([&] { return broker.losses > 0; })) << "what it writes there is void";
  EXPECT_TRUE(safe.committed.empty());
  EXPECT_EQ(replica->Command({"GET", kMarker}).type, redis::Reply::Type::kNil);
}

TEST_F(ReplicationTest, ADemotedMasterCommitsNothing) {
  const auto replica = Replica();
  const auto broker = Connect();
  Stream stream;
  replica->Pause();
  Append(*broker, stream, replicated_, 1);
  ASSERT_TRUE(Until([&] { return Log(master_).size() == 1; }));
  master_.Command({"REPLICAOF", "127.0.0.1", "1"});
  ASSERT_TRUE(Until([&] { return broker->losses > 0 || !broker->failed.empty(); }));
  EXPECT_TRUE(stream.committed.empty());
  replica->Resume();
}

}  // namespace
}  // namespace spanwire::channel
