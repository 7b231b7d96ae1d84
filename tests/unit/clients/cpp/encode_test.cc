#include "clients/cpp/encode.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spanwire/v1/publisher.pb.h"

namespace spanwire::client {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const v1::Event& event) {
  const auto encoded = EncodeEvent(event);
  EXPECT_EQ(encoded.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(encoded.status().message());
}

TEST(EncodeTest, AGoodEventIsItsProtobufEncoding) {
  v1::Event event;
  event.set_session_id("sess_123");
  event.mutable_session_status_changed()->set_message("läuft ✓");
  EXPECT_EQ(*EncodeEvent(event), event.SerializeAsString());
}

TEST(EncodeTest, InvalidUtf8IsRefusedNamingTheField) {
  v1::Event event;
  event.mutable_log_line()->set_text("\xff");
  EXPECT_THAT(ErrorOf(event), HasSubstr("log_line.text: not UTF-8"));

  v1::Event channels;
  channels.add_channels("webgui:global");
  channels.add_channels("\xc0\xaf");
  EXPECT_THAT(ErrorOf(channels), HasSubstr("channels[1]: not UTF-8"));

  v1::Event labels;
  (*labels.mutable_metric()->mutable_labels())["host"] = "\xed\xa0\x80";
  EXPECT_THAT(ErrorOf(labels), HasSubstr("metric.labels[0].value: not UTF-8"));
}

TEST(EncodeTest, BytesNeedNotBeUtf8) {
  v1::Event event;
  event.mutable_custom()->set_json("\xff");
  EXPECT_TRUE(EncodeEvent(event).ok());
}

TEST(EncodeTest, TheLargestEventIsAcceptedAndOneByteMoreIsNot) {
  v1::Event event;
  event.mutable_log_line()->set_text(std::string(262'000, 'x'));
  event.mutable_log_line()->mutable_text()->append(262'144 - event.ByteSizeLong(), 'x');
  ASSERT_EQ(event.ByteSizeLong(), 262'144u);
  EXPECT_TRUE(EncodeEvent(event).ok());
  event.mutable_log_line()->mutable_text()->push_back('x');
  EXPECT_THAT(ErrorOf(event), HasSubstr("262145 bytes encoded; at most 262144"));
}

// A struct value inside a struct value … `levels` times.
v1::Event Nested(int levels) {
  v1::Event event;
  google::protobuf::Struct* inner = event.mutable_state_snapshot()->mutable_snapshot();
  for (int i = 0; i < levels; ++i) inner = (*inner->mutable_fields())["k"].mutable_struct_value();
  return event;
}

TEST(EncodeTest, WhatIsNotTooDeepForUsIsNotTooDeepForAParserOfTheBatch) {
  int accepted = 0;
  for (int levels = 0; levels < 60; ++levels) {
    const auto encoded = EncodeEvent(Nested(levels));
    if (!encoded.ok()) {
      EXPECT_THAT(std::string(encoded.status().message()), HasSubstr("state_snapshot: nested"));
      continue;
    }
    ++accepted;
    v1::PublishStreamRequest request;
    request.mutable_batch()->add_events()->ParseFromString(*encoded);
    EXPECT_TRUE(v1::PublishStreamRequest().ParseFromString(request.SerializeAsString())) << levels;
  }
  EXPECT_GT(accepted, 20);
  EXPECT_LT(accepted, 60);
}

TEST(EncodeTest, Utf8IsThatOfRfc3629) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8(absl::string_view("\0a", 2)));
  EXPECT_TRUE(
      IsUtf8("\xc2\x80 \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
  for (const char* bad :
       {"\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xef\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xe2\x82", "\xe2(\xa1", "\xff"}) {
    EXPECT_FALSE(IsUtf8(bad)) << testing::PrintToString(std::string(bad));
  }
}

}  // namespace
}  // namespace spanwire::client
