// A real redis-server of the test's own: on a unix socket (and, if asked, a free tcp port) in a
// temporary folder, without persistence unless arguments say otherwise. It dies with the object,
// and with the test process.
//
// Thread: any one at a time. Make it on the test's main thread: the server ends when the thread
// that started it does.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/redis/options.h"
#include "core/redis/reply.h"

namespace spanwire::test {

class RedisServer {
 public:
  enum class Start { kNow, kLater };

  // `extra_args` go to redis-server, e.g. {"--appendonly", "yes"}. kLater: nothing runs before
  // Restart. Returns when the server answers PING; aborts the process, with the server's output,
  // when it does not within 20 s.
  explicit RedisServer(std::vector<std::string> extra_args = {}, Start start = Start::kNow);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  // SIGKILL, and waits until it is gone.
  void Kill();
  // Starts it again (after Kill, if it runs): same folder, same socket, same port. Without
  // persistence its data is gone.
  void Restart();
  // SIGSTOP and SIGCONT.
  void Pause();
  void Resume();
  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }

  // Also listens on 127.0.0.1, on a port that was free; restarts the server the first time.
  uint16_t tcp_port();

  std::string url() const { return "unix://" + socket_; }
  const std::string& socket() const { return socket_; }
  const std::string& folder() const { return folder_; }
  redis::RedisOptions options() const;

  // Runs one command on a short connection of its own, as the user "default" without a password,
  // and waits for the answer (10 s). Aborts when there is none: an error that Redis answers is a
  // Reply.
  redis::Reply Command(std::initializer_list<absl::string_view> args) const;
  redis::Reply Command(const std::vector<std::string>& args) const;

 private:
  void Launch();
  bool WaitForPing();

  std::vector<std::string> extra_args_;
  std::string folder_;
  std::string socket_;
  uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace spanwire::test
