// load-agent --target ADDRESS --channels A,B,… --rate N --events N --label TEXT [--producer ID]
//            [--ack-level redis|replicated]
//
// Publishes log lines at a steady rate, on its channels in turn. Line n of a channel has the text
// "<label> <n>", n from 1 on each channel. Prints "acked <sequence>" for every acknowledgement,
// "nacked <sequence> <why>" and "stopped <why>" if so, and at the end, when everything is
// acknowledged, "done". Event s went to channel (s - 1) modulo the number of channels.
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "clients/cpp/publisher.h"

namespace spanwire::tools {
namespace {

constexpr auto kTick = std::chrono::milliseconds(4);
constexpr absl::Duration kFlush = absl::Minutes(2);

// One line, at once: whoever reads may kill this process at any moment.
void Print(const std::string& line) {
  std::fputs(absl::StrCat(line, "\n").c_str(), stdout);
  std::fflush(stdout);
}

PublisherOptions Options(const std::map<std::string, std::string>& flags) {
  PublisherOptions options;
  options.target = flags.at("--target");
  options.agent = "load-agent";
  if (flags.count("--producer") > 0) options.producer_id = flags.at("--producer");
  const auto level = flags.find("--ack-level");
  if (level != flags.end() && level->second == "replicated") {
    options.ack_level = v1::ACK_LEVEL_REPLICATED;
  }
  options.when_full = WhenFull::kWait;
  options.on_ack = [](uint64_t sequence) { Print(absl::StrCat("acked ", sequence)); };
  options.on_nack = [](const v1::Nack& nack) {
    Print(absl::StrCat("nacked ", nack.sequence(), " ", nack.message()));
  };
  options.on_state = [](State state, const absl::Status& why) {
    if (state == State::kStopped) Print(absl::StrCat("stopped ", why.ToString()));
  };
  return options;
}

int Main(const std::map<std::string, std::string>& flags) {
  const std::vector<std::string> channels = absl::StrSplit(flags.at("--channels"), ',');
  int rate = 0, events = 0;
  if (!absl::SimpleAtoi(flags.at("--rate"), &rate) || rate <= 0) return 2;
  if (!absl::SimpleAtoi(flags.at("--events"), &events)) return 2;

  Publisher publisher(Options(flags));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < events; ++i) {
    const auto due = begin + std::chrono::microseconds(int64_t{1'000'000} * i / rate);
    if (due > std::chrono::steady_clock::now() + kTick) std::this_thread::sleep_until(due);
    v1::Event event;
    event.add_channels(channels[i % channels.size()]);
    event.mutable_log_line()->set_text(
        absl::StrCat(flags.at("--label"), " ", i / channels.size() + 1));
    if (const auto sent = publisher.Publish(std::move(event)); !sent.ok()) {
      std::fprintf(stderr, "%s\n", sent.status().ToString().c_str());
      return 1;
    }
  }
  if (const absl::Status flushed = publisher.Flush(kFlush); !flushed.ok()) {
    std::fprintf(stderr, "%s\n", flushed.ToString().c_str());
    return 1;
  }
  Print("done");
  return 0;
}

}  // namespace
}  // namespace spanwire::tools

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags;
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  for (const char* needed : {"--target", "--channels", "--rate", "--events", "--label"}) {
    if (flags.count(needed) > 0) continue;
    std::fprintf(stderr, "load-agent: %s is missing; see the head of tools/load/agent.cc\n",
                 needed);
    return 2;
  }
  return spanwire::tools::Main(flags);
}
