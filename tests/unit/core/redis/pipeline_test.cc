#include "core/redis/pipeline.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_commands.h"

namespace spanwire::redis {
namespace {

using ::spanwire::test::Integer;
using ::testing::ElementsAre;

class PipelineTest : public ::testing::Test {
 protected:
  Commands::Callback Note(std::string name) {
    return [this, name](absl::StatusOr<Reply> reply) {
      heard_.push_back(reply.ok() ? name + "=" + std::to_string(reply->integer)
                                  : name + ":" + std::string(reply.status().message()));
    };
  }

  std::vector<std::string> heard_;
};

TEST_F(PipelineTest, AnswersGoToTheOldest) {
  Pipeline pipeline;
  pipeline.Add(Note("a"), absl::Seconds(1));
  pipeline.Add(Note("b"), absl::Seconds(2));
  EXPECT_EQ(pipeline.unanswered(), 2u);
  ASSERT_TRUE(pipeline.OnReply(Integer(1)).ok());
  ASSERT_TRUE(pipeline.OnReply(Integer(2)).ok());
  EXPECT_THAT(heard_, ElementsAre("a=1", "b=2"));
  EXPECT_EQ(pipeline.unanswered(), 0u);
}

TEST_F(PipelineTest, DueIsTheOldestOnes) {
  Pipeline pipeline;
  EXPECT_EQ(pipeline.due(), absl::nullopt);
  pipeline.Add(Note("a"), absl::Seconds(1));
  pipeline.Add(Note("b"), absl::Seconds(2));
  EXPECT_EQ(pipeline.due(), absl::Seconds(1));
  ASSERT_TRUE(pipeline.OnReply(Integer(1)).ok());
  EXPECT_EQ(pipeline.due(), absl::Seconds(2));
}

TEST_F(PipelineTest, AnAnswerThatNobodyAskedForIsAnError) {
  Pipeline pipeline;
  EXPECT_EQ(pipeline.OnReply(Integer(1)).code(), absl::StatusCode::kInternal);
}

TEST_F(PipelineTest, ALossIsToldToAllInOrder) {
  Pipeline pipeline;
  pipeline.Add(Note("a"), absl::Seconds(1));
  pipeline.Add(Note("b"), absl::Seconds(2));
  pipeline.Fail(absl::UnavailableError("gone"));
  EXPECT_THAT(heard_, ElementsAre("a:gone", "b:gone"));
  EXPECT_EQ(pipeline.due(), absl::nullopt);
}

TEST_F(PipelineTest, WhatACallbackAddsBelongsToTheNextConnection) {
  Pipeline pipeline;
  pipeline.Add([&](const absl::StatusOr<Reply>&) { pipeline.Add(Note("again"), absl::Seconds(9)); },
               absl::Seconds(1));
  pipeline.Add(Note("b"), absl::Seconds(2));
  pipeline.Fail(absl::UnavailableError("gone"));
  EXPECT_THAT(heard_, ElementsAre("b:gone"));
  EXPECT_EQ(pipeline.unanswered(), 1u);
  EXPECT_EQ(pipeline.due(), absl::Seconds(9));
}

TEST_F(PipelineTest, UnansweredCommandsAreBounded) {
  Pipeline pipeline(1'000, 2);
  EXPECT_TRUE(pipeline.Admit(0, 10).ok());
  pipeline.Add(Note("a"), absl::Seconds(1));
  pipeline.Add(Note("b"), absl::Seconds(1));
  EXPECT_EQ(pipeline.Admit(0, 10).code(), absl::StatusCode::kResourceExhausted);
  ASSERT_TRUE(pipeline.OnReply(Integer(1)).ok());
  EXPECT_TRUE(pipeline.Admit(0, 10).ok());
}

TEST_F(PipelineTest, UnsentBytesAreBounded) {
  const Pipeline pipeline(1'000, 10);
  EXPECT_TRUE(pipeline.Admit(990, 10).ok());
  EXPECT_EQ(pipeline.Admit(991, 10).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(pipeline.Admit(0, 1'001).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(pipeline.Admit(5'000, 1).code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace spanwire::redis
