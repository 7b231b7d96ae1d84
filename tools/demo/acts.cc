#include "tools/demo/acts.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace spanwire::tools {
namespace {

// One job of the coding assistant.
struct Job {
  const char* ticket;
  const char* plan;
  const char* tool;
  const char* arguments;
  const char* result;
  const char* artifact;
};

constexpr Job kJobs[] = {
    {"Fix the flaky login test",
     "The login test waits for a fixed two seconds. I will make it wait for the form instead, and "
     "run it fifty times.",
     "edit_file", R"({"path":"tests/login.spec.ts","change":"wait for the form"})",
     "1 file changed", "login.patch"},
    {"Export invoices as CSV",
     "Invoices are listed page by page already. I will add a route that streams all pages as rows, "
     "so that memory stays flat.",
     "run_command", R"({"command":"npm run bench -- export"})", "41,200 rows/s, 18 MiB peak",
     "invoice_export.patch"},
    {"Find out why the nightly build is slow",
     "Two thirds of the time go into one generated file. Splitting it in four lets the compiler "
     "use "
     "every core.",
     "search_code", R"({"query":"GENERATED","path":"src/"})", "4 matches in 2 files",
     "build_times.md"},
    {"Translate the settings page",
     "Most strings have a key by now. Three are built by concatenation; I will turn these into "
     "messages with placeholders.",
     "edit_file", R"({"path":"locales/de.json","added":37})", "37 keys added", "de.json"},
};

// Streams a text as an assistant does: a few characters at a time.
bool Stream(Agent* agent, const std::string& session, const char* text) {
  const std::string id = agent->NewId("msg");
  v1::Event start;
  start.mutable_message_start()->set_message_id(id);
  start.mutable_message_start()->set_role("assistant");
  agent->Say(session, std::move(start));
  std::string piece;
  for (absl::string_view word : absl::StrSplit(text, ' ')) {
    absl::StrAppend(&piece, word, " ");
    if (piece.size() < 9) continue;
    v1::Event delta;
    delta.mutable_message_delta()->set_message_id(id);
    delta.mutable_message_delta()->set_delta(std::exchange(piece, ""));
    agent->Say(session, std::move(delta));
    if (!agent->Pause(absl::Milliseconds(agent->Random(120, 260)))) return false;
  }
  if (!piece.empty()) {
    v1::Event delta;
    delta.mutable_message_delta()->set_message_id(id);
    delta.mutable_message_delta()->set_delta(piece);
    agent->Say(session, std::move(delta));
  }
  v1::Event end;
  end.mutable_message_end()->set_message_id(id);
  agent->Say(session, std::move(end));
  return true;
}

bool CallTool(Agent* agent, const std::string& session, const Job& job) {
  const std::string id = agent->NewId("call");
  v1::Event start;
  start.mutable_tool_call_start()->set_tool_call_id(id);
  start.mutable_tool_call_start()->set_name(job.tool);
  agent->Say(session, std::move(start));
  v1::Event arguments;
  arguments.mutable_tool_call_args()->set_tool_call_id(id);
  arguments.mutable_tool_call_args()->set_delta(job.arguments);
  agent->Say(session, std::move(arguments));
  v1::Event end;
  end.mutable_tool_call_end()->set_tool_call_id(id);
  agent->Say(session, std::move(end));
  if (!agent->Pause(absl::Seconds(agent->Random(1.0, 2.5)))) return false;
  v1::Event result;
  result.mutable_tool_call_result()->set_tool_call_id(id);
  result.mutable_tool_call_result()->set_content(job.result);
  result.mutable_tool_call_result()->set_is_error(false);
  agent->Say(session, std::move(result));
  return true;
}

// Asks a person, who answers after a while.
bool Ask(Agent* agent, const std::string& session) {
  const std::string id = agent->NewId("ask");
  agent->Say(session, Status("waiting", 80, "Waiting for a decision"));
  v1::Event question;
  question.mutable_interrupt_requested()->set_interrupt_id(id);
  question.mutable_interrupt_requested()->set_reason("May I open a pull request?");
  question.mutable_interrupt_requested()->add_options("yes");
  question.mutable_interrupt_requested()->add_options("not yet");
  agent->Say(session, std::move(question));
  if (!agent->Pause(absl::Seconds(agent->Random(3, 6)))) return false;
  v1::Event answer;
  answer.mutable_interrupt_resolved()->set_interrupt_id(id);
  answer.mutable_interrupt_resolved()->set_answer("yes");
  answer.mutable_interrupt_resolved()->set_resolved_by("maria");
  agent->Say(session, std::move(answer));
  return true;
}

void HandOver(Agent* agent, const std::string& session, const Job& job) {
  v1::Event artifact;
  artifact.mutable_artifact_added()->set_artifact_id(agent->NewId("art"));
  artifact.mutable_artifact_added()->set_name(job.artifact);
  artifact.mutable_artifact_added()->set_size_bytes(static_cast<int64_t>(agent->Random(900, 9000)));
  agent->Say(session, std::move(artifact));
  v1::Event usage;
  usage.mutable_usage()->set_model("example-model");
  usage.mutable_usage()->set_input_tokens(static_cast<int64_t>(agent->Random(4000, 16000)));
  usage.mutable_usage()->set_output_tokens(static_cast<int64_t>(agent->Random(300, 1600)));
  usage.mutable_usage()->set_cost_usd(std::round(agent->Random(2, 30)) / 1000);
  agent->Say(session, std::move(usage));
}

// False: interrupted by the agent's end.
bool PlayJob(Agent* agent, const std::string& session, const Job& job) {
  agent->Say(session, Status("running", 5, job.ticket));
  if (!Stream(agent, session, job.plan)) return false;
  agent->Say(session, Status("running", 40, "Working on it"));
  if (!CallTool(agent, session, job)) return false;
  agent->Say(session, Status("testing", 65, "Executing UI tests..."));
  if (!Stream(agent, session, "The change is in place. Running the tests that touch it."))
    return false;
  if (!agent->Pause(absl::Seconds(agent->Random(1, 3)))) return false;
  if (agent->Chance(0.15)) {
    agent->Say(session, Status("failed", 70, "A test that must pass does not: giving up"));
    return true;
  }
  if (agent->Chance(0.5) && !Ask(agent, session)) return false;
  HandOver(agent, session, job);
  agent->Say(session, Status("completed", 100, absl::StrCat("Done: ", job.ticket)));
  return true;
}

struct Suite {
  const char* name;
  std::vector<const char*> tests;
};

const std::vector<Suite>& Suites() {
  static const auto* const suites = new std::vector<Suite>{
      {"checkout",
       {"adds an item", "removes an item", "keeps the cart over a reload", "applies a voucher",
        "refuses an expired voucher", "computes taxes", "pays by card", "pays on invoice",
        "sends a receipt", "shows the order"}},
      {"search",
       {"finds by title", "finds by part number", "ranks exact matches first",
        "pages through results", "remembers filters", "copes with an empty query",
        "copes with emoji", "suggests spellings"}},
      {"account",
       {"signs in", "signs out", "resets a password", "locks after five failures",
        "changes the address", "exports personal data", "deletes the account", "shows sessions",
        "ends other sessions"}},
  };
  return *suites;
}

v1::Event Result(Agent* agent, const Suite& suite, const char* test,
                 v1::TestResult::Outcome outcome) {
  v1::Event event;
  v1::TestResult* result = event.mutable_test_result();
  result->set_name(absl::StrCat(suite.name, " ", test));
  result->set_suite(suite.name);
  result->set_outcome(outcome);
  result->set_duration_ms(std::round(agent->Random(8, 900)));
  if (outcome == v1::TestResult::OUTCOME_FAILED) {
    result->set_message("expected the button to be enabled, but it was not within 5 s");
  }
  return event;
}

v1::TestResult::Outcome Outcome(Agent* agent) {
  const double dice = agent->Random(0, 1);
  if (dice < 0.05) return v1::TestResult::OUTCOME_FAILED;
  return dice < 0.1 ? v1::TestResult::OUTCOME_SKIPPED : v1::TestResult::OUTCOME_PASSED;
}

bool PlaySuite(Agent* agent, const std::string& session, const Suite& suite) {
  const int count = static_cast<int>(suite.tests.size());
  int failed = 0;
  for (int i = 0; i < count; ++i) {
    agent->Say(session,
               Status("testing", 100 * i / count, absl::StrCat(suite.name, " ", suite.tests[i])));
    if (!agent->Pause(absl::Seconds(agent->Random(0.4, 1.2)))) return false;
    const v1::TestResult::Outcome outcome = Outcome(agent);
    agent->Say(session, Result(agent, suite, suite.tests[i], outcome));
    if (outcome != v1::TestResult::OUTCOME_FAILED) continue;
    ++failed;
    v1::Event line;
    line.mutable_log_line()->set_level(v1::LogLine::LEVEL_ERROR);
    line.mutable_log_line()->set_text(absl::StrCat("FAIL ", suite.name, " ", suite.tests[i]));
    line.mutable_log_line()->set_source("runner");
    agent->Say(session, std::move(line));
  }
  const std::string summary = absl::StrCat(count - failed, " of ", count, " passed or skipped");
  agent->Say(session, Status(failed > 0 ? "failed" : "completed", 100, summary));
  return true;
}

// A value that wanders between bounds.
struct Gauge {
  const char* name;
  const char* unit;
  double low, high, step, value;

  double Next(Agent* agent) {
    value = std::clamp(value + agent->Random(-step, step), low, high);
    return std::round(value * 10) / 10;
  }
};

}  // namespace

void PlaySessions(Agent* agent) {
  for (size_t i = 0; !agent->ending(); ++i) {
    const std::string session = agent->NewId("sess");
    if (!PlayJob(agent, session, kJobs[i % std::size(kJobs)])) {
      agent->Say(session, Status("cancelled", 100, "The agent was stopped"));
    }
    agent->Pause(absl::Seconds(agent->Random(1, 3)));
  }
}

void PlayTests(Agent* agent) {
  for (size_t i = 0; !agent->ending(); ++i) {
    const std::string session = agent->NewId("tests");
    if (!PlaySuite(agent, session, Suites()[i % Suites().size()])) {
      agent->Say(session, Status("cancelled", 100, "The runner was stopped"));
    }
    agent->Pause(absl::Seconds(agent->Random(2, 4)));
  }
}

void PlayMetrics(Agent* agent) {
  Gauge gauges[] = {{"cpu_percent", "%", 3, 97, 9, 35},
                    {"memory_mib", "MiB", 300, 1900, 25, 700},
                    {"queue_depth", "", 0, 60, 6, 8},
                    {"p95_latency_ms", "ms", 4, 180, 14, 40}};
  // Its own channel has every value; now and then one goes to the global channel too, where pages
  // hear of the agent.
  for (int round = 0; !agent->ending(); ++round) {
    for (Gauge& gauge : gauges) {
      v1::Event event;
      event.mutable_metric()->set_name(gauge.name);
      event.mutable_metric()->set_value(gauge.Next(agent));
      if (*gauge.unit != '\0') event.mutable_metric()->set_unit(gauge.unit);
      (*event.mutable_metric()->mutable_labels())["host"] = "demo-1";
      event.add_channels(absl::StrCat("webgui:agent:", agent->name()));
      if (round % 15 == 0) event.add_channels("webgui:global");
      agent->Say(std::move(event));
    }
    agent->Pause(absl::Seconds(1));
  }
}

}  // namespace spanwire::tools
