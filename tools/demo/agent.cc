#include "tools/demo/agent.h"

#include <signal.h>

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace spanwire::tools {
namespace {

constexpr absl::Duration kFinish = absl::Seconds(1);

PublisherOptions Options(std::string target, const std::string& name) {
  PublisherOptions options;
  options.target = std::move(target);
  options.agent = name;
  options.on_nack = [](const v1::Nack& nack) {
    std::cerr << "refused: " << nack.message() << std::endl;
  };
  options.on_state = [](State state, const absl::Status& why) {
    if (state == State::kOpen) std::cerr << "connected" << std::endl;
    if (state != State::kOpen) std::cerr << "not connected: " << why << std::endl;
  };
  return options;
}

}  // namespace

Agent::Agent(std::string target, std::string name)
    : name_(std::move(name)), publisher_(Options(std::move(target), name_)) {}

void Agent::Say(v1::Event event) {
  if (const auto sent = publisher_.Publish(std::move(event)); !sent.ok()) {
    std::cerr << "not published: " << sent.status() << std::endl;
  }
}

void Agent::Say(absl::string_view session_id, v1::Event event) {
  event.set_session_id(std::string(session_id));
  Say(std::move(event));
}

bool Agent::Pause(absl::Duration duration) {
  if (ending_) return false;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  const absl::Time end = absl::Now() + duration;
  for (absl::Duration left = duration; left > absl::ZeroDuration(); left = end - absl::Now()) {
    const timespec wait = absl::ToTimespec(left);
    if (sigtimedwait(&signals, nullptr, &wait) > 0) ending_ = true;
    if (ending_) return false;
  }
  return true;
}

bool Agent::Finish() {
  const absl::Status flushed = publisher_.Flush(kFinish);
  if (!flushed.ok()) std::cerr << "at the end: " << flushed << std::endl;
  return flushed.ok();
}

double Agent::Random(double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(dice_);
}

const std::string& Agent::OneOf(const std::vector<std::string>& choices) {
  return choices[dice_() % choices.size()];
}

std::string Agent::NewId(absl::string_view prefix) {
  return absl::StrFormat("%s_%08x", prefix, static_cast<uint32_t>(dice_()));
}

v1::Event Status(absl::string_view status, int progress, absl::string_view message) {
  v1::Event event;
  v1::SessionStatusChanged* changed = event.mutable_session_status_changed();
  changed->set_status(std::string(status));
  changed->set_progress(progress);
  changed->set_message(std::string(message));
  return event;
}

}  // namespace spanwire::tools
