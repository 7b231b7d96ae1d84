// demo-agent sessions|tests|metrics --target ADDRESS --name NAME: a sample agent, until SIGTERM or
// SIGINT.
#include <signal.h>

#include <iostream>
#include <map>
#include <string>

#include "tools/demo/acts.h"

namespace spanwire::tools {
namespace {

constexpr char kUsage[] = "usage: demo-agent sessions|tests|metrics --target ADDRESS --name NAME\n";

int Main(const std::map<std::string, std::string>& flags, const std::string& kind) {
  static const std::map<std::string, void (*)(Agent*)> acts = {
      {"sessions", PlaySessions}, {"tests", PlayTests}, {"metrics", PlayMetrics}};
  const auto act = acts.find(kind);
  if (act == acts.end() || flags.count("--target") == 0 || flags.count("--name") == 0) {
    std::cerr << kUsage;
    return 2;
  }
  // Blocked in every thread, gRPC's too: Agent::Pause waits for them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Agent agent(flags.at("--target"), flags.at("--name"));
  act->second(&agent);
  return agent.Finish() ? 0 : 1;
}

}  // namespace
}  // namespace spanwire::tools

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags;
  for (int i = 2; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  return spanwire::tools::Main(flags, argc > 1 && argc % 2 == 0 ? argv[1] : "");
}
