#include "core/base/admin.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <utility>

#include <asio/basic_socket_acceptor.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/write.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/base/admin_http.h"
#include "core/base/limits.h"
#include "core/base/log.h"

namespace spanwire::base {
namespace {

using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using Socket = Protocol::socket;

constexpr absl::Duration kAcceptPause =
    absl::Milliseconds(100);  // after an error such as "too many open files"

Protocol::endpoint EndpointOf(const Address& address) {
  if (address.unix_socket) return asio::local::stream_protocol::endpoint(address.host_or_path);
  asio::error_code error;
  asio::ip::address ip = asio::ip::make_address(address.host_or_path, error);
  if (error) ip = asio::ip::address_v4::loopback();  // the name localhost: no other is let in
  return asio::ip::tcp::endpoint(ip, address.port);
}

// The port that the system chose.
uint16_t BoundPort(const Protocol::endpoint& bound) {
  asio::ip::tcp::endpoint endpoint;
  if (bound.size() > endpoint.capacity()) return 0;
  std::memcpy(endpoint.data(), bound.data(), bound.size());
  endpoint.resize(bound.size());
  return endpoint.port();
}

// Removes what a process that ended badly left behind. A socket on which somebody answers stays,
// and so does any file that is no socket: binding then fails.
void RemoveStaleSocket(asio::io_context& io, const std::string& path) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  asio::local::stream_protocol::socket probe(io);
  asio::error_code error;
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  if (error == asio::error::connection_refused) ::unlink(path.c_str());
}

}  // namespace

// One request and its response.
class AdminConnection : public std::enable_shared_from_this<AdminConnection> {
 public:
  using Handler = std::function<std::string(absl::string_view head)>;
  using OnEnd = std::function<void(AdminConnection*)>;

  AdminConnection(Loop* loop, Socket socket, Handler handler, OnEnd on_end)
      : loop_(loop),
        socket_(std::move(socket)),
        handler_(std::move(handler)),
        on_end_(std::move(on_end)) {}

  void Start() {
    deadline_ = loop_->After(limits::kHeadDeadline, [this] { End(); });
    ReadHead();
  }

  // Closes the socket and tells the owner, once.
  void End() {
    if (!on_end_) return;
    deadline_.reset();
    asio::error_code ignored;
    socket_.close(ignored);
    std::exchange(on_end_, nullptr)(this);
  }

 private:
  void ReadHead() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](asio::error_code error, size_t size) {
                              if (error) return self->End();
                              self->OnRead(size);
                            });
  }

  void OnRead(size_t size) {
    // The empty line may begin in what came before.
    const size_t from = head_.size() < 3 ? 0 : head_.size() - 3;
    head_.append(buffer_.data(), size);
    const size_t end = head_.find("\r\n\r\n", from);
    if (end != std::string::npos && end + 4 <= limits::kHeadBytes) {
      Respond(handler_(absl::string_view(head_).substr(0, end + 4)));
    } else if (head_.size() > limits::kHeadBytes) {
      Respond(FormatHttpResponse({431, "text/plain; charset=utf-8", "request head too large\n"},
                                 false));
    } else {
      ReadHead();
    }
  }

  void Respond(std::string response) {
    response_ = std::move(response);
    deadline_ = loop_->After(limits::kStalledDeadline, [this] { End(); });
    asio::async_write(socket_, asio::buffer(response_),
                      [self = shared_from_this()](asio::error_code error, size_t) {
                        if (error) return self->End();
                        asio::error_code ignored;
                        self->socket_.shutdown(Socket::shutdown_send, ignored);
                        self->deadline_ =
                            self->loop_->After(limits::kCloseDeadline,
                                               [connection = self.get()] { connection->End(); });
                        self->Discard();
                      });
  }

  // Closing while input is unread would send a reset, which may overtake the response.
  void Discard() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](asio::error_code error, size_t) {
                              error ? self->End() : self->Discard();
                            });
  }

  Loop* const loop_;
  Socket socket_;
  const Handler handler_;
  OnEnd on_end_;
  Executor::Timer deadline_;
  std::array<char, 4096> buffer_;
  std::string head_;
  std::string response_;
};

class AdminServer::Impl : public std::enable_shared_from_this<AdminServer::Impl> {
 public:
  Impl(Loop* loop, Metrics* metrics, const Readiness* readiness)
      : loop_(loop), metrics_(metrics), readiness_(readiness), acceptor_(loop->io()) {}

  const Address& address() const { return address_; }

  absl::Status Start(absl::string_view listen) {
    if (listen == "off") return absl::OkStatus();
    absl::StatusOr<Address> address = Address::Parse(listen);
    if (!address.ok()) return address.status();
    if (!address->IsLocal()) {
      return absl::InvalidArgumentError(absl::StrCat("admin address ", listen, " is not local"));
    }
    address_ = *std::move(address);
    if (absl::Status bound = Bind(); !bound.ok()) return bound;
    LogInfo("admin listening", {{"address", address_.ToString()}});
    Accept();
    return absl::OkStatus();
  }

  void Stop() {
    retry_.reset();
    asio::error_code ignored;
    if (acceptor_.is_open()) {
      acceptor_.close(ignored);
      RemoveOwnSocket();
    }
    const auto connections = connections_;
    for (const std::shared_ptr<AdminConnection>& connection : connections) connection->End();
  }

 private:
  absl::Status Bind() {
    if (address_.unix_socket) RemoveStaleSocket(loop_->io(), address_.host_or_path);
    const Protocol::endpoint endpoint = EndpointOf(address_);
    asio::error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error && !address_.unix_socket) acceptor_.set_option(Acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(limits::kAdminConnections, error);
    if (error) {
      asio::error_code ignored;
      acceptor_.close(ignored);
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", address_.ToString(), ": ", error.message()));
    }
    if (address_.unix_socket) {
      ::lstat(address_.host_or_path.c_str(), &file_);
    } else {
      address_.port = BoundPort(acceptor_.local_endpoint(error));
    }
    return absl::OkStatus();
  }

  // Unless another process has put its own there meanwhile.
  void RemoveOwnSocket() {
    struct stat now = {};
    if (!address_.unix_socket || ::lstat(address_.host_or_path.c_str(), &now) != 0) return;
    if (now.st_dev == file_.st_dev && now.st_ino == file_.st_ino)
      ::unlink(address_.host_or_path.c_str());
  }

  void Accept() {
    acceptor_.async_accept([self = shared_from_this()](asio::error_code error, Socket socket) {
      if (error == asio::error::operation_aborted || !self->acceptor_.is_open()) return;
      if (error) {
        LogWarning("admin cannot accept", {{"reason", error.message()}});
        self->retry_ = self->loop_->After(kAcceptPause, [impl = self.get()] { impl->Accept(); });
        return;
      }
      self->Add(std::move(socket));
      self->Accept();
    });
  }

  void Add(Socket socket) {
    if (connections_.size() >= limits::kAdminConnections) return;  // closes it
    auto connection = std::make_shared<AdminConnection>(
        loop_, std::move(socket), [this](absl::string_view head) { return Answer(head); },
        [this](AdminConnection* ended) { connections_.erase(ended->shared_from_this()); });
    connections_.insert(connection);
    connection->Start();
  }

  std::string Answer(absl::string_view text) {
    const absl::StatusOr<HttpHead> head = ParseHttpHead(text);
    if (!head.ok()) return FormatHttpResponse(Line(400, head.status().message()), false);
    return FormatHttpResponse(Respond(*head), head->method == "HEAD");
  }

  HttpResponse Respond(const HttpHead& head) {
    if (!address_.unix_socket && !head.host.empty() && !IsLocalHost(head.host)) {
      return Line(421, "the Host header names no address of this listener");
    }
    if (head.path != "/metrics" && head.path != "/livez" && head.path != "/readyz") {
      return Line(404, "not found: /metrics, /livez and /readyz are here");
    }
    if (head.method != "GET" && head.method != "HEAD") return Line(405, "GET or HEAD only");
    if (head.path == "/metrics") {
      return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_->Expose()};
    }
    if (head.path == "/livez") return Line(200, "alive");
    return Line(readiness_->ready() ? 200 : 503, readiness_->Describe());
  }

  static HttpResponse Line(int status, absl::string_view text) {
    return {status, "text/plain; charset=utf-8", absl::StrCat(text, "\n")};
  }

  Loop* const loop_;
  Metrics* const metrics_;
  const Readiness* const readiness_;
  Acceptor acceptor_;
  Address address_;
  struct stat file_ = {};  // of the unix socket, as bound
  Executor::Timer retry_;
  absl::flat_hash_set<std::shared_ptr<AdminConnection>> connections_;
};

AdminServer::AdminServer(Loop* loop, Metrics* metrics, const Readiness* readiness)
    : impl_(std::make_shared<Impl>(loop, metrics, readiness)) {}

AdminServer::~AdminServer() { Stop(); }

absl::Status AdminServer::Start(absl::string_view listen) { return impl_->Start(listen); }

void AdminServer::Stop() { impl_->Stop(); }

const Address& AdminServer::address() const { return impl_->address(); }

}  // namespace spanwire::base
