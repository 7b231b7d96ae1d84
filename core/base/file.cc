#include "core/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/limits.h"

namespace spanwire::base {
namespace {

absl::Status ReadError(const std::string& path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot read file ", path));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ReadError(path, errno);
  std::string content(max_bytes + 1, '\0');
  size_t size = 0;
  ssize_t count = 0;
  do {
    count = ::read(fd, content.data() + size, content.size() - size);
    if (count > 0) size += static_cast<size_t>(count);
  } while ((count > 0 && size < content.size()) || (count < 0 && errno == EINTR));
  const int error = errno;
  ::close(fd);
  if (count < 0) return ReadError(path, error);
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("file ", path, " has more than ", max_bytes, " bytes"));
  }
  content.resize(size);
  return content;
}

absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  absl::StatusOr<std::string> content = ReadFile(path, limits::kSecretBytes + 2);  // its line end
  if (!content.ok()) return content.status();
  absl::string_view secret = *content;
  if (absl::ConsumeSuffix(&secret, "\n")) absl::ConsumeSuffix(&secret, "\r");
  if (secret.empty()) return absl::InvalidArgumentError(absl::StrCat("file ", path, " is empty"));
  if (secret.size() > limits::kSecretBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("file ", path, " has more than ", limits::kSecretBytes, " bytes"));
  }
  if (secret.find_first_of(absl::string_view("\n\r\0", 3)) != secret.npos) {
    return absl::InvalidArgumentError(absl::StrCat("file ", path, " has more than one line"));
  }
  return std::string(secret);
}

}  // namespace spanwire::base
