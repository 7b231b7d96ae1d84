// How long a translation takes, beside protobuf's own JSON of the same event. Not a test: run it by
// hand, from a release build.

#include <chrono>
#include <cstdio>
#include <string>

#include "bridge/plain_json.h"
#include "bridge/translator.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {
namespace {

constexpr int kRounds = 200'000;

template <typename Call>
double NanosecondsEach(Call call) {
  for (int i = 0; i < kRounds / 10; ++i) call();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRounds; ++i) call();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  return took.count() / kRounds;
}

size_t written = 0;

void Run(const char* name, const char* text) {
  v1::Event event;
  if (!google::protobuf::TextFormat::ParseFromString(text, &event)) return;
  event.mutable_timestamp()->set_seconds(1'704'110'400);
  event.mutable_accepted_at()->set_seconds(1'704'110'400);
  event.mutable_accepted_at()->set_nanos(123'456'000);
  event.set_session_id("sess_123");
  event.set_agent("ui-tester");
  const std::string bytes = event.SerializeAsString();

  Translator translator;
  const double ours = NanosecondsEach([&] {
    written += translator
                   .Translate(bytes, "webgui:session:sess_123",
                              channel::Position{1'704'110'400'000'000, 42}, absl::nullopt)
                   ->json.size();
  });
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const double theirs = NanosecondsEach([&] {
    v1::Event parsed;
    std::string json;
    parsed.ParseFromString(bytes);
    written +=
        google::protobuf::util::MessageToJsonString(parsed, &json, options).ok() ? json.size() : 0;
  });
  std::printf("%-24s %6zu B  translator %7.0f ns  protobuf %7.0f ns  %5.1f x\n", name, bytes.size(),
              ours, theirs, theirs / ours);
}

void RunPlain() {
  const std::string message =
      R"({"type": "session_status_changed", "timestamp": "2024-01-01T12:00:00Z", "session_id": "sess_123", )"
      R"("data": {"status": "testing", "progress": 45, "message": "Executing UI tests..."}})";
  const double ours = NanosecondsEach(
      [&] { written += TranslatePlainJson(message, "webgui:session:sess_123")->size(); });
  std::printf("%-24s %6zu B  plain JSON %7.0f ns\n", "the record's sample", message.size(), ours);
}

void RunAll() {
  Run("session_status_changed",
      "session_status_changed { status: 'testing' progress: 45 message: 'Executing UI tests...' }");
  Run("metric",
      "metric { name: 'cpu_percent' value: 93.25 unit: '%' labels { key: 'host' value: 'a' } }");
  Run("log_line",
      "log_line { level: LEVEL_INFO text: 'GET /api/sessions/sess_123/events?after=17 200 in 12 "
      "ms, "
      "1,204 bytes, cache miss, user mia, upstream 10.0.0.7:8080, retry 0' source: 'stdout' }");
  Run("message_delta",
      "message_delta { message_id: 'm1' delta: 'wörtlich übersetzt: Größe, Maß und Straße' }");
  Run("state_snapshot",
      "state_snapshot { snapshot { fields { key: 'step' value { number_value: 7 } } fields { key: "
      "'plan' value { "
      "list_value { values { string_value: 'open' } values { string_value: 'click' } values { "
      "bool_value: true } } } } "
      "fields { key: 'page' value { struct_value { fields { key: 'url' value { string_value: "
      "'https://a.example/' } } } } } } }");
  Run("custom json",
      R"(custom { type: 'build.step' json: '{ "step": 7, "plan": ["open", "click", true], "ok": null }' })");
  RunPlain();
}

}  // namespace
}  // namespace spanwire::bridge

int main() {
  spanwire::bridge::RunAll();
  return spanwire::bridge::written == 0;
}
