// What Linux knows about this process, read at each exposition.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <dirent.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/metrics.h"

namespace spanwire::base {
namespace {

double ResidentBytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  long total = 0;
  long resident = 0;
  const int read = std::fscanf(file, "%ld %ld", &total, &resident);
  std::fclose(file);
  return read == 2 ? static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE))
                   : 0;
}

double OpenDescriptors() {
  DIR* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  int count = 0;
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return std::max(0, count - 3);  // ".", ".." and the folder itself
}

double MaxDescriptors() {
  rlimit limit = {};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

double CpuSeconds() {
  rusage usage = {};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

}  // namespace

void AddProcessMetrics(Metrics* metrics) {
  Gauge& resident =
      metrics->AddGauge("process_resident_memory_bytes", "Resident memory size in bytes.");
  Gauge& open = metrics->AddGauge("process_open_fds", "Number of open file descriptors.");
  Counter& cpu = metrics->AddCounter("process_cpu_seconds_total",
                                     "Total user and system CPU time spent in seconds.");
  metrics->AddGauge("process_max_fds", "Maximum number of open file descriptors.")
      .Set(MaxDescriptors());
  metrics->AddGauge("process_start_time_seconds", "Start time of the process, as Unix time.")
      .Set(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
  metrics->AddCallback([&resident, &open, &cpu] {
    resident.Set(ResidentBytes());
    open.Set(OpenDescriptors());
    cpu.Increment(std::max(0.0, CpuSeconds() - cpu.value()));
  });
}

}  // namespace spanwire::base
