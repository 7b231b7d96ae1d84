// The client against a real server, and against servers that no distribution ships: too old,
// loading, silent, mad.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/redis/client.h"
#include "tests/support/redis_server.h"
#include "tests/support/run_until.h"

namespace spanwire::redis {
namespace {

using ::spanwire::test::RedisServer;
using ::spanwire::test::RunUntil;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Writes down what it hears.
class Recorder : public ConnectionListener {
 public:
  void OnUp() override {
    ++ups;
    heard.push_back("up");
  }
  void OnDown(const absl::Status& why) override {
    ++downs;
    last = why;
    heard.push_back("down");
  }
  int ups = 0;
  int downs = 0;
  absl::Status last;
  std::vector<std::string> heard;
};

class RedisClientTest : public ::testing::Test {
 protected:
  void StartClient(RedisOptions options) {
    client_ = std::make_unique<Client>(&loop_, std::move(options));
    client_->AddListener(&recorder_);
    client_->Start();
  }
  bool Until(absl::FunctionRef<bool()> condition) { return RunUntil(loop_, condition); }
  void StartAndWait(RedisOptions options) {
    StartClient(std::move(options));
    ASSERT_TRUE(Until([&] { return client_->up(); })) << client_->health();
  }
  // One command, and its answer.
  absl::StatusOr<Reply> Call(std::vector<absl::string_view> args) {
    absl::optional<absl::StatusOr<Reply>> answer;
    client_->Call(args, [&](absl::StatusOr<Reply> reply) { answer = std::move(reply); });
    EXPECT_FALSE(answer.has_value()) << "called from within Call";
    if (!Until([&] { return answer.has_value(); })) return absl::DeadlineExceededError("no answer");
    return *std::move(answer);
  }

  base::Loop loop_{"test"};
  Recorder recorder_;
  std::unique_ptr<Client> client_;
};

TEST_F(RedisClientTest, AnswersComeInTheOrderOfAHundredThousandCommands) {
  RedisServer server;
  StartAndWait(server.options());
  constexpr int kCommands = 100'000;
  constexpr int kWindow = 50'000;
  int sent = 0;
  int answered = 0;
  int wrong = 0;
  std::function<void()> send = [&] {
    ++sent;
    client_->Call({"INCR", "counter"}, [&](const absl::StatusOr<Reply>& reply) {
      ++answered;
      if (!reply.ok() || reply->integer != answered) ++wrong;
      if (sent < kCommands) send();
    });
  };
  while (sent < kWindow) send();
  ASSERT_TRUE(Until([&] { return answered == kCommands; })) << answered;
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(recorder_.downs, 0);
  EXPECT_EQ(client_->stats().unanswered, 0u);
  EXPECT_EQ(server.Command({"GET", "counter"}).text, "100000");
}

TEST_F(RedisClientTest, CommandsOfOneTurnLeaveTogether) {
  RedisServer server;
  StartAndWait(server.options());
  const auto reads = [&] {
    for (absl::string_view line : absl::StrSplit(server.Command({"INFO", "stats"}).text, "\r\n")) {
      int64_t count = 0;
      if (absl::ConsumePrefix(&line, "total_reads_processed:") && absl::SimpleAtoi(line, &count)) {
        return count;
      }
    }
    return int64_t{-1};
  };
  const int64_t before = reads();
  int answered = 0;
  for (int i = 0; i < 300; ++i) {
    client_->Call({"PING"}, [&](const absl::StatusOr<Reply>&) { ++answered; });
  }
  ASSERT_TRUE(Until([&] { return answered == 300; }));
  EXPECT_LT(reads() - before, 10);
}

TEST_F(RedisClientTest, BinaryValuesAndErrorsAndNilArrive) {
  RedisServer server;
  StartAndWait(server.options());
  std::string value(300'000, '\0');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 31);
  EXPECT_EQ(Call({"SET", "k", value})->text, "OK");
  EXPECT_EQ(Call({"GET", "k"})->text, value);
  EXPECT_TRUE(Call({"GET", "absent"})->is_nil());
  EXPECT_EQ(Call({"LPUSH", "k", "x"})->error_code(), "WRONGTYPE");
  EXPECT_EQ(Call({"NOSUCH"})->error_code(), "ERR");
  EXPECT_EQ(recorder_.downs, 0);
}

TEST_F(RedisClientTest, TcpByNumberAndByName) {
  RedisServer server;
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const std::string url = absl::StrCat("redis://", host, ":", server.tcp_port());
    StartAndWait(*RedisOptions::FromUrl(url));
    EXPECT_EQ(Call({"PING"})->text, "PONG");
    client_.reset();
  }
}

TEST_F(RedisClientTest, ANameThatDoesNotExistIsTold) {
  StartClient(*RedisOptions::FromUrl("redis://name.invalid:6379"));
  ASSERT_TRUE(Until([&] { return client_->stats().failures > 0; }));
  EXPECT_THAT(std::string(client_->health().message()), HasSubstr("cannot be resolved"));
}

TEST_F(RedisClientTest, RightUserAndPasswordAreLetIn) {
  RedisServer server;
  server.Command({"ACL", "SETUSER", "broker", "on", ">p@ss", "~*", "&*", "+@all"});
  RedisOptions options = server.options();
  options.username = "broker";
  options.password = "p@ss";
  StartAndWait(options);
  EXPECT_EQ(Call({"ACL", "WHOAMI"})->text, "broker");
}

TEST_F(RedisClientTest, WrongPasswordIsToldWithoutQuotingIt) {
  RedisServer server;
  server.Command({"ACL", "SETUSER", "broker", "on", ">right", "~*", "&*", "+@all"});
  RedisOptions options = server.options();
  options.username = "broker";
  options.password = "wrong-one";
  StartClient(options);
  ASSERT_TRUE(Until([&] { return client_->stats().failures >= 2; }));
  EXPECT_EQ(client_->health().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(client_->health().message()), Not(HasSubstr("wrong-one")));
  EXPECT_EQ(recorder_.heard, std::vector<std::string>());
  server.Command({"ACL", "SETUSER", "broker", ">wrong-one"});
  EXPECT_TRUE(Until([&] { return client_->up(); })) << "it goes on trying";
}

TEST_F(RedisClientTest, TheLogTellsEachChangeOnceAndNoPassword) {
  std::vector<std::string> lines;
  base::SetLogOutput([&](absl::string_view line) { lines.emplace_back(line); });
  RedisServer server;
  server.Command({"ACL", "SETUSER", "logged", "on", ">right", "~*", "&*", "+@all"});
  RedisOptions options = server.options();
  options.username = "logged";
  options.password = "wrong-one";
  StartClient(options);
  ASSERT_TRUE(Until([&] { return client_->stats().failures >= 4; }));
  server.Command({"ACL", "SETUSER", "logged", ">wrong-one"});
  ASSERT_TRUE(Until([&] { return client_->up(); }));
  client_->Reset(absl::UnavailableError("demoted"));
  ASSERT_TRUE(Until([&] { return recorder_.ups == 2; }));
  client_->Stop();
  base::SetLogOutput(nullptr);
  // Other tests of this process may have used up what the log says of one message in 10 s.
  lines.erase(std::remove_if(lines.begin(), lines.end(),
                             [&](const std::string& line) {
                               return !absl::StrContains(line, server.socket());
                             }),
              lines.end());
  int failures = 0;
  for (const std::string& line : lines) {
    EXPECT_THAT(line, Not(HasSubstr("wrong-one")));
    EXPECT_THAT(line, Not(HasSubstr("shutting down")));
    failures += absl::StrContains(line, "redis cannot be reached");
  }
  EXPECT_LE(failures, 1);
}

TEST_F(RedisClientTest, MissingPasswordIsTold) {
  RedisServer server;
  server.Command({"CONFIG", "SET", "requirepass", "secret"});
  StartClient(server.options());
  ASSERT_TRUE(Until([&] { return client_->stats().failures > 0; }));
  EXPECT_EQ(client_->health().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(RedisClientTest, RedisAbsentAtStartMayAppear) {
  RedisServer server({}, RedisServer::Start::kLater);
  StartClient(server.options());
  ASSERT_TRUE(Until([&] { return client_->stats().failures >= 2; }));
  EXPECT_EQ(client_->health().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Call({"PING"}).status().code(), absl::StatusCode::kUnavailable);
  server.Restart();
  ASSERT_TRUE(Until([&] { return client_->up(); })) << client_->health();
  EXPECT_EQ(Call({"PING"})->text, "PONG");
  EXPECT_THAT(recorder_.heard, ElementsAre("up"));
}

TEST_F(RedisClientTest, ALossIsToldAfterTheCallbacksAndHealed) {
  RedisServer server;
  StartAndWait(server.options());
  server.Pause();
  for (int i = 0; i < 2; ++i) {
    client_->Call({"PING"}, [&](const absl::StatusOr<Reply>& reply) {
      EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
      EXPECT_FALSE(client_->up());
      recorder_.heard.push_back("callback");
    });
  }
  server.Kill();
  ASSERT_TRUE(Until([&] { return recorder_.downs == 1; }));
  EXPECT_FALSE(client_->up());
  EXPECT_EQ(client_->health().code(), absl::StatusCode::kUnavailable);
  server.Restart();
  ASSERT_TRUE(Until([&] { return client_->up(); }));
  EXPECT_THAT(recorder_.heard, ElementsAre("up", "callback", "callback", "down", "up"));
  EXPECT_EQ(Call({"PING"})->text, "PONG");
  EXPECT_EQ(client_->stats().losses, 1u);
  EXPECT_EQ(client_->stats().connects, 2u);
}

TEST_F(RedisClientTest, AStoppedServerCostsTheConnectionAtTheDeadline) {
  RedisServer server;
  RedisOptions options = server.options();
  options.timeout = absl::Milliseconds(300);
  StartAndWait(options);
  server.Pause();
  const absl::StatusOr<Reply> reply = Call({"PING"});
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("did not answer within 300ms"));
  // The kernel still accepts connections for it: the handshake has a deadline too.
  ASSERT_TRUE(Until([&] { return client_->stats().failures > 0; }));
  EXPECT_THAT(std::string(client_->health().message()), HasSubstr("does not answer within"));
  server.Resume();
  ASSERT_TRUE(Until([&] { return client_->up(); }));
  EXPECT_EQ(Call({"PING"})->text, "PONG");
}

TEST_F(RedisClientTest, AKilledConnectionIsReplacedAtOnce) {
  RedisServer server;
  StartAndWait(server.options());
  for (int i = 1; i <= 5; ++i) {
    server.Command({"CLIENT", "KILL", "TYPE", "normal"});
    ASSERT_TRUE(Until([&] { return recorder_.ups == i + 1; }));
  }
  EXPECT_EQ(recorder_.downs, 5);
  EXPECT_EQ(client_->stats().failures, 0u);
}

TEST_F(RedisClientTest, AConnectionThatDiesAtOnceIsReplacedMoreAndMoreSlowly) {
  // Like a demoted master: it lets everybody in, and is of no use.
  struct GivesUp : ConnectionListener {
    void OnUp() override { client->Reset(absl::UnavailableError("demoted")); }
    void OnDown(const absl::Status&) override {}
    Client* client = nullptr;
  };
  RedisServer server;
  GivesUp gives_up;
  client_ = std::make_unique<Client>(&loop_, server.options());
  gives_up.client = client_.get();
  client_->AddListener(&gives_up);
  client_->Start();
  const absl::Duration begun = loop_.Uptime();
  ASSERT_TRUE(Until([&] { return loop_.Uptime() - begun > absl::Seconds(3); }));
  // By full jitter 7 in the mean. Were the wait 200 ms at most, about 30.
  EXPECT_LT(client_->stats().connects, 16u);
  EXPECT_GE(client_->stats().connects, 2u);
  client_->Stop();
}

TEST_F(RedisClientTest, ARefusalNeverOutlivesTheClient) {
  RedisServer server({}, RedisServer::Start::kLater);
  StartClient(server.options());
  int called = 0;
  client_->Call({"PING"}, [&](const absl::StatusOr<Reply>&) { ++called; });
  client_.reset();
  loop_.io().poll();
  EXPECT_EQ(called, 0);
}

TEST_F(RedisClientTest, ResetTellsInATurnOfItsOwn) {
  RedisServer server;
  StartAndWait(server.options());
  std::vector<std::string>& heard = recorder_.heard;
  client_->Call({"PING"}, [&](const absl::StatusOr<Reply>& reply) {
    EXPECT_TRUE(reply.ok());
    client_->Reset(absl::UnavailableError("demoted"));
    EXPECT_FALSE(client_->up());
    client_->Reset(absl::UnavailableError("once more"));
    heard.push_back("reset");
  });
  client_->Call({"PING"}, [&](const absl::StatusOr<Reply>& reply) {
    EXPECT_EQ(reply.status(), absl::UnavailableError("demoted"));
    heard.push_back("lost");
  });
  ASSERT_TRUE(Until([&] { return recorder_.ups == 2; }));
  EXPECT_THAT(heard, ElementsAre("up", "reset", "lost", "down", "up"));
  EXPECT_EQ(recorder_.last, absl::UnavailableError("demoted"));
}

TEST_F(RedisClientTest, StopEndsEverythingBeforeItReturns) {
  RedisServer server;
  StartAndWait(server.options());
  client_->Call({"PING"}, [&](const absl::StatusOr<Reply>& reply) {
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
    recorder_.heard.push_back("callback");
  });
  client_->Stop();
  EXPECT_THAT(recorder_.heard, ElementsAre("up", "callback", "down"));
  EXPECT_EQ(Call({"PING"}).status().code(), absl::StatusCode::kUnavailable);
  client_->Stop();
  client_->Start();
  ASSERT_TRUE(Until([&] { return client_->up(); }));
}

TEST_F(RedisClientTest, ListenersHearInTheirOrder) {
  RedisServer server;
  std::vector<std::string> heard;
  struct Named : ConnectionListener {
    Named(std::string name, std::vector<std::string>* heard)
        : name(std::move(name)), heard(heard) {}
    void OnUp() override { heard->push_back(name + " up"); }
    void OnDown(const absl::Status&) override { heard->push_back(name + " down"); }
    std::string name;
    std::vector<std::string>* heard;
  };
  Named first("1", &heard);
  Named second("2", &heard);
  client_ = std::make_unique<Client>(&loop_, server.options());
  client_->AddListener(&first);
  client_->AddListener(&second);
  client_->Start();
  ASSERT_TRUE(Until([&] { return client_->up(); }));
  client_->Stop();
  EXPECT_THAT(heard, ElementsAre("1 up", "2 up", "1 down", "2 down"));
}

TEST_F(RedisClientTest, UnansweredCommandsAreBounded) {
  RedisServer server;
  StartAndWait(server.options());
  server.Pause();
  size_t answered = 0;
  for (size_t i = 0; i < limits::kRedisUnansweredCommands; ++i) {
    client_->Call({"PING"}, [&](const absl::StatusOr<Reply>& reply) { answered += reply.ok(); });
  }
  EXPECT_EQ(Call({"PING"}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(client_->stats().refused, 1u);
  EXPECT_EQ(client_->stats().unanswered, limits::kRedisUnansweredCommands);
  server.Resume();
  ASSERT_TRUE(Until([&] { return answered == limits::kRedisUnansweredCommands; }));
  EXPECT_EQ(Call({"PING"})->text, "PONG");
}

TEST_F(RedisClientTest, UnsentBytesAreBounded) {
  RedisServer server;
  RedisOptions options = server.options();
  options.timeout = absl::Seconds(60);
  StartAndWait(options);
  server.Pause();
  const std::string megabyte(1 << 20, 'x');
  int taken = 0;
  int answered = 0;
  int refused = 0;
  while (refused == 0 && taken < 1'000) {
    ++taken;
    client_->Call({"SET", "k", megabyte}, [&](const absl::StatusOr<Reply>& reply) {
      (reply.ok() ? answered : refused) += 1;
      EXPECT_THAT(reply.status().code(),
                  AnyOf(absl::StatusCode::kOk, absl::StatusCode::kResourceExhausted));
    });
    loop_.io().poll();
  }
  EXPECT_EQ(refused, 1);
  EXPECT_LE(client_->stats().unsent_bytes, limits::kRedisUnsentBytes);
  server.Resume();
  ASSERT_TRUE(Until([&] { return answered == taken - 1; }));
  EXPECT_EQ(recorder_.downs, 0);
  EXPECT_EQ(Call({"PING"})->text, "PONG");
  EXPECT_EQ(client_->stats().unsent_bytes, 0u);
}

TEST_F(RedisClientTest, AReplyOverItsBoundCostsTheConnection) {
  RedisServer server;
  RedisOptions options = server.options();
  options.timeout = absl::Seconds(60);  // it is long, and may be read slowly
  StartAndWait(options);
  const std::string end = absl::StrCat(limits::kRedisReplyBytes);
  ASSERT_FALSE(Call({"SETRANGE", "big", end, "x"})->is_error());
  EXPECT_EQ(Call({"GET", "big"}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(recorder_.last.code(), absl::StatusCode::kResourceExhausted);
  ASSERT_TRUE(Until([&] { return client_->up(); }));
  EXPECT_EQ(Call({"PING"})->text, "PONG");
}

// A server that answers each read by a function of what came.
class FakeRedis {
 public:
  using Answer = std::function<std::string(absl::string_view)>;

  FakeRedis(base::Loop* loop, std::string path, Answer answer)
      : acceptor_(loop->io(), asio::local::stream_protocol::endpoint(path)),
        answer_(std::move(answer)) {
    Accept();
  }

 private:
  struct Peer {
    explicit Peer(asio::local::stream_protocol::socket socket) : socket(std::move(socket)) {}
    asio::local::stream_protocol::socket socket;
    char buffer[4096];
  };

  void Accept() {
    acceptor_.async_accept(
        [this](const asio::error_code& error, asio::local::stream_protocol::socket socket) {
          if (error) return;
          Read(std::make_shared<Peer>(std::move(socket)));
          Accept();
        });
  }
  void Read(const std::shared_ptr<Peer>& peer) {
    peer->socket.async_read_some(
        asio::buffer(peer->buffer), [this, peer](const asio::error_code& error, size_t size) {
          if (error) return;
          asio::error_code ignored;
          const std::string answer = answer_(absl::string_view(peer->buffer, size));
          asio::write(peer->socket, asio::buffer(answer), ignored);
          Read(peer);
        });
  }

  asio::local::stream_protocol::acceptor acceptor_;
  const Answer answer_;
};

std::string Bulk(absl::string_view text) {
  return absl::StrCat("$", text.size(), "\r\n", text, "\r\n");
}

class FakeRedisTest : public RedisClientTest {
 protected:
  void Start(FakeRedis::Answer answer) {
    fake_ = std::make_unique<FakeRedis>(&loop_, folder_.socket(), std::move(answer));
    RedisOptions options = folder_.options();
    options.timeout = absl::Milliseconds(500);
    StartClient(options);
  }

  RedisServer folder_{{}, RedisServer::Start::kLater};  // only its folder is used
  std::unique_ptr<FakeRedis> fake_;
};

TEST_F(FakeRedisTest, TooOldIsTold) {
  Start([](absl::string_view) { return Bulk("# Server\r\nredis_version:6.2.1\r\n"); });
  ASSERT_TRUE(Until([&] { return client_->stats().failures >= 2; }));
  EXPECT_EQ(client_->health(),
            absl::FailedPreconditionError("redis 6.2.1 is too old: 7.0 or newer is needed"));
  EXPECT_THAT(recorder_.heard, ElementsAre());
}

TEST_F(FakeRedisTest, LoadingIsWaitedFor) {
  int pings = 0;
  Start([&pings](absl::string_view request) -> std::string {
    if (absl::StrContains(request, "INFO")) return Bulk("redis_version:7.0.15\r\n");
    if (++pings < 4) return "-LOADING Redis is loading the dataset in memory\r\n";
    return "+PONG\r\n";
  });
  ASSERT_TRUE(Until([&] { return client_->stats().failures == 3; }));
  EXPECT_THAT(std::string(client_->health().message()), HasSubstr("LOADING"));
  EXPECT_TRUE(Until([&] { return client_->up(); }));
}

TEST_F(FakeRedisTest, WhatIsNoRedisIsTold) {
  Start([](absl::string_view) { return "HTTP/1.1 400 Bad Request\r\n\r\n"; });
  ASSERT_TRUE(Until([&] { return client_->stats().failures >= 2; }));
  EXPECT_THAT(std::string(client_->health().message()), HasSubstr("not its protocol"));
}

TEST_F(FakeRedisTest, AnAnswerThatNobodyAskedForCostsTheConnection) {
  Start([](absl::string_view request) -> std::string {
    if (absl::StrContains(request, "INFO")) return Bulk("redis_version:7.0.15\r\n");
    if (absl::StrContains(request, "PING")) return "+PONG\r\n";
    return ":1\r\n:2\r\n";
  });
  ASSERT_TRUE(Until([&] { return client_->up(); }));
  EXPECT_EQ(Call({"GET", "x"})->integer, 1);
  ASSERT_TRUE(Until([&] { return recorder_.downs == 1; }));
  EXPECT_EQ(recorder_.last.code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(Until([&] { return recorder_.ups == 2; }));
}

}  // namespace
}  // namespace spanwire::redis
