#include "bridge/command_runner.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bridge/control.h"
#include "bridge/event_parser.h"
#include "bridge/gathering.h"
#include "core/base/executor.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

// Done may destroy the call, and itself with it.
void Tell(CommandRunner::Done& member, absl::StatusOr<std::string> answer) {
  CommandRunner::Done done = std::move(member);
  done(std::move(answer));
}

class History final : public Call {
 public:
  History(Hub* hub, const Command& command, CommandRunner::Done done)
      : command_(command),
        done_(std::move(done)),
        gathering_(hub, {command}, *command.limit, [this] { OnChange(); }) {}

 private:
  void OnChange() {
    if (!gathering_.status().ok()) return Tell(done_, gathering_.status());
    if (!gathering_.complete()) return;
    absl::optional<channel::Gap> gap;
    if (!gathering_.losses().empty()) {
      gap = gathering_.losses().back().gap;
      gap->after = gathering_.losses().front().gap.after;
    }
    Tell(done_, HistoryControl(command_.id, command_.channel, gathering_.frames(),
                               gathering_.more(), *gathering_.cursor()[0], gap));
  }

  const Command command_;
  CommandRunner::Done done_;
  Gathering gathering_;
};

// Hands events to the broker, and its answer back to this loop.
class Publishing final : public Call {
 public:
  using Made = absl::AnyInvocable<std::string(const v1::PublishResponse&)>;

  // `made`: the answer's frame.
  Publishing(base::Executor* executor, Made made, CommandRunner::Done done)
      : executor_(executor),
        made_(std::move(made)),
        done_(std::move(done)),
        self_(std::make_shared<Publishing*>(this)) {}
  ~Publishing() override { *self_ = nullptr; }

  void Start(Upstream* upstream, const v1::PublishRequest& request) {
    upstream->Publish(request, [executor = executor_, self = self_](
                                   absl::StatusOr<v1::PublishResponse> response) mutable {
      executor->Post([self = std::move(self), response = std::move(response)] {
        if (*self != nullptr) (*self)->OnResponse(response);
      });
    });
  }

 private:
  void OnResponse(const absl::StatusOr<v1::PublishResponse>& response) {
    if (!response.ok()) return Tell(done_, response.status());
    Tell(done_, made_(*response));
  }

  base::Executor* const executor_;
  Made made_;
  CommandRunner::Done done_;
  const std::shared_ptr<Publishing*> self_;  // null inside after the end
};

absl::Status NoBroker() {
  return absl::UnimplementedError("this bridge has no broker to publish to; see broker.target");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Call>> CommandRunner::Run(const Command& command, Done done) {
  if (absl::Status status = names_->CheckChannel(command.channel); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("channel ", status.message()));
  }
  if (command.kind == Command::Kind::kPublish) return RunPublish(command, std::move(done));
  return std::make_unique<History>(hub_, command, std::move(done));
}

absl::StatusOr<std::unique_ptr<Call>> CommandRunner::RunPublish(const Command& command, Done done) {
  if (upstream_ == nullptr) return NoBroker();
  const absl::StatusOr<v1::PublishRequest> request = ParseEventFor(command.channel, command.event);
  if (!request.ok()) return request.status();
  auto publishing = std::make_unique<Publishing>(
      hub_->executor(),
      [id = command.id, channel = command.channel](const v1::PublishResponse& response) {
        return PublishedControl(
            id, channel, response.positions_size() > 0 ? response.positions(0).position() : "");
      },
      std::move(done));
  publishing->Start(upstream_, *request);
  return publishing;
}

absl::StatusOr<std::unique_ptr<Call>> CommandRunner::Publish(absl::string_view body,
                                                             absl::string_view idempotency_key,
                                                             Done done) {
  if (upstream_ == nullptr) return NoBroker();
  absl::StatusOr<v1::PublishRequest> request = ParseEvents(body);
  if (!request.ok()) return request.status();
  request->set_idempotency_key(std::string(idempotency_key));
  auto publishing = std::make_unique<Publishing>(
      hub_->executor(),
      [](const v1::PublishResponse& response) {
        std::vector<PublishedEvent> events;
        events.reserve(static_cast<size_t>(response.positions_size()));
        for (const v1::EventPosition& position : response.positions()) {
          events.push_back({position.sequence() - 1, position.channel(), position.position()});
        }
        return PublishedControl(events);
      },
      std::move(done));
  publishing->Start(upstream_, *request);
  return publishing;
}

}  // namespace spanwire::bridge
