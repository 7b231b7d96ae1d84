// The appender and the log reader against a real Redis: what is appended can be read, once, in
// order, over epochs.
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/base/loop.h"
#include "core/channel/appender.h"
#include "core/channel/log_reader.h"
#include "core/redis/client.h"
#include "core/redis/redis_clock.h"
#include "tests/support/redis_server.h"
#include "tests/support/run_until.h"

namespace spanwire::channel {
namespace {

constexpr char kA[] = "webgui:session:a";
constexpr char kB[] = "webgui:session:b";

// What one producer instance was told.
struct Stream final : public AppendSink {
  void OnCommitted(uint64_t sequence, absl::string_view channel,
                   absl::optional<Position> position) override {
    ++committed;
    if (position) positions[std::string(channel)][sequence] = *position;
  }
  void OnFenced(uint64_t newer) override { fenced = newer; }

  size_t committed = 0;
  std::map<std::string, std::map<uint64_t, Position>> positions;
  uint64_t fenced = 0;
};

// A broker, as far as the log is concerned.
struct Broker final : public AppenderListener {
  Broker(base::Loop* loop, const test::RedisServer& redis, Appender::Options options = {})
      : client(loop, redis.options()), appender(loop, &client, &names, this, std::move(options)) {
    client.Start();
    EXPECT_TRUE(test::RunUntil(*loop, [this] { return client.up(); }));
  }
  void OnProducerFailed(absl::string_view producer, const absl::Status& why) override {
    failed[std::string(producer)] = why;
  }

  Names names{"webgui"};
  redis::Client client;
  std::map<std::string, absl::Status> failed;
  Appender appender;
};

class LogTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const Producer> Instance(std::string id, uint64_t epoch) {
    return std::make_shared<Producer>(Producer{std::move(id), epoch, limits::kProducerTtl});
  }
  static void Append(Broker& broker, Stream& stream,
                     const std::shared_ptr<const Producer>& producer, absl::string_view channel,
                     uint64_t sequence) {
    broker.appender.Append(
        &stream, producer, channel, sequence, false,
        std::make_shared<const std::string>(absl::StrCat(producer->id, " ", sequence)));
  }
  // The log's rows: "<position> <event>", or "<position> <event> after <prev>".
  std::vector<std::pair<Position, std::string>> Log(absl::string_view channel) {
    std::vector<std::pair<Position, std::string>> rows;
    const redis::Reply reply = redis_.Command({"XRANGE", names_.LogKey(channel), "-", "+"});
    for (const redis::Reply& row : reply.elements) {
      rows.emplace_back(*Position::Parse(row.elements[0].text), row.elements[1].elements[1].text);
    }
    return rows;
  }
  LogPage Read(LogReader& reader, const char* channel, Ask ask) {
    absl::optional<LogPage> page;
    reader.Read(channel, ask, 100, owner_,
                [&](absl::StatusOr<LogPage> answer) { page = *std::move(answer); });
    EXPECT_TRUE(test::RunUntil(loop_, [&] { return page.has_value(); }));
    return page ? *std::move(page) : LogPage();
  }

  test::RedisServer redis_;
  base::Loop loop_{"test"};
  Names names_{"webgui"};
  const std::shared_ptr<char> owner_ = std::make_shared<char>();
};

TEST_F(LogTest, ManyProducersOnTwoChannelsEachInOrderWithThePositionsTheyAreTold) {
  constexpr uint64_t kEvents = 2000;
  Appender::Options options;
  options.max_events = 100'000;  // nothing is trimmed
  Broker broker(&loop_, redis_, options);
  std::vector<Stream> streams(5);
  std::vector<std::shared_ptr<const Producer>> producers;
  for (size_t p = 0; p < streams.size(); ++p)
    producers.push_back(Instance(absl::StrCat("p", p), 100));
  for (uint64_t sequence = 1; sequence <= kEvents; ++sequence) {
    for (size_t p = 0; p < streams.size(); ++p) {
      Append(broker, streams[p], producers[p], sequence % 3 == 0 ? kB : kA, sequence);
    }
  }
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return broker.appender.idle(); }));
  size_t rows = 0;
  for (const char* channel : {kA, kB}) {
    std::map<std::string, uint64_t> reached;
    uint64_t seq = 0;
    for (const auto& [position, event] : Log(channel)) {
      ++rows;
      EXPECT_EQ(position.seq, ++seq);
      const std::string producer = event.substr(0, 2);
      const uint64_t sequence = std::stoull(event.substr(3));
      EXPECT_GT(sequence, reached[producer]);
      reached[producer] = sequence;
      EXPECT_EQ(streams[static_cast<size_t>(producer[1] - '0')].positions[channel][sequence],
                position);
    }
  }
  EXPECT_EQ(rows, kEvents * streams.size());
  EXPECT_LT(broker.appender.counters().calls, rows / 10) << "what gathers goes together";
}

TEST_F(LogTest, WhatAnotherBrokerIsSentAgainIsAppendedOnceAndLinksTheEpochs) {
  Broker first(&loop_, redis_);
  Broker second(&loop_, redis_);
  Stream before, after;
  const auto producer = Instance("p", 100);
  for (uint64_t sequence = 1; sequence <= 10; ++sequence)
    Append(first, before, producer, kA, sequence);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return before.committed == 10; }));
  for (uint64_t sequence = 5; sequence <= 15; ++sequence)
    Append(second, after, producer, kA, sequence);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return after.committed == 11; }));
  EXPECT_EQ(after.positions[kA].size(), 5u) << "duplicates have no position";
  const auto rows = Log(kA);
  ASSERT_EQ(rows.size(), 15u);
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].second, absl::StrCat("p ", i + 1));
  EXPECT_GT(rows[10].first.epoch, rows[9].first.epoch) << "another connection, another epoch";
  EXPECT_EQ(rows[10].first.seq, 1u);
  const redis::Reply row = redis_.Command(
      {"XRANGE", names_.LogKey(kA), rows[10].first.ToString(), rows[10].first.ToString()});
  EXPECT_EQ(row.elements[0].elements[1].elements[2].text, "p");
  EXPECT_EQ(row.elements[0].elements[1].elements[3].text, rows[9].first.ToString());
}

TEST_F(LogTest, ANewerInstanceOnAnotherBrokerFencesTheOlderOne) {
  Broker first(&loop_, redis_);
  Broker second(&loop_, redis_);
  Stream old_stream, new_stream;
  const auto old_instance = Instance("p", 100);
  Append(first, old_stream, old_instance, kA, 1);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return old_stream.committed == 1; }));
  Append(second, new_stream, Instance("p", 101), kA, 1);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return new_stream.committed == 1; }));
  Append(first, old_stream, old_instance, kA, 2);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return old_stream.fenced != 0; }));
  EXPECT_EQ(old_stream.fenced, 101u);
  EXPECT_EQ(Log(kA).size(), 2u);
}

TEST_F(LogTest, TheHighestSequencesAreKeptAsTheyAre) {
  Broker broker(&loop_, redis_);
  Stream stream;
  const auto producer = Instance("p", limits::kMaxEpoch);
  Append(broker, stream, producer, kA, limits::kMaxSequence - 1);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return stream.committed == 1; }));
  Append(broker, stream, producer, kA, limits::kMaxSequence);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return stream.committed == 2; }));
  Append(broker, stream, producer, kA, limits::kMaxSequence);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return stream.committed == 3; }));
  EXPECT_EQ(Log(kA).size(), 2u) << "the same again is a duplicate";
  EXPECT_EQ(redis_.Command({"GET", names_.ProducerKey(kA, "p")}).text,
            absl::StrCat(limits::kMaxEpoch, " ", limits::kMaxSequence));
}

TEST_F(LogTest, OutOfMemoryDelaysAndLosesNothing) {
  Broker broker(&loop_, redis_);
  Stream stream;
  const auto producer = Instance("p", 100);
  Append(broker, stream, producer, kA, 1);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return stream.committed == 1; }));
  redis_.Command({"CONFIG", "SET", "maxmemory", "1"});
  for (uint64_t sequence = 2; sequence <= 5; ++sequence)
    Append(broker, stream, producer, kA, sequence);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return broker.appender.counters().refused >= 2; }));
  EXPECT_EQ(stream.committed, 1u);
  redis_.Command({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return stream.committed == 5; }));
  EXPECT_EQ(Log(kA).size(), 5u);
}

TEST_F(LogTest, AScriptThatRedisForgotIsSentAgain) {
  Broker broker(&loop_, redis_);
  Stream stream;
  const auto producer = Instance("p", 100);
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    redis_.Command({"SCRIPT", "FLUSH"});
    Append(broker, stream, producer, kA, sequence);
    ASSERT_TRUE(test::RunUntil(loop_, [&] { return stream.committed == sequence; }));
  }
  EXPECT_EQ(Log(kA).size(), 3u);
}

TEST_F(LogTest, TheReaderReadsWhatIsThere) {
  Broker broker(&loop_, redis_);
  redis::RedisClock clock(&loop_, &broker.client);
  LogReader reader(&loop_, &broker.client, &clock, &names_, absl::Hours(1));
  const LogPage nothing = Read(reader, kA, {Ask::Kind::kTail, absl::nullopt, 0});
  EXPECT_FALSE(nothing.tail->before.has_value());
  EXPECT_EQ(nothing.tail->now.seq, 0u);
  EXPECT_EQ(Read(reader, kA, {Ask::Kind::kTail, absl::nullopt, 0}).tail->before, nothing.tail->now)
      << "a watched channel has a tail from then on";

  Stream stream;
  const auto producer = Instance("p", 100);
  for (uint64_t sequence = 1; sequence <= 150; ++sequence)
    Append(broker, stream, producer, kA, sequence);
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return stream.committed == 150; }));
  const Position third = stream.positions[kA][3];

  const LogPage oldest = Read(reader, kA, {Ask::Kind::kRange, absl::nullopt, 0});
  ASSERT_EQ(oldest.rows.size(), 100u);
  EXPECT_TRUE(oldest.full);
  EXPECT_EQ(oldest.rows[0].prev, nothing.tail->now)
      << "the first event names the tail that stood there";
  EXPECT_EQ(oldest.rows[0].body, "p 1");

  const LogPage after = Read(reader, kA, {Ask::Kind::kRange, stream.positions[kA][148], 0});
  ASSERT_EQ(after.rows.size(), 3u);
  EXPECT_FALSE(after.full);
  EXPECT_EQ(after.rows[0].body, "p 148");

  const LogPage last = Read(reader, kA, {Ask::Kind::kLast, absl::nullopt, 2});
  ASSERT_EQ(last.rows.size(), 2u);
  EXPECT_EQ(last.rows[0].body, "p 149");
  EXPECT_EQ(last.rows[1].body, "p 150");
  EXPECT_FALSE(last.full);

  const LogPage both = Read(reader, kA, {Ask::Kind::kTailAndRange, third, 0});
  EXPECT_EQ(both.tail->now, stream.positions[kA][150]);
  EXPECT_EQ(both.rows[0].position, third);
}

TEST_F(LogTest, LogsOfLargeEventsAreReadInRepliesThatFit) {
  redis::Client client(&loop_, redis_.options());
  client.Start();
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return client.up(); }));
  redis::RedisClock clock(&loop_, &client);
  LogReader reader(&loop_, &client, &clock, &names_, absl::Hours(1));
  const std::string body(limits::kEventBytes, 'x');
  for (int seq = 1; seq <= 300; ++seq)
    redis_.Command({"XADD", names_.LogKey(kA), absl::StrCat("7-", seq), "e", body});
  const LogPage last = Read(reader, kA, {Ask::Kind::kLast, absl::nullopt, 290});
  ASSERT_FALSE(last.rows.empty());
  EXPECT_EQ(last.rows[0].position, (Position{7, 11}));
  absl::optional<LogPage> page;
  reader.Read(kA, {Ask::Kind::kRange, absl::nullopt, 0}, 10'000, owner_,
              [&](absl::StatusOr<LogPage> answer) { page = *std::move(answer); });
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return page.has_value(); }));
  EXPECT_EQ(page->rows.size(), limits::kPageEvents);
  EXPECT_EQ(reader.failures(), 0u);
}

TEST_F(LogTest, ATailIsReadThoughRedisHasNoMemory) {
  redis::Client client(&loop_, redis_.options());
  client.Start();
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return client.up(); }));
  redis::RedisClock clock(&loop_, &client);
  LogReader reader(&loop_, &client, &clock, &names_, absl::Hours(1));
  redis_.Command({"SET", names_.TailKey(kA), "7-3"});
  redis_.Command({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(Read(reader, kA, {Ask::Kind::kTailAndRange, Position{7, 3}, 0}).tail->before,
            (Position{7, 3}));
}

TEST_F(LogTest, TheReaderOutlastsALostConnection) {
  Broker broker(&loop_, redis_);
  redis::RedisClock clock(&loop_, &broker.client);
  LogReader reader(&loop_, &broker.client, &clock, &names_, absl::Hours(1));
  Read(reader, kA, {Ask::Kind::kTail, absl::nullopt, 0});
  redis_.Kill();
  absl::optional<LogPage> page;
  reader.Read(kA, {Ask::Kind::kTailAndRange, absl::nullopt, 0}, 100, owner_,
              [&](absl::StatusOr<LogPage> answer) { page = *std::move(answer); });
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return reader.failures() > 0; }));
  EXPECT_FALSE(page.has_value());
  redis_.Restart();
  ASSERT_TRUE(test::RunUntil(loop_, [&] { return page.has_value(); }));
  EXPECT_FALSE(page->tail->before.has_value()) << "this data set is another one";
}

}  // namespace
}  // namespace spanwire::channel
