#include "broker/descriptors.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include "spanwire/v1/publisher.pb.h"

namespace spanwire::broker {
namespace {

using ::testing::ElementsAre;

// Linked in, so registered.
const auto* const kSchema = v1::PublishRequest::descriptor();

std::vector<std::string> NamesOf(const absl::StatusOr<Files>& files) {
  std::vector<std::string> names;
  if (!files.ok()) return {std::string(files.status().message())};
  for (const std::string& file : *files) {
    google::protobuf::FileDescriptorProto proto;
    EXPECT_TRUE(proto.ParseFromString(file));
    names.push_back(proto.name());
  }
  return names;
}

TEST(DescriptorsTest, AFileComesWithAllThatItImportsEachOnce) {
  ASSERT_NE(kSchema, nullptr);
  EXPECT_THAT(NamesOf(FileByName("spanwire/v1/event.proto")),
              ElementsAre("spanwire/v1/event.proto", "google/protobuf/struct.proto",
                          "google/protobuf/timestamp.proto", "spanwire/v1/options.proto",
                          "google/protobuf/descriptor.proto"));
  EXPECT_THAT(NamesOf(FileByName("nope.proto")), ElementsAre("no such file"));
}

TEST(DescriptorsTest, SymbolsOfEveryKindAreFound) {
  for (const char* symbol :
       {"spanwire.v1.PublisherService", "spanwire.v1.PublisherService.Publish", "spanwire.v1.Batch",
        "spanwire.v1.Batch.events", "spanwire.v1.Flow.Level", "spanwire.v1.AckLevel",
        "spanwire.v1.Flow.LEVEL_OK"}) {
    EXPECT_EQ(NamesOf(FileContainingSymbol(symbol))[0], "spanwire/v1/publisher.proto") << symbol;
  }
  EXPECT_EQ(NamesOf(FileContainingSymbol("spanwire.v1.delivery"))[0], "spanwire/v1/options.proto");
  EXPECT_EQ(FileContainingSymbol("spanwire.v1.Nope").status().code(), absl::StatusCode::kNotFound);
}

TEST(DescriptorsTest, ExtensionsAreFound) {
  EXPECT_THAT(*ExtensionNumbers("google.protobuf.MessageOptions"),
              ElementsAre(51220, 51221, 51222));
  EXPECT_EQ(NamesOf(FileContainingExtension("google.protobuf.FieldOptions", 51230))[0],
            "spanwire/v1/options.proto");
  EXPECT_EQ(FileContainingExtension("google.protobuf.FieldOptions", 1).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(ExtensionNumbers("nope").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace spanwire::broker
