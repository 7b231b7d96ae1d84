#include "broker/control.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "spanwire/v1/control.pb.h"
#include "tests/support/fake_executor.h"
#include "tests/support/log_capture.h"

namespace spanwire::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ControlTest : public ::testing::Test, public redis::PubSub {
 protected:
  void Subscribe(absl::string_view channel) override { subscribed_.emplace_back(channel); }
  void Unsubscribe(absl::string_view) override {}
  void Reset(absl::Status) override {}

  void Say(const v1::Control& control) {
    control_.OnMessage("webgui:control", control.SerializeAsString());
  }

  test::LogCapture log_;
  test::FakeExecutor executor_;
  channel::Names names_{"webgui"};
  base::Metrics registry_;
  BrokerMetrics metrics_{&registry_};
  std::vector<std::string> subscribed_;
  std::vector<std::string> fences_;
  int verdicts_ = 0;
  Control control_{&executor_,
                   this,
                   &names_,
                   &metrics_,
                   [this](absl::string_view producer, uint64_t newer) {
                     fences_.push_back(absl::StrCat(producer, " ", newer));
                   },
                   [this] { ++verdicts_; }};
};

TEST_F(ControlTest, IsGoodOnceTheChannelWasSubscribedAlsoWhenItIsLostLater) {
  EXPECT_TRUE(absl::IsUnavailable(control_.verdict()));
  control_.Start();
  EXPECT_THAT(subscribed_, ElementsAre("webgui:control"));
  EXPECT_TRUE(absl::IsUnavailable(control_.verdict()));
  control_.OnSubscribed("webgui:control");
  EXPECT_TRUE(control_.verdict().ok());
  EXPECT_EQ(metrics_.control_up.value(), 1);
  control_.OnPubSubDown(absl::UnavailableError("cut"));
  EXPECT_TRUE(control_.verdict().ok());
  EXPECT_EQ(metrics_.control_up.value(), 0);
  control_.OnSubscribeFailed("webgui:control", absl::PermissionDeniedError("NOPERM"));
  EXPECT_TRUE(control_.verdict().ok());
  control_.OnSubscribed("webgui:control");
  EXPECT_EQ(metrics_.control_up.value(), 1);
  EXPECT_EQ(verdicts_, 1);
}

TEST_F(ControlTest, ARefusalNamesTheRightsAndIsTriedAgainEverySecond) {
  control_.Start();
  for (size_t tries = 1; tries < 4; ++tries) {
    control_.OnSubscribeFailed("webgui:control", absl::PermissionDeniedError("NOPERM"));
    EXPECT_TRUE(absl::IsPermissionDenied(control_.verdict()));
    EXPECT_THAT(std::string(control_.verdict().message()),
                HasSubstr("+subscribe and the channels &webgui:*"));
    EXPECT_EQ(subscribed_.size(), tries);
    executor_.Advance(limits::kProbeInterval);
    EXPECT_EQ(subscribed_.size(), tries + 1);
  }
  EXPECT_EQ(verdicts_, 1);
}

TEST_F(ControlTest, AFenceIsHandedOn) {
  v1::Control control;
  control.mutable_fence()->set_producer_id("p");
  control.mutable_fence()->set_producer_epoch(20);
  Say(control);
  EXPECT_THAT(fences_, ElementsAre("p 20"));
}

TEST_F(ControlTest, WhatDoesNotParseIsCountedAndLoggedAndNothingElse) {
  control_.OnMessage("webgui:control", "\xff\xff\xff");
  control_.OnMessage("webgui:control", "s3cr3t");
  EXPECT_EQ(metrics_.control_refused.value(), 2);
  EXPECT_EQ(log_.Count("control message does not parse"), 2);
  EXPECT_EQ(log_.Count("s3cr3t"), 0);
  EXPECT_THAT(fences_, IsEmpty());
}

TEST_F(ControlTest, AKindOfANewerBrokerIsPassedOver) {
  Say({});
  control_.OnMessage("webgui:control", std::string("\x7a\x01x", 3));
  EXPECT_EQ(metrics_.control_refused.value(), 0);
  EXPECT_THAT(fences_, IsEmpty());
}

}  // namespace
}  // namespace spanwire::broker
