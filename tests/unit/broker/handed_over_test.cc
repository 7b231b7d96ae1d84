#include "broker/handed_over.h"

#include <sys/socket.h>

#include <vector>

#include <gtest/gtest.h>

#include "core/base/file_descriptor.h"

namespace spanwire::broker {
namespace {

base::FileDescriptor Socket() { return base::FileDescriptor(::socket(AF_UNIX, SOCK_STREAM, 0)); }

TEST(HandedOverTest, ClosedOnesMakeRoomAlsoWhereTheirNumbersWereGivenOutAgain) {
  HandedOver connections(3);
  std::vector<base::FileDescriptor> open;
  absl::Duration now = absl::Seconds(1);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(connections.HasRoom(now));
    open.push_back(Socket());
    connections.Add(open.back().get());
  }
  EXPECT_FALSE(connections.HasRoom(now));

  const int number = open[1].get();
  open[1].Close();
  const base::FileDescriptor other = Socket();
  ASSERT_EQ(other.get(), number);
  EXPECT_FALSE(connections.HasRoom(now)) << "it was looked for just now";
  now += limits::kAcceptPause;
  EXPECT_TRUE(connections.HasRoom(now));
  EXPECT_EQ(connections.size(), 2u);

  open[0].Close();
  connections.Add(other.get());
  EXPECT_TRUE(connections.HasRoom(now + limits::kAcceptPause));
  EXPECT_EQ(connections.size(), 2u);
}

TEST(HandedOverTest, TheLastDescriptorsAreNotForAgents) {
  EXPECT_TRUE(LeavesReserve(0));
  EXPECT_FALSE(LeavesReserve(1 << 30));
}

}  // namespace
}  // namespace spanwire::broker
