// A browser's side of a connection, byte by byte: blocking, with a deadline, and as ill-mannered as
// a test wants.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/address.h"
#include "core/base/file_descriptor.h"
#include "tests/support/client_frame.h"

namespace spanwire::test {

class WireClient {
 public:
  // `receive_buffer_bytes`: the kernel's; 0: the system's choice. Check connected().
  explicit WireClient(const base::Address& address, int receive_buffer_bytes = 0);
  bool connected() const { return fd_.valid(); }

  // False: the server has closed.
  bool Send(absl::string_view bytes);
  // As much as the kernel takes without waiting; returns how much.
  size_t SendSome(absl::string_view bytes);
  // Reads until the text so far satisfies `enough`, the end, or the deadline; returns all of it.
  std::string ReadUntil(absl::FunctionRef<bool(absl::string_view)> enough);
  std::string ReadAll();  // until the end
  bool ended() const { return ended_; }
  void ShutdownWrite();
  void Close() { fd_.Close(); }

  // A GET of `target` with further header lines ("X: 1\r\n…").
  static std::string Get(absl::string_view target, absl::string_view headers = "");
  // Asks for a WebSocket and reads the response's head, which is returned.
  std::string Upgrade(absl::string_view target = "/echo", absl::string_view headers = "");

  struct Frame {
    int opcode = -1;  // -1: the end, or the deadline
    bool fin = false;
    std::string payload;
    uint16_t code() const;       // of a close frame; 1005: none
    std::string reason() const;  // likewise
  };
  Frame ReadFrame();

 private:
  bool Receive();

  base::FileDescriptor fd_;
  std::string received_;
  bool ended_ = false;
};

// Whether `condition` becomes true within 20 s.
bool Eventually(absl::FunctionRef<bool()> condition);

}  // namespace spanwire::test
