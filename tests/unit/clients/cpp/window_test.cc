#include "clients/cpp/window.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "spanwire/v1/publisher.pb.h"

namespace spanwire::client {
namespace {

std::string Encoded(size_t text_bytes = 1) {
  v1::Event event;
  event.mutable_log_line()->set_text(std::string(text_bytes, 'x'));
  return event.SerializeAsString();
}

v1::Batch Parsed(const std::string& frame) {
  v1::PublishStreamRequest request;
  EXPECT_TRUE(request.ParseFromString(frame));
  EXPECT_TRUE(request.has_batch());
  return request.batch();
}

void PushMany(Window* window, int count) {
  for (int i = 0; i < count; ++i) window->Push(Encoded());
}

TEST(WindowTest, SequencesCountFromOne) {
  Window window({});
  EXPECT_EQ(window.Push(Encoded()), 1u);
  EXPECT_EQ(window.Push(Encoded()), 2u);
  EXPECT_EQ(window.first(), 1u);
  EXPECT_EQ(window.end(), 3u);
}

TEST(WindowTest, IsBoundedInEventsAndInBytes) {
  Window window({.events = 2, .bytes = 100});
  EXPECT_TRUE(window.HasRoom(100));
  EXPECT_FALSE(window.HasRoom(101));
  window.Push(std::string(60, 'x'));
  EXPECT_TRUE(window.HasRoom(40));
  EXPECT_FALSE(window.HasRoom(41));
  window.Push("y");
  EXPECT_FALSE(window.HasRoom(1));
}

TEST(WindowTest, AcknowledgedEventsMakeRoomAgain) {
  Window window({.events = 2, .bytes = 100});
  window.Push(std::string(60, 'x'));
  window.Push("y");
  window.Grant(10);
  ASSERT_FALSE(window.TakeBatch().empty());
  ASSERT_TRUE(window.Acknowledge(1));
  EXPECT_TRUE(window.HasRoom(99));
  EXPECT_FALSE(window.HasRoom(100));
  EXPECT_EQ(window.acked(), 1u);
}

TEST(WindowTest, NothingIsSentWithoutCredits) {
  Window window({});
  PushMany(&window, 3);
  EXPECT_FALSE(window.Sendable());
  EXPECT_TRUE(window.TakeBatch().empty());
  window.Grant(2);
  EXPECT_EQ(Parsed(window.TakeBatch()).events_size(), 2);
  EXPECT_TRUE(window.TakeBatch().empty());
  window.Acknowledge(1);
  EXPECT_EQ(Parsed(window.TakeBatch()).first_sequence(), 3u);
}

TEST(WindowTest, FewerCreditsThanAreInFlightSendNothing) {
  Window window({});
  PushMany(&window, 5);
  window.Grant(4);
  window.TakeBatch();
  window.Grant(2);
  EXPECT_TRUE(window.TakeBatch().empty());
  window.Acknowledge(3);
  EXPECT_EQ(Parsed(window.TakeBatch()).first_sequence(), 5u);
}

TEST(WindowTest, ABatchIsWhatTheContractSays) {
  Window window({});
  v1::Event event;
  event.set_session_id("s");
  event.mutable_metric()->set_value(0.5);
  window.Push(event.SerializeAsString());
  window.Push("");
  window.Grant(10);
  const v1::Batch batch = Parsed(window.TakeBatch());
  EXPECT_EQ(batch.first_sequence(), 1u);
  ASSERT_EQ(batch.events_size(), 2);
  EXPECT_EQ(batch.events(0).SerializeAsString(), event.SerializeAsString());
  EXPECT_EQ(batch.events(1).ByteSizeLong(), 0u);
}

TEST(WindowTest, ABatchHasAtMost1024Events) {
  Window window({});
  PushMany(&window, 1500);
  window.Grant(8192);
  EXPECT_EQ(Parsed(window.TakeBatch()).events_size(), 1024);
  const v1::Batch rest = Parsed(window.TakeBatch());
  EXPECT_EQ(rest.first_sequence(), 1025u);
  EXPECT_EQ(rest.events_size(), 476);
}

TEST(WindowTest, ABatchHasAtMostOneMebibyte) {
  Window window({});
  for (int i = 0; i < 9; ++i) window.Push(Encoded(200'000));
  window.Grant(8192);
  int events = 0;
  for (std::string frame; !(frame = window.TakeBatch()).empty();) {
    EXPECT_LE(frame.size(), 1'048'576u);
    events += Parsed(frame).events_size();
  }
  EXPECT_EQ(events, 9);
}

TEST(WindowTest, TheBrokersSmallerBoundsHoldAndLargerOnesDoNot) {
  Window window({});
  PushMany(&window, 3000);
  window.Grant(8192);
  window.LimitBatch(10, 0);
  EXPECT_EQ(Parsed(window.TakeBatch()).events_size(), 10);
  window.LimitBatch(5000, 50'000'000);
  EXPECT_EQ(Parsed(window.TakeBatch()).events_size(), 1024);
  window.LimitBatch(0, 200);
  EXPECT_LE(window.TakeBatch().size(), 200u);
}

TEST(WindowTest, OneEventAlwaysFitsIntoABatch) {
  Window window({});
  window.Push(Encoded(1000));
  window.LimitBatch(1, 10);
  window.Grant(1);
  EXPECT_EQ(Parsed(window.TakeBatch()).events_size(), 1);
}

TEST(WindowTest, ANewStreamSendsEverythingUnacknowledgedAgainInOrder) {
  Window window({});
  PushMany(&window, 6);
  window.Grant(4);
  window.TakeBatch();
  window.Acknowledge(2);
  window.Rewind();
  EXPECT_TRUE(window.TakeBatch().empty()) << "before the new stream granted credits";
  window.Grant(100);
  const v1::Batch batch = Parsed(window.TakeBatch());
  EXPECT_EQ(batch.first_sequence(), 3u);
  EXPECT_EQ(batch.events_size(), 4);
  EXPECT_EQ(window.resent(), 2u) << "5 and 6 had never been sent";
}

TEST(WindowTest, AnAcknowledgementOfWhatWasNotSentIsRefused) {
  Window window({});
  PushMany(&window, 3);
  window.Grant(2);
  window.TakeBatch();
  EXPECT_FALSE(window.Acknowledge(3));
  EXPECT_EQ(window.first(), 1u);
  EXPECT_TRUE(window.Acknowledge(2));
  EXPECT_TRUE(window.Acknowledge(1)) << "an old one changes nothing";
  EXPECT_EQ(window.first(), 3u);
}

TEST(WindowTest, ANackIsToldOnceAlsoAfterAReconnect) {
  Window window({});
  PushMany(&window, 2);
  window.Grant(2);
  window.TakeBatch();
  EXPECT_FALSE(window.Nack(3));
  EXPECT_TRUE(window.Nack(1));
  EXPECT_FALSE(window.Nack(1));
  window.Rewind();
  window.Grant(2);
  window.TakeBatch();
  EXPECT_FALSE(window.Nack(1));
  window.Acknowledge(2);
  EXPECT_EQ(window.nacked(), 1u);
  EXPECT_EQ(window.acked(), 1u);
}

TEST(WindowTest, SuspectsAreSentOneAtATimeUntilAllAreThrough) {
  Window window({});
  PushMany(&window, 3);
  window.Grant(3);
  window.TakeBatch();
  EXPECT_EQ(window.DropCulprit(), 0u) << "there are three of them";
  window.Suspect();
  PushMany(&window, 5);
  window.Rewind();
  window.Grant(100);
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    const v1::Batch batch = Parsed(window.TakeBatch());
    EXPECT_EQ(batch.first_sequence(), sequence);
    EXPECT_EQ(batch.events_size(), 1);
    EXPECT_TRUE(window.TakeBatch().empty()) << "until it is acknowledged";
    window.Acknowledge(sequence);
  }
  EXPECT_EQ(Parsed(window.TakeBatch()).events_size(), 5);
}

TEST(WindowTest, TheCulpritIsDroppedAndTheOthersGoOn) {
  Window window({});
  PushMany(&window, 3);
  window.Grant(3);
  window.TakeBatch();
  window.Suspect();
  window.Rewind();
  window.Grant(3);
  window.TakeBatch();
  window.Acknowledge(1);
  window.TakeBatch();
  EXPECT_EQ(window.DropCulprit(), 2u);
  EXPECT_EQ(window.nacked(), 1u);
  window.Rewind();
  window.Grant(3);
  EXPECT_EQ(Parsed(window.TakeBatch()).first_sequence(), 3u);
}

TEST(WindowTest, WithNothingInFlightNobodyIsSuspected) {
  Window window({});
  PushMany(&window, 2);
  window.Suspect();
  window.Grant(2);
  EXPECT_EQ(window.DropCulprit(), 0u);
  EXPECT_EQ(Parsed(window.TakeBatch()).events_size(), 2);
}

}  // namespace
}  // namespace spanwire::client
