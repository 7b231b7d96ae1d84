// What every sample agent has: a name, a publisher, dice, and pauses that end when the agent shall.
//
// One thread. SIGTERM and SIGINT must be blocked before it is made (agent_main.cc): it takes them
// in Pause.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "clients/cpp/publisher.h"

namespace spanwire::tools {

class Agent {
 public:
  Agent(std::string target, std::string name);

  const std::string& name() const { return name_; }

  // Publishes; what cannot be published is told on standard error, and life goes on.
  void Say(v1::Event event);
  // For events of one session.
  void Say(absl::string_view session_id, v1::Event event);
  // Waits; false: the agent was asked to end, now or earlier.
  bool Pause(absl::Duration duration);
  bool ending() const { return ending_; }
  // Waits a little until everything is acknowledged. Whether it is.
  bool Finish();

  // Uniform.
  double Random(double low, double high);
  bool Chance(double probability) { return Random(0, 1) < probability; }
  const std::string& OneOf(const std::vector<std::string>& choices);
  // "<prefix>_" and eight random digits.
  std::string NewId(absl::string_view prefix);

 private:
  const std::string name_;
  std::mt19937_64 dice_{std::random_device{}()};
  bool ending_ = false;
  Publisher publisher_;
};

// A session's present status.
v1::Event Status(absl::string_view status, int progress, absl::string_view message);

}  // namespace spanwire::tools
