// echo-server [--listen ADDRESS] [--message-bytes N]: the echo server as a process, for conformance
// suites. Prints its address on a line of its own and runs until it is killed. Takes binary
// messages too.
#include <unistd.h>

#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "core/base/limits.h"
#include "tests/support/echo_server.h"

int main(int argc, char** argv) {
  spanwire::test::EchoServer::Options options;
  options.connection.binary = true;
  size_t message_bytes = spanwire::limits::kFrameBytes;
  for (int i = 1; i + 1 < argc; i += 2) {
    const absl::string_view flag = argv[i];
    if (flag == "--listen") {
      const absl::StatusOr<spanwire::base::Address> address =
          spanwire::base::Address::Parse(argv[i + 1]);
      if (address.ok()) options.address = *address;
    } else if (flag != "--message-bytes" || !absl::SimpleAtoi(argv[i + 1], &message_bytes)) {
      std::fprintf(stderr, "usage: %s [--listen ADDRESS] [--message-bytes N]\n", argv[0]);
      return 2;
    }
  }
  // With longer messages come more fragments and longer queues.
  options.connection.message_bytes = message_bytes;
  options.connection.fragments += message_bytes / 64;
  options.connection.most_bytes += 2 * message_bytes;
  spanwire::test::EchoServer server(options);
  if (const absl::Status status = server.Start(); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  std::printf("%s\n", server.address().ToString().c_str());
  std::fflush(stdout);
  for (;;) ::pause();
}
