#include "bridge/feeds.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "tests/support/fake_commands.h"
#include "tests/support/fake_executor.h"

namespace spanwire::bridge {
namespace {

using channel::Ask;
using channel::Position;
using test::Array;
using test::ErrorReply;
using test::Integer;
using test::Text;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FeedsTest : public ::testing::Test, public redis::PubSub {
 protected:
  FeedsTest() { feeds_.set_pubsub(this); }

  void Subscribe(absl::string_view channel) override { subscribed_.emplace_back(channel); }
  void Unsubscribe(absl::string_view) override { ++unsubscribed_; }
  void Reset(absl::Status) override {}

  // Follows and confirms, at 7-3.
  void Follow(uint64_t topic, const std::string& channel) {
    feeds_.OnRequest({0, topic, FeedRequest::Attach{channel}});
    for (const std::string& begun : std::exchange(subscribed_, {})) feeds_.OnSubscribed(begun);
    Serve();
  }
  void Leave(uint64_t topic) { feeds_.OnRequest({0, topic, FeedRequest::Detach{}}); }
  // Answers what Redis was asked: quiet channels. Returns how many logs were read.
  int Serve() {
    int reads = 0;
    while (redis_.waiting() > 0) {
      if (redis_.next()[0] == "SET") {
        redis_.Answer(Text("7-3"));
      } else if (redis_.next()[0] == "XRANGE") {
        ++reads;
        redis_.Answer(Array({Array({Text("7-3"), Array({Text("e"), Text("")})})}));
      } else {
        redis_.Answer(Integer(1));
      }
    }
    return reads;
  }
  void OnDelivery(size_t loop, Delivery delivery) {
    if (const auto* refused = std::get_if<Delivery::Refused>(&delivery.what)) {
      said_.push_back(absl::StrCat(loop, "/", delivery.topic, " refused ",
                                   absl::StatusCodeToString(refused->why.code())));
    } else if (const auto* none = std::get_if<Delivery::NoAnswer>(&delivery.what)) {
      said_.push_back(absl::StrCat("no answer for ", none->reader, " ",
                                   absl::StatusCodeToString(none->why.code())));
    } else if (const auto* answer = std::get_if<Delivery::Answer>(&delivery.what)) {
      said_.push_back(absl::StrCat("answer for ", answer->reader));
    }
  }

  test::FakeExecutor executor_;
  test::FakeCommands redis_;
  channel::Names names_{"webgui"};
  redis::RedisClock clock_{&executor_, &redis_};
  channel::LogReader reader_{&executor_, &redis_, &clock_, &names_, limits::kLogTtl};
  std::vector<std::string> subscribed_;
  int unsubscribed_ = 0;
  std::vector<std::string> said_;
  Feeds feeds_{&executor_, &reader_,
               [this](size_t loop, Delivery delivery) { OnDelivery(loop, std::move(delivery)); },
               true};
};

TEST_F(FeedsTest, AFeedIsVerifiedInTimeWhateverComesAndGoes) {
  Follow(1, "webgui:user:live");
  uint64_t topic = 1;
  absl::Duration unread;
  for (absl::Duration spent; spent < absl::Minutes(5); spent += absl::Seconds(1)) {
    for (int i = 0; i < 20; ++i) {
      ++topic;
      Follow(topic, absl::StrCat("webgui:session:", topic));
      Leave(topic);
    }
    executor_.Advance(absl::Seconds(1));
    unread += absl::Seconds(1);
    bool verified = false;
    while (redis_.waiting() > 0) {
      if (redis_.next()[0] == "XRANGE") {
        verified |= redis_.next()[1] == names_.LogKey("webgui:user:live");
        redis_.Answer(Array({Array({Text("7-3"), Array({Text("e"), Text("")})})}));
      } else {
        redis_.Answer(Integer(1));
      }
    }
    if (verified) unread = absl::ZeroDuration();
    ASSERT_LE(unread, limits::kVerifyInterval + absl::Seconds(2));
    ASSERT_LE(feeds_.size(), 1u + 20u * 31u) << "those that nobody follows linger no longer";
  }
}

TEST_F(FeedsTest, AFeedThatIsFollowedAgainInTimeStays) {
  Follow(1, "webgui:user:a");
  Leave(1);
  executor_.Advance(limits::kFeedLinger - absl::Seconds(1));
  Follow(2, "webgui:user:a");
  executor_.Advance(limits::kFeedLinger * 2);
  EXPECT_EQ(feeds_.size(), 1u);
  Serve();
  Leave(2);
  executor_.Advance(limits::kFeedLinger + absl::Seconds(1));
  EXPECT_EQ(feeds_.size(), 0u);
  EXPECT_EQ(unsubscribed_, 1);
}

TEST_F(FeedsTest, AChannelThatCannotBeReadIsRefusedAndMayBeAskedForAgain) {
  Follow(1, "webgui:user:a");
  feeds_.VerifyAll();
  redis_.Answer(ErrorReply("WRONGTYPE Operation against a key holding the wrong kind of value"));
  executor_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(said_, ElementsAre("0/1 refused FAILED_PRECONDITION"));
  EXPECT_EQ(feeds_.size(), 0u);
  Leave(1);  // the loop did not know yet
  feeds_.OnRequest({0, 2, FeedRequest::Attach{"webgui:user:a"}});
  EXPECT_THAT(subscribed_, ElementsAre("webgui:user:a"));
  feeds_.OnSubscribed("webgui:user:a");
  redis_.Answer(ErrorReply("NOPERM No permissions to access a key"));
  executor_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(said_.back(), "0/2 refused PERMISSION_DENIED");
}

TEST_F(FeedsTest, ReadersThatLeftAreNotKept) {
  Follow(1, "webgui:user:a");
  for (uint64_t reader = 1; reader <= 1'000; ++reader) {
    feeds_.OnRequest({0, 1, FeedRequest::Read{reader, {Ask::Kind::kLast, absl::nullopt, 9}}});
    feeds_.OnRequest({0, 1, FeedRequest::Cancel{reader}});
  }
  EXPECT_EQ(feeds_.counters().readers, 0u);
  EXPECT_EQ(redis_.waiting(), 1u);
}

TEST_F(FeedsTest, ReadersThatWaitHaveABound) {
  Follow(1, "webgui:user:a");
  for (uint64_t reader = 0; reader < limits::kReadersWaiting; ++reader) {
    feeds_.OnRequest({0, 1, FeedRequest::Read{reader, {Ask::Kind::kRange, Position{7, 1}, 0}}});
  }
  EXPECT_THAT(said_, IsEmpty());
  feeds_.OnRequest(
      {0, 1, FeedRequest::Read{limits::kReadersWaiting, {Ask::Kind::kRange, Position{7, 1}, 0}}});
  EXPECT_THAT(said_, ElementsAre("no answer for 100000 RESOURCE_EXHAUSTED"));
}

}  // namespace
}  // namespace spanwire::bridge
