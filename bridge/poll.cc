#include "bridge/poll.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridge/control.h"
#include "core/base/limits.h"

namespace spanwire::bridge {
namespace {

bool KnowsAll(const Cursor& cursor) {
  return std::all_of(cursor.begin(), cursor.end(),
                     [](const auto& position) { return position.has_value(); });
}

Cursor Beginnings(const StreamRequest& request) {
  Cursor cursor;
  for (const Command& command : request.channels) cursor.push_back(command.after);
  return cursor;
}

}  // namespace

Poll::Poll(Hub* hub, StreamRequest request, Site::Answer answer)
    : hub_(hub),
      begin_(Beginnings(request)),
      answer_(std::move(answer)),
      gathering_(hub, std::move(request.channels), limits::kPollEvents, [this] { OnChange(); }) {
  hub_->Add(this);
  wait_ = hub_->executor()->After(request.wait, [this] { OnWaited(); });
}

Poll::~Poll() { hub_->Remove(this); }

void Poll::OnDrain(absl::Duration after) {
  Response response = JsonResponse(UnavailableControl(after));
  response.status = 503;
  Finish(std::move(response));
}

void Poll::OnChange() {
  if (!gathering_.status().ok()) return Finish(ErrorResponse(gathering_.status()));
  if (!gathering_.complete()) return;
  if (!gathering_.losses().empty()) return Finish(Lost());
  // Who had no position yet has one now, and nobody would wait for the next event without it.
  if (!gathering_.frames().empty() || !KnowsAll(begin_)) return Finish(Events());
  if (waited_) FinishWaited();
}

// However short its wait, a poll brings what was missed before: the log is read first.
void Poll::OnWaited() {
  if (gathering_.complete()) return FinishWaited();
  waited_ = true;
  wait_ = hub_->executor()->After(limits::kPollPatience, [this] { FinishWaited(); });
}

void Poll::FinishWaited() {
  gathering_.TellPositions();
  if (!gathering_.losses().empty()) return Finish(Lost());
  if (gathering_.frames().empty() && !gathering_.complete()) {
    return Finish(ErrorResponse(absl::UnavailableError("redis did not answer in time")));
  }
  // The cursor moves also past what was not to be shown.
  if (!gathering_.frames().empty() || gathering_.cursor() != begin_) return Finish(Events());
  Response nothing;
  nothing.status = 204;
  nothing.headers = {{"Cache-Control", "no-store"}};
  Finish(std::move(nothing));
}

void Poll::Finish(Response response) {
  if (std::exchange(answered_, true)) return;
  wait_.reset();
  answer_(std::move(response));
}

// Channels that lost nothing stay where they were: their events come with the next poll.
Response Poll::Lost() const {
  Cursor cursor = begin_;
  std::vector<LostControl> lost;
  for (const Gathering::Loss& loss : gathering_.losses()) {
    cursor[loss.channel] = loss.gap.position;
    lost.push_back({gathering_.commands()[loss.channel].channel, loss.gap});
  }
  for (size_t i = 0; i < cursor.size(); ++i) {
    if (!cursor[i]) cursor[i] = gathering_.cursor()[i];
  }
  Response response = JsonResponse(GoneControl(lost, FormatCursor(cursor)));
  response.status = 410;
  return response;
}

Response Poll::Events() const {
  Response response = JsonResponse("");
  response.body = R"({"events":[)";
  response.frames = gathering_.frames();
  response.tail = absl::StrCat(R"(],"cursor":")", FormatCursor(gathering_.cursor()),
                               gathering_.more() ? R"(","more":true})" : "\"}", "\n");
  return response;
}

}  // namespace spanwire::bridge
