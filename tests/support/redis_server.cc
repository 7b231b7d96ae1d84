#include "tests/support/redis_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "core/redis/resp.h"

namespace spanwire::test {
namespace {

constexpr auto kStartDeadline = std::chrono::seconds(20);
constexpr int kAnswerDeadlineSeconds = 10;

[[noreturn]] void Die(absl::string_view what) {
  std::cerr << "RedisServer: " << what << " (" << std::strerror(errno) << ")" << std::endl;
  std::abort();
}

// A blocking socket that gives up after `seconds`; -1 when nobody listens.
int ConnectUnix(const std::string& path, int seconds) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Die("socket");
  const timeval timeout = {seconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

absl::optional<redis::Reply> Ask(int fd, absl::Span<const absl::string_view> args) {
  std::string command;
  redis::AppendCommand(args, &command);
  for (size_t sent = 0; sent < command.size();) {
    const ssize_t n = send(fd, command.data() + sent, command.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return absl::nullopt;
    sent += static_cast<size_t>(n);
  }
  redis::ReplyParser parser;
  char buffer[16384];
  while (true) {
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return absl::nullopt;
    parser.Feed(absl::string_view(buffer, static_cast<size_t>(n)));
    absl::StatusOr<absl::optional<redis::Reply>> reply = parser.Next();
    if (!reply.ok()) return absl::nullopt;
    if (reply->has_value()) return **std::move(reply);
  }
}

uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Die("no free port");
  }
  close(fd);
  return ntohs(address.sin_port);
}

std::string MakeFolder() {
  std::string folder = (std::filesystem::temp_directory_path() / "spanwire-redis-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) Die("mkdtemp");
  return folder;
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> extra_args, Start start)
    : extra_args_(std::move(extra_args)), folder_(MakeFolder()), socket_(folder_ + "/redis.sock") {
  if (start == Start::kNow) Restart();
}

RedisServer::~RedisServer() {
  Kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RedisServer::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void RedisServer::Restart() {
  Kill();
  Launch();
  if (WaitForPing()) return;
  Kill();
  std::cerr << std::ifstream(folder_ + "/log").rdbuf();
  Die("redis-server does not answer; is it installed?");
}

void RedisServer::Pause() { kill(pid_, SIGSTOP); }

void RedisServer::Resume() { kill(pid_, SIGCONT); }

uint16_t RedisServer::tcp_port() {
  if (port_ == 0) {
    port_ = FreePort();
    Restart();
  }
  return port_;
}

redis::RedisOptions RedisServer::options() const {
  redis::RedisOptions options;
  options.address.unix_socket = true;
  options.address.host_or_path = socket_;
  return options;
}

redis::Reply RedisServer::Command(std::initializer_list<absl::string_view> args) const {
  const int fd = ConnectUnix(socket_, kAnswerDeadlineSeconds);
  if (fd < 0) Die("no connection for Command");
  absl::optional<redis::Reply> reply = Ask(fd, absl::MakeConstSpan(args.begin(), args.size()));
  if (!reply) Die("no answer to Command");
  close(fd);
  return *std::move(reply);
}

redis::Reply RedisServer::Command(const std::vector<std::string>& args) const {
  const std::vector<absl::string_view> views(args.begin(), args.end());
  const int fd = ConnectUnix(socket_, kAnswerDeadlineSeconds);
  if (fd < 0) Die("no connection for Command");
  absl::optional<redis::Reply> reply = Ask(fd, views);
  if (!reply) Die("no answer to Command");
  close(fd);
  return *std::move(reply);
}

// Everything that allocates happens before fork: other threads of the test may hold the allocator's
// lock.
void RedisServer::Launch() {
  std::filesystem::remove(socket_);
  std::vector<std::string> args = {"redis-server", "--port",    absl::StrCat(port_),
                                   "--bind",       "127.0.0.1", "--unixsocket",
                                   socket_,        "--dir",     folder_,
                                   "--save",       "",          "--appendonly",
                                   "no",           "--logfile", folder_ + "/log"};
  args.insert(args.end(), extra_args_.begin(), extra_args_.end());
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) Die("fork");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it died before prctl
  execvp(argv[0], argv.data());
  _exit(127);
}

bool RedisServer::WaitForPing() {
  const auto deadline = std::chrono::steady_clock::now() + kStartDeadline;
  while (std::chrono::steady_clock::now() < deadline) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      return false;
    }
    const int fd = ConnectUnix(socket_, kAnswerDeadlineSeconds);
    const absl::string_view ping[] = {"PING"};
    const absl::optional<redis::Reply> reply = fd < 0 ? absl::nullopt : Ask(fd, ping);
    if (fd >= 0) close(fd);
    // NOAUTH answers as well: tests may want a password.
    if (reply && reply->error_code() != "LOADING") return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace spanwire::test
