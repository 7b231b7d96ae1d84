#include "bridge/front.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/console.h"
#include "bridge/poll.h"
#include "bridge/session.h"
#include "bridge/stream_request.h"
#include "core/base/random.h"

namespace spanwire::bridge {
namespace {

using SharedAnswer = std::shared_ptr<Site::Answer>;

CommandRunner::Done AnswerTo(SharedAnswer answer, absl::optional<int64_t> id) {
  return [answer = std::move(answer), id](absl::StatusOr<std::string> json) {
    (*answer)(json.ok() ? JsonResponse(*std::move(json)) : ErrorResponse(json.status(), id));
  };
}

// What did not even begin is answered at once.
std::unique_ptr<Call> Await(absl::StatusOr<std::unique_ptr<Call>> call, const SharedAnswer& answer,
                            absl::optional<int64_t> id) {
  if (call.ok()) return *std::move(call);
  (*answer)(ErrorResponse(call.status(), id));
  return nullptr;
}

}  // namespace

Front::Front(Hub* hub, const channel::Names* names, Upstream* upstream)
    : hub_(hub), names_(names), runner_(hub, names, upstream), random_(base::FreshSeed()) {}

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
  if (path == "/v1/cmd" || path == "/v1/publish") return Service::kPost;
  return Service::kPage;
}

Site::Open Front::OpenSession(Session::Options options) {
  options.connection = absl::StrCat(absl::Hex(random_(), absl::kZeroPad16));
  return [this, options = std::move(options)](Transport* transport) {
    return std::make_unique<Session>(hub_, names_, transport, options, &runner_);
  };
}

Site::Open Front::OnWebSocket(const Request& request, absl::string_view subprotocol) {
  Session::Options options;
  options.pings = !subprotocol.empty();
  options.format = FormatOf(subprotocol);
  for (const auto& [name, value] : request.query) {
    if (name != "channel") continue;
    Command command;
    command.kind = Command::Kind::kSubscribe;
    command.channel = value;
    options.commands.push_back(std::move(command));
  }
  return OpenSession(std::move(options));
}

absl::StatusOr<Site::Open> Front::OnStream(const Request& request) {
  absl::StatusOr<StreamRequest> asked = ParseStreamRequest(request, *names_);
  if (!asked.ok()) return asked.status();
  Session::Options options;
  options.commands = std::move(asked->channels);
  return OpenSession(std::move(options));
}

std::unique_ptr<Call> Front::OnCommand(absl::string_view body, Answer answer) {
  absl::optional<int64_t> id;
  const absl::StatusOr<Command> command = ParseCommand(body, &id, CommandSource::kRequest);
  if (!command.ok()) {
    answer(ErrorResponse(command.status(), id));
    return nullptr;
  }
  if (command->kind == Command::Kind::kSubscribe || command->kind == Command::Kind::kUnsubscribe) {
    answer(ErrorResponse(absl::FailedPreconditionError("this command needs a connection"), id));
    return nullptr;
  }
  const auto shared = std::make_shared<Answer>(std::move(answer));
  return Await(runner_.Run(*command, AnswerTo(shared, id)), shared, id);
}

std::unique_ptr<Call> Front::OnPublish(const Request& request, Answer answer) {
  const auto shared = std::make_shared<Answer>(std::move(answer));
  return Await(runner_.Publish(request.body, request.Header("Idempotency-Key"),
                               AnswerTo(shared, absl::nullopt)),
               shared, absl::nullopt);
}

std::unique_ptr<Call> Front::OnCall(const Request& request, Answer answer) {
  if (request.path == "/v1/cmd") return OnCommand(request.body, std::move(answer));
  if (request.path == "/v1/publish") return OnPublish(request, std::move(answer));
  absl::StatusOr<StreamRequest> asked = ParseStreamRequest(request, *names_);
  if (!asked.ok()) {
    answer(ErrorResponse(asked.status()));
    return nullptr;
  }
  return std::make_unique<Poll>(hub_, *std::move(asked), std::move(answer));
}

}  // namespace spanwire::bridge
