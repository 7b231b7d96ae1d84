#include "bridge/front.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/console.h"
#include "bridge/poll.h"
#include "bridge/session.h"
#include "bridge/stream_request.h"
#include "core/base/random.h"

namespace spanwire::bridge {

Front::Front(Hub* hub, const channel::Names* names)
    : hub_(hub), names_(names), random_(base::FreshSeed()) {}

Response Front::OnPage(const Request& request) {
  const Asset* const asset = FindAsset(request.path);
  if (asset == nullptr) return ErrorResponse(404, "there is nothing here");
  Response response;
  response.headers = {{"Cache-Control", "no-cache"},
                      {"ETag", std::string(asset->etag)},
                      {"Content-Security-Policy", std::string(console_csp())}};
  if (request.Header("If-None-Match") == asset->etag) {
    response.status = 304;
    return response;
  }
  response.content_type = std::string(asset->content_type);
  response.body = std::string(asset->content);
  return response;
}

Service Front::ServiceOf(absl::string_view path) const {
  if (path == "/v1/ws") return Service::kWebSocket;
  if (path == "/v1/sse") return Service::kEventStream;
  if (path == "/v1/stream") return Service::kLines;
  if (path == "/v1/poll") return Service::kPoll;
  return Service::kPage;
}

Site::Open Front::OpenSession(bool pings, std::vector<Command> commands) {
  return [this, pings, commands = std::move(commands)](Transport* transport) mutable {
    Session::Options options;
    options.connection = absl::StrCat(absl::Hex(random_(), absl::kZeroPad16));
    options.pings = pings;
    options.commands = std::move(commands);
    return std::make_unique<Session>(hub_, names_, transport, options);
  };
}

Site::Open Front::OnWebSocket(const Request& request, absl::string_view subprotocol) {
  std::vector<Command> commands;
  for (const auto& [name, value] : request.query) {
    if (name != "channel") continue;
    Command command;
    command.kind = Command::Kind::kSubscribe;
    command.channel = value;
    commands.push_back(std::move(command));
  }
  return OpenSession(subprotocol == "spanwire.v1", std::move(commands));
}

absl::StatusOr<Site::Open> Front::OnStream(const Request& request) {
  absl::StatusOr<StreamRequest> asked = ParseStreamRequest(request, *names_);
  if (!asked.ok()) return asked.status();
  return OpenSession(false, std::move(asked->channels));
}

std::unique_ptr<Call> Front::OnCall(const Request& request, Answer answer) {
  absl::StatusOr<StreamRequest> asked = ParseStreamRequest(request, *names_);
  if (!asked.ok()) {
    answer(ErrorResponse(asked.status()));
    return nullptr;
  }
  return std::make_unique<Poll>(hub_, *std::move(asked), std::move(answer));
}

}  // namespace spanwire::bridge
