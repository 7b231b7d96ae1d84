#include "broker/handed_over.h"

#include <sys/resource.h>
#include <sys/stat.h>

namespace spanwire::broker {
namespace {

// 0: it is not open.
ino_t InodeOf(int fd) {
  struct stat status;
  return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

bool HandedOver::HasRoom(absl::Duration now) {
  if (inodes_.size() < most_) return true;
  if (now < look_at_) return false;
  look_at_ = now + limits::kAcceptPause;
  absl::erase_if(inodes_, [](const auto& entry) { return InodeOf(entry.first) != entry.second; });
  return inodes_.size() < most_;
}

void HandedOver::Add(int fd) { inodes_[fd] = InodeOf(fd); }

bool LeavesReserve(int fd) {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return true;
  return static_cast<rlim_t>(fd) + limits::kReservedDescriptors < limit.rlim_cur;
}

}  // namespace spanwire::broker
