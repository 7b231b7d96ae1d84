// load-browsers --bridge ADDRESS --clients N --channels A,B,… --expect EVENTS --seconds N
//
// Opens N WebSocket connections, each on all channels, prints "live" when all subscriptions are,
// then reads until every client has seen EVENTS events, and prints "done". Says what is wrong and
// exits with 1 when a client sees a gap, a duplicate, a hole or a wrong order, loses its
// connection, or has not seen enough after N seconds.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/load/continuity.h"
#include "tools/load/websocket.h"

namespace spanwire::tools {
namespace {

constexpr auto kSettle = std::chrono::milliseconds(500);

struct Client {
  WebSocket socket;
  Continuity continuity;
};

int Fail(const std::string& why) {
  std::printf("wrong %s\n", why.c_str());
  return 1;
}

class Browsers {
 public:
  std::string Connect(int count, const std::string& bridge,
                      const std::vector<std::string>& channels) {
    channels_ = channels.size();
    std::string target = "/v1/ws";
    for (size_t i = 0; i < channels.size(); ++i) {
      absl::StrAppend(&target, i == 0 ? "?" : "&", "channel=", channels[i]);
    }
    for (int i = 0; i < count; ++i) {
      clients_.push_back(std::make_unique<Client>());
      if (std::string error = clients_.back()->socket.Connect(bridge, target); !error.empty())
        return error;
      polled_.push_back({clients_.back()->socket.fd(), POLLIN, 0});
    }
    return "";
  }

  // One round of reading; "" or what went wrong.
  std::string Turn() {
    poll(polled_.data(), polled_.size(), 100);
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (polled_[i].revents == 0) continue;
      Client& client = *clients_[i];
      if (!client.socket.Read([&](absl::string_view frame) { client.continuity.See(frame); })) {
        return absl::StrCat("client ", i, ": ", client.socket.error());
      }
      if (!client.continuity.defect().empty()) {
        return absl::StrCat("client ", i, ": ", client.continuity.defect());
      }
    }
    return "";
  }

  bool Live() const {
    for (const auto& client : clients_) {
      if (client->continuity.live() < channels_) return false;
    }
    return true;
  }
  // The fewest events that a client has seen; `most` the most.
  uint64_t Fewest(uint64_t* most) const {
    uint64_t fewest = UINT64_MAX;
    for (const auto& client : clients_) {
      fewest = std::min(fewest, client->continuity.events());
      *most = std::max(*most, client->continuity.events());
    }
    return fewest;
  }

 private:
  size_t channels_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<pollfd> polled_;
};

int Main(const std::map<std::string, std::string>& flags) {
  int clients = 0, seconds = 0;
  uint64_t expected = 0;
  if (!absl::SimpleAtoi(flags.at("--clients"), &clients) || clients <= 0) return 2;
  if (!absl::SimpleAtoi(flags.at("--expect"), &expected)) return 2;
  if (!absl::SimpleAtoi(flags.at("--seconds"), &seconds)) return 2;

  Browsers browsers;
  std::string error =
      browsers.Connect(clients, flags.at("--bridge"), absl::StrSplit(flags.at("--channels"), ','));
  if (!error.empty()) return Fail(error);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  bool live = false;
  uint64_t fewest = 0, most = 0;
  const auto now = [] { return std::chrono::steady_clock::now(); };
  auto settled = end;  // a little after the last event: a duplicate would come then
  while (now() < std::min(end, settled)) {
    if (error = browsers.Turn(); !error.empty()) return Fail(error);
    if (!live && browsers.Live()) {
      live = true;
      std::puts("live");
      std::fflush(stdout);
    }
    fewest = browsers.Fewest(&most);
    if (fewest >= expected && settled == end) settled = now() + kSettle;
  }
  if (!live) return Fail("subscriptions are not live in time");
  if (fewest < expected || most > expected) {
    return Fail(
        absl::StrCat("clients have seen ", fewest, " to ", most, " events instead of ", expected));
  }
  std::puts("done");
  return 0;
}

}  // namespace
}  // namespace spanwire::tools

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags;
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  for (const char* needed : {"--bridge", "--clients", "--channels", "--expect", "--seconds"}) {
    if (flags.count(needed) > 0) continue;
    std::fprintf(stderr, "load-browsers: %s is missing; see the head of tools/load/browsers.cc\n",
                 needed);
    return 2;
  }
  return spanwire::tools::Main(flags);
}
