// The simulator: runs the whole system from seeds, and tells the first seed whose run breaks a
// promise.
//
//     spanwire-sim [--from N] [--count N] [--seconds S] [--jobs N] [--most-failures N]
//                                                                      so many seeds, or seeds for
//                                                                      so long
//     spanwire-sim --seed N                                            one of them, with a trace
//
// A run depends on its seed alone: each has a process of its own, whose address space is laid out
// the same every time.
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "tests/sim/world.h"

namespace spanwire::sim {
namespace {

// Machines ask for their own seeds.
uint64_t next_machine_seed = 0;
uint64_t MachineSeed() { return ++next_machine_seed * 0x9E3779B97F4A7C15; }

constexpr unsigned kRunSeconds = 20;  // a run takes some 20 ms

void Print(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

enum class Say { kNothing, kViolations, kAll };

// Whether the run is good.
bool RunSeed(uint64_t seed, const std::set<std::string>& without, Say say) {
  const bool trace = say == Say::kAll;
  base::SetLogOutput([trace](absl::string_view line) {
    if (trace) Print(absl::StrCat("    ", line));
  });
  next_machine_seed = seed << 20;
  base::SetSeedSource(MachineSeed);
  World world(seed, without, [trace](const std::string& line) {
    if (trace) Print(line);
  });
  world.Run();
  for (const std::string& violation : world.truth().violations()) {
    if (say == Say::kNothing) break;
    Print(absl::StrCat("seed ", seed, " [", world.profile(), "]: ", violation));
  }
  if (trace) {
    const Truth& truth = world.truth();
    Print(absl::StrCat(truth.appended, " appended, ", truth.shown, " shown, ", truth.transient,
                       " transient, ", truth.gaps, " gaps, ", truth.again, " appended again, ",
                       truth.copies, " copies dropped"));
  }
  return world.truth().violations().empty();
}

pid_t Start(uint64_t seed, const std::set<std::string>& without, Say say) {
  const pid_t child = fork();
  if (child != 0) return child;
  alarm(kRunSeconds);  // a run that never ends has failed
  _exit(RunSeed(seed, without, say) ? 0 : 1);
}

bool Fails(uint64_t seed, const std::set<std::string>& without, Say say) {
  int status = 0;
  waitpid(Start(seed, without, say), &status, 0);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

// Takes away every fault without which the run fails as well, and tells what remains.
void Explain(uint64_t seed) {
  std::set<std::string> without;
  for (const std::string& fault : World::FaultNames()) {
    without.insert(fault);
    if (!Fails(seed, without, Say::kNothing)) without.erase(fault);
  }
  Print(absl::StrCat("seed ", seed, ", with as few faults as it takes:"));
  Fails(seed, without, Say::kAll);
}

int RunMany(uint64_t from, uint64_t count, double seconds, unsigned jobs, uint64_t most_failures) {
  std::map<pid_t, uint64_t> running;
  std::vector<uint64_t> failures;
  uint64_t next = from;
  uint64_t passed = 0;
  const auto began = std::chrono::steady_clock::now();
  const auto more = [&] {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    return failures.size() < most_failures &&
           (seconds > 0 ? took.count() < seconds : next < from + count);
  };
  while (more() || !running.empty()) {
    while (more() && running.size() < jobs) {
      running[Start(next, {}, Say::kViolations)] = next;
      ++next;
    }
    int status = 0;
    const pid_t ended = wait(&status);
    const uint64_t seed = running[ended];
    running.erase(ended);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      ++passed;
    } else {
      failures.push_back(seed);
    }
  }
  if (most_failures > 1 && !failures.empty()) Explain(failures.front());
  std::printf("%s\n", absl::StrCat(passed, " passed, ", failures.size(), " failed").c_str());
  return failures.empty() ? 0 : 1;
}

int Main(int argc, char** argv) {
  uint64_t from = 1, count = 2000, most_failures = 5;
  double seconds = 0;
  unsigned jobs = 2;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--seed") return RunSeed(std::stoull(argv[i + 1]), {}, Say::kAll) ? 0 : 1;
    if (flag == "--from") from = std::stoull(argv[i + 1]);
    if (flag == "--count") count = std::stoull(argv[i + 1]);
    if (flag == "--seconds") seconds = std::stod(argv[i + 1]);
    if (flag == "--most-failures") most_failures = std::stoull(argv[i + 1]);
    if (flag == "--jobs") jobs = static_cast<unsigned>(std::stoul(argv[i + 1]));
  }
  return RunMany(from, count, seconds, jobs, most_failures);
}

}  // namespace
}  // namespace spanwire::sim

int main(int argc, char** argv) {
  if ((personality(0xffffffff) & ADDR_NO_RANDOMIZE) == 0) {
    personality(ADDR_NO_RANDOMIZE);
    execv("/proc/self/exe", argv);
  }
  return spanwire::sim::Main(argc, argv);
}
