// What the C++ sample agents play, each until its agent is asked to end. Three of the six kinds of
// work: sessions, test results and metrics; the others are in agents.py.
#pragma once

#include "tools/demo/agent.h"

namespace spanwire::tools {

// A coding assistant: one session after the other, with streamed text, tool calls, questions and
// artifacts.
void PlaySessions(Agent* agent);
// A test runner: one suite after the other.
void PlayTests(Agent* agent);
// A monitor: four gauges a second on its own channel.
void PlayMetrics(Agent* agent);

}  // namespace spanwire::tools
