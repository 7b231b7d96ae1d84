#include "core/channel/replica_barrier.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"

namespace spanwire::channel {
namespace {

using test::ErrorReply;
using test::Integer;
using test::Nil;
using test::Text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReplicaBarrierTest : public ::testing::Test {
 protected:
  void Await(const std::string& name) {
    barrier_.Await([this, name](const absl::Status& status) {
      said_.push_back(absl::StrCat(name, " ", status.ok() ? "ok" : status.message()));
      EXPECT_TRUE(status.ok() || absl::IsUnavailable(status));
    });
  }
  // Redis has set the marker of the oldest that waits for that.
  void Marked() {
    writes_.Answer(Text("OK"));
    executor_.RunPosted();
  }
  void Found(redis::Reply reply) { waits_.Answer(std::move(reply)); }
  void Waited(int64_t replicas) {
    waits_.Answer(Integer(replicas));
    executor_.RunPosted();
  }
  std::vector<std::string> Said() { return std::exchange(said_, {}); }

  std::vector<std::string> said_;
  test::FakeExecutor executor_;
  test::FakeCommands writes_;
  test::FakeCommands waits_;
  ReplicaBarrier barrier_{&executor_, &writes_, &waits_, "marker", {2, absl::Milliseconds(250)}};
};

TEST_F(ReplicaBarrierTest, TheMarkerIsFoundAndWrittenAgainBeforeWait) {
  Await("a");
  EXPECT_THAT(writes_.next(), ElementsAre("SET", "marker", "1", "PX", "86400000"));
  EXPECT_EQ(waits_.waiting(), 0u) << "the marker may not be there yet";
  Marked();
  EXPECT_THAT(waits_.next(), ElementsAre("GETEX", "marker", "PX", "86400000"));
  Found(Text("1"));
  EXPECT_THAT(waits_.next(), ElementsAre("WAIT", "2", "250"));
  EXPECT_THAT(Said(), IsEmpty());
  Waited(2);
  EXPECT_THAT(Said(), ElementsAre("a ok"));
}

TEST_F(ReplicaBarrierTest, WhatIsMarkedInOneTurnOrDuringAWaitSharesAWait) {
  Await("a");
  Await("b");
  writes_.Answer(Text("OK"));
  Marked();
  ASSERT_EQ(waits_.waiting(), 2u) << "one GETEX, one WAIT";
  Await("c");
  Await("d");
  Marked();
  Marked();
  EXPECT_EQ(waits_.waiting(), 2u);
  Found(Text("4"));
  Waited(3);
  EXPECT_THAT(Said(), ElementsAre("a ok", "b ok"));
  ASSERT_EQ(waits_.waiting(), 2u);
  Found(Text("4"));
  Waited(2);
  EXPECT_THAT(Said(), ElementsAre("c ok", "d ok"));
  EXPECT_EQ(waits_.waiting(), 0u);
}

TEST_F(ReplicaBarrierTest, TooFewReplicasAreAnErrorAndTheNextOnesAreAskedAnew) {
  Await("a");
  Marked();
  Found(Text("1"));
  Await("b");
  Marked();
  Waited(1);
  EXPECT_THAT(Said(),
              ElementsAre("a ack level replicated was not reached: 1 of 2 replicas within 250ms"));
  Found(Text("2"));
  Waited(2);
  EXPECT_THAT(Said(), ElementsAre("b ok"));
}

TEST_F(ReplicaBarrierTest, WithoutItsConnectionOrRightsItIsAnError) {
  Await("a");
  writes_.Answer(ErrorReply("NOPERM no such key"));
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("redis says NOPERM")));
  Await("b");
  Marked();
  waits_.Answer(absl::UnavailableError("cut"));
  waits_.Answer(absl::UnavailableError("cut"));
  EXPECT_THAT(Said(), ElementsAre("b ack level replicated was not reached: cut"));
  Await("c");
  Marked();
  Found(Text("3"));
  waits_.Answer(ErrorReply("UNBLOCKED master -> replica"));
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("redis says UNBLOCKED")));
  Await("d");
  Marked();
  Found(ErrorReply("READONLY a replica"));
  waits_.Answer(ErrorReply("ERR WAIT cannot be used with replica instances"));
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("redis says READONLY")));
  EXPECT_FALSE(waits_.reset().ok());
  EXPECT_TRUE(writes_.reset().ok()) << "it will find out by itself";
}

TEST_F(ReplicaBarrierTest, AServerWithoutTheMarkerIsAnotherOneHoweverManyReplicasItHas) {
  for (const redis::Reply& found : {Nil(), Text("0"), Text("garbage")}) {
    test::FakeCommands writes;
    test::FakeCommands waits;
    ReplicaBarrier barrier(&executor_, &writes, &waits, "marker", {1, absl::Seconds(1)});
    absl::Status status;
    barrier.Await([&](const absl::Status& s) { status = s; });
    writes.Answer(Text("OK"));
    executor_.RunPosted();
    waits.Answer(found);
    EXPECT_FALSE(writes.reset().ok()) << "what else was written there is void too";
    waits.Answer(Integer(5));
    EXPECT_THAT(std::string(status.message()), HasSubstr("flushed or replaced"));
  }
}

TEST_F(ReplicaBarrierTest, AfterALostConnectionNobodyHearsOfWhatWasBefore) {
  Await("answered late");
  Marked();
  Await("not waited for");
  writes_.Answer(Text("OK"));
  Await("not marked");
  writes_.Answer(absl::UnavailableError("cut"));
  barrier_.Clear();
  EXPECT_FALSE(waits_.reset().ok()) << "the two connections begin anew together";
  Found(Text("1"));
  Waited(2);
  EXPECT_THAT(Said(), IsEmpty());
  Await("new");
  EXPECT_EQ(writes_.next()[2], "4") << "never a number of the connection before";
  Marked();
  Found(Text("4"));
  Waited(2);
  EXPECT_THAT(Said(), ElementsAre("new ok"));
}

TEST_F(ReplicaBarrierTest, AnswersThatOutliveItAreNobodys) {
  auto barrier = std::make_unique<ReplicaBarrier>(&executor_, &writes_, &waits_, "marker",
                                                  ReplicaBarrier::Options());
  barrier->Await([](const absl::Status&) { FAIL(); });
  barrier->Await([](const absl::Status&) { FAIL(); });
  Marked();
  barrier.reset();
  Marked();
  Found(Text("1"));
  Waited(1);
}

}  // namespace
}  // namespace spanwire::channel
