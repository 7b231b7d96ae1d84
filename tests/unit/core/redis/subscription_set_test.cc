#include "core/redis/subscription_set.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/limits.h"
#include "tests/support/fake_commands.h"

namespace spanwire::redis {
namespace {

using ::spanwire::test::Array;
using ::spanwire::test::ErrorReply;
using ::spanwire::test::Integer;
using ::spanwire::test::Text;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SubscriptionSetTest : public ::testing::Test, public PubSubListener {
 protected:
  void OnPubSubUp() override {}
  void OnPubSubDown(const absl::Status&) override {}
  void OnSubscribed(absl::string_view channel) override {
    heard_.push_back(absl::StrCat("+", channel));
    if (on_subscribed_) on_subscribed_(channel);
  }
  void OnSubscribeFailed(absl::string_view channel, const absl::Status& why) override {
    EXPECT_EQ(why.code(), absl::StatusCode::kPermissionDenied);
    heard_.push_back(absl::StrCat("!", channel));
  }
  void OnMessage(absl::string_view channel, std::string payload) override {
    heard_.push_back(absl::StrCat(channel, "=", payload));
  }

  // All that is to be sent now, as text.
  std::vector<std::string> Sent() {
    std::vector<std::string> sent;
    for (auto args = set_.Next(); !args.empty(); args = set_.Next()) {
      sent.push_back(absl::StrJoin(args, " "));
    }
    return sent;
  }
  void Answer(const char* kind, const std::string& channel) {
    const absl::Status status = set_.OnReply(Array({Text(kind), Text(channel), Integer(1)}));
    EXPECT_TRUE(status.ok()) << status;
  }
  void Message(const std::string& channel, const std::string& payload) {
    const absl::Status status =
        set_.OnReply(Array({Text("message"), Text(channel), Text(payload)}));
    EXPECT_TRUE(status.ok()) << status;
  }
  std::vector<std::string> Heard() { return std::exchange(heard_, {}); }

  SubscriptionSet set_{this};
  std::vector<std::string> heard_;
  std::function<void(absl::string_view)> on_subscribed_;
};

TEST_F(SubscriptionSetTest, NothingIsSentWithoutAConnection) {
  set_.Subscribe("a");
  EXPECT_FALSE(set_.ready());
  EXPECT_THAT(Sent(), IsEmpty());
  set_.OnUp();
  EXPECT_TRUE(set_.ready());
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a"));
}

TEST_F(SubscriptionSetTest, MessagesAreDeliveredFromTheConfirmationOn) {
  set_.OnUp();
  set_.Subscribe("a");
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a"));
  EXPECT_EQ(set_.wanted(), 1u);
  EXPECT_EQ(set_.confirmed(), 0u);
  Answer("subscribe", "a");
  Message("a", "1");
  Message("other", "2");
  EXPECT_THAT(Heard(), ElementsAre("+a", "a=1"));
  EXPECT_EQ(set_.confirmed(), 1u);
  EXPECT_EQ(set_.unanswered(), 0u);
}

TEST_F(SubscriptionSetTest, ChannelsOfATurnShareACommand) {
  set_.OnUp();
  for (size_t i = 0; i < limits::kSubscribeChannels + 1; ++i) set_.Subscribe(absl::StrCat("c", i));
  EXPECT_EQ(set_.Next().size(), limits::kSubscribeChannels + 1);
  EXPECT_THAT(set_.Next(), ElementsAre("SUBSCRIBE", absl::StrCat("c", limits::kSubscribeChannels)));
  EXPECT_THAT(Sent(), IsEmpty());
}

TEST_F(SubscriptionSetTest, UnansweredCommandsAreBounded) {
  set_.OnUp();
  const size_t channels = limits::kSubscribeChannels * (limits::kSubscribeCommands + 3);
  for (size_t i = 0; i < channels; ++i) set_.Subscribe(absl::StrCat("c", i));
  EXPECT_EQ(Sent().size(), limits::kSubscribeCommands);
  EXPECT_FALSE(set_.ready());
  for (size_t i = 0; i < limits::kSubscribeChannels; ++i) Answer("subscribe", absl::StrCat("c", i));
  EXPECT_TRUE(set_.ready());
  EXPECT_EQ(Sent().size(), 1u);
}

TEST_F(SubscriptionSetTest, PingPassesAFullWindow) {
  set_.OnUp();
  const size_t channels = limits::kSubscribeChannels * (limits::kSubscribeCommands + 1);
  for (size_t i = 0; i < channels; ++i) set_.Subscribe(absl::StrCat("c", i));
  Sent();
  set_.Ping();
  EXPECT_THAT(Sent(), ElementsAre("PING"));
}

TEST_F(SubscriptionSetTest, OnlyOnePingIsUnanswered) {
  set_.OnUp();
  set_.Ping();
  EXPECT_THAT(Sent(), ElementsAre("PING"));
  set_.Ping();
  EXPECT_THAT(Sent(), IsEmpty());
  // Without subscriptions Redis answers as to any command, with them in the manner of a message.
  ASSERT_TRUE(set_.OnReply({Reply::Type::kStatus, 0, "PONG", {}}).ok());
  set_.Ping();
  EXPECT_THAT(Sent(), ElementsAre("PING"));
  ASSERT_TRUE(set_.OnReply(Array({Text("pong"), Text("")})).ok());
  EXPECT_EQ(set_.unanswered(), 0u);
}

TEST_F(SubscriptionSetTest, AfterUnsubscribeNoMessageArrives) {
  set_.OnUp();
  set_.Subscribe("a");
  Sent();
  Answer("subscribe", "a");
  Heard();
  set_.Unsubscribe("a");
  EXPECT_EQ(set_.wanted(), 0u);
  EXPECT_EQ(set_.confirmed(), 0u);
  Message("a", "late");
  EXPECT_THAT(Sent(), ElementsAre("UNSUBSCRIBE a"));
  Message("a", "later");
  Answer("unsubscribe", "a");
  EXPECT_THAT(Heard(), IsEmpty());
}

TEST_F(SubscriptionSetTest, SubscribeAndUnsubscribeInOneTurnSendNothing) {
  set_.OnUp();
  set_.Subscribe("a");
  set_.Unsubscribe("a");
  EXPECT_THAT(Sent(), IsEmpty());
  EXPECT_FALSE(set_.ready());
  set_.Subscribe("a");
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a"));
}

TEST_F(SubscriptionSetTest, UnsubscribeAndSubscribeInOneTurnConfirmAgain) {
  set_.OnUp();
  set_.Subscribe("a");
  Sent();
  Answer("subscribe", "a");
  Heard();
  set_.Unsubscribe("a");
  set_.Subscribe("a");
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a"));
  Message("a", "of the old subscription");
  EXPECT_THAT(Heard(), IsEmpty());
  Answer("subscribe", "a");
  Message("a", "new");
  EXPECT_THAT(Heard(), ElementsAre("+a", "a=new"));
}

TEST_F(SubscriptionSetTest, AStaleConfirmationIsNotTakenForANewerOne) {
  set_.OnUp();
  set_.Subscribe("a");
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a"));
  set_.Unsubscribe("a");
  EXPECT_THAT(Sent(), ElementsAre("UNSUBSCRIBE a"));
  set_.Subscribe("a");
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a"));
  Answer("subscribe", "a");  // the first one's
  Message("a", "between");
  Answer("unsubscribe", "a");
  EXPECT_THAT(Heard(), IsEmpty());
  Answer("subscribe", "a");
  EXPECT_THAT(Heard(), ElementsAre("+a"));
}

TEST_F(SubscriptionSetTest, AStaleConfirmationBeforeTheNewCommandLeaves) {
  set_.OnUp();
  set_.Subscribe("a");
  Sent();
  set_.Unsubscribe("a");
  set_.Subscribe("a");
  Answer("subscribe", "a");
  EXPECT_THAT(Heard(), IsEmpty());
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a"));
  Answer("subscribe", "a");
  EXPECT_THAT(Heard(), ElementsAre("+a"));
}

TEST_F(SubscriptionSetTest, SubscribingAgainConfirmsAgainWithoutAHole) {
  set_.OnUp();
  set_.Subscribe("a");
  set_.Subscribe("a");
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a"));
  set_.Subscribe("a");
  EXPECT_THAT(Sent(), IsEmpty()) << "its confirmation is under way";
  Answer("subscribe", "a");
  set_.Subscribe("a");
  Message("a", "1");
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a"));
  Message("a", "2");
  Answer("subscribe", "a");
  EXPECT_THAT(Heard(), ElementsAre("+a", "a=1", "a=2", "+a"));
  EXPECT_EQ(set_.wanted(), 1u);
  EXPECT_EQ(set_.confirmed(), 1u);
}

TEST_F(SubscriptionSetTest, ALossSubscribesEverythingAgain) {
  set_.OnUp();
  set_.Subscribe("a");
  set_.Subscribe("b");
  set_.Subscribe("c");
  Sent();
  Answer("subscribe", "a");
  Answer("subscribe", "b");
  set_.Unsubscribe("b");
  set_.Ping();
  Heard();
  set_.OnDown();
  EXPECT_EQ(set_.wanted(), 2u);
  EXPECT_EQ(set_.confirmed(), 0u);
  EXPECT_EQ(set_.unanswered(), 0u);
  EXPECT_THAT(Sent(), IsEmpty());
  set_.OnUp();
  const std::vector<absl::string_view> args = set_.Next();
  EXPECT_EQ(std::set<absl::string_view>(args.begin(), args.end()),
            (std::set<absl::string_view>{"SUBSCRIBE", "a", "c"}));
  const std::vector<std::string> order(args.begin() + 1, args.end());
  EXPECT_THAT(Sent(), IsEmpty()) << "a PING of the old connection";
  Answer("subscribe", order[0]);
  Answer("subscribe", order[1]);
  EXPECT_EQ(set_.confirmed(), 2u);
}

TEST_F(SubscriptionSetTest, AForbiddenChannelDoesNotTakeItsNeighboursDown) {
  set_.OnUp();
  for (const char* name : {"a", "forbidden", "b"}) set_.Subscribe(name);
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a forbidden b"));
  ASSERT_TRUE(set_.OnReply(ErrorReply("NOPERM No permissions to access a channel")).ok());
  EXPECT_THAT(Heard(), IsEmpty());
  EXPECT_THAT(Sent(), ElementsAre("SUBSCRIBE a", "SUBSCRIBE forbidden", "SUBSCRIBE b"));
  Answer("subscribe", "a");
  ASSERT_TRUE(set_.OnReply(ErrorReply("NOPERM No permissions to access a channel")).ok());
  Answer("subscribe", "b");
  EXPECT_THAT(Heard(), ElementsAre("+a", "!forbidden", "+b"));
  EXPECT_EQ(set_.confirmed(), 2u);
  EXPECT_EQ(set_.wanted(), 3u);

  // It is tried again with the next connection, and alone from the first.
  set_.OnDown();
  set_.OnUp();
  std::vector<std::string> sent = Sent();
  EXPECT_THAT(sent, ::testing::Contains("SUBSCRIBE forbidden"));
  EXPECT_LE(sent.size(), 3u);
}

TEST_F(SubscriptionSetTest, ARefusalThatAnUnsubscribeOvertookIsNotTold) {
  set_.OnUp();
  set_.Subscribe("a");
  Sent();
  set_.Unsubscribe("a");
  ASSERT_TRUE(set_.OnReply(ErrorReply("NOPERM")).ok());
  EXPECT_THAT(Heard(), IsEmpty());
}

TEST_F(SubscriptionSetTest, AnyOtherErrorCostsTheConnection) {
  set_.OnUp();
  set_.Subscribe("a");
  Sent();
  EXPECT_EQ(set_.OnReply(ErrorReply("ERR max number of clients")).code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(SubscriptionSetTest, WhatDoesNotFitCostsTheConnection) {
  set_.OnUp();
  set_.Subscribe("a");
  Sent();
  const Reply misfits[] = {
      Array({Text("subscribe"), Text("b"), Integer(1)}),
      Array({Text("unsubscribe"), Text("a"), Integer(1)}),
      Array({Text("pong"), Text("")}),
      Array({Text("message"), Text("a")}),
      Array({Text("pmessage"), Text("a"), Text("b")}),
      Array({}),
      Integer(3),
  };
  for (const Reply& misfit : misfits) {
    EXPECT_EQ(set_.OnReply(misfit).code(), absl::StatusCode::kInternal);
  }
}

TEST_F(SubscriptionSetTest, TheListenerMayChangeTheSet) {
  set_.OnUp();
  on_subscribed_ = [&](absl::string_view channel) {
    set_.Unsubscribe(std::string(channel));
    for (int i = 0; i < 100; ++i) set_.Subscribe(absl::StrCat("more", i));
  };
  set_.Subscribe("a");
  Sent();
  Answer("subscribe", "a");
  on_subscribed_ = nullptr;
  EXPECT_EQ(set_.wanted(), 100u);
  const std::vector<std::string> sent = Sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0], "UNSUBSCRIBE a");
}

}  // namespace
}  // namespace spanwire::redis
