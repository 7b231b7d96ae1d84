#include "tests/sim/browser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/bridge_node.h"

namespace spanwire::sim {
namespace {

constexpr absl::Duration kFast = absl::Milliseconds(2);
constexpr absl::Duration kSlow = absl::Milliseconds(900);
// In frames: small, so that being slow is soon noticed.
constexpr size_t kHigh = 12;
constexpr size_t kLow = 3;

// The text of a member that is there once and needs no unescaping; empty: it is not there.
absl::string_view Member(absl::string_view json, absl::string_view name) {
  const std::string key = absl::StrCat("\"", name, "\":\"");
  const size_t at = json.find(key);
  if (at == absl::string_view::npos) return {};
  const size_t begin = at + key.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

}  // namespace

Browser::Browser(base::Executor* executor, Random* random, Truth* truth,
                 const channel::Names* names, std::string name, std::string channel, Begin begin,
                 std::function<BridgeNode*()> pick,
                 std::function<bool(const std::string&, Position)> still_there)
    : executor_(executor),
      random_(random),
      truth_(truth),
      names_(names),
      begin_(begin),
      pick_(std::move(pick)),
      still_there_(std::move(still_there)) {
  view_.name = std::move(name);
  view_.channel = std::move(channel);
  Connect(absl::ZeroDuration());
}

Browser::~Browser() { session_.reset(); }

void Browser::Connect(absl::Duration delay) {
  connecting_ = executor_->After(delay, [this] {
    bridge_ = pick_();
    if (bridge_ == nullptr) return Connect(absl::Milliseconds(Between(*random_, 10, 400)));
    down_ = std::make_unique<Wire>(executor_, random_, slow_ ? kSlow : kFast);
    connection_ = std::make_shared<char>();
    well_since_ = executor_->Uptime();
    session_ = std::make_unique<bridge::Session>(&bridge_->hub, names_,
                                                 static_cast<bridge::Transport*>(this),
                                                 bridge::Session::Options{"sim", false, {}});
    std::string from;
    if (view_.last) {
      from = absl::StrCat(",\"after\":\"", view_.last->ToString(), "\"");
    } else if (begin_ == Begin::kStart) {
      from = ",\"from\":\"start\"";
    } else if (begin_ == Begin::kLast) {
      from = ",\"last\":3";
    }
    session_->OnText(absl::StrCat("{\"cmd\":\"subscribe\",\"id\":1,\"channel\":\"", view_.channel,
                                  "\"", from, "}"));
  });
}

bool Browser::Send(bridge::FramePtr frame) {
  ++queued_;
  if (queued_ > kHigh) congested_ = was_congested_ = true;
  down_->Send([this, slow = slow_, frame = std::move(frame)] {
    if (slow) well_since_ = executor_->Uptime();
    Receive(frame->json());
    Deliver();
  });
  return !congested_;
}

void Browser::Deliver() {
  --queued_;
  if (!congested_ || queued_ > kLow) return;
  congested_ = false;
  executor_->Post([this, alive = std::weak_ptr<char>(connection_)] {
    if (!alive.expired() && session_ != nullptr) session_->OnDrained();
  });
}

void Browser::Close(bridge::CloseCode, absl::string_view, absl::Duration reconnect_after) {
  executor_->Post([this, reconnect_after, alive = std::weak_ptr<char>(connection_)] {
    if (!alive.expired()) Disconnect(reconnect_after);
  });
}

void Browser::Cut() { Disconnect(absl::Milliseconds(Between(*random_, 1, 500))); }

void Browser::Disconnect(absl::Duration reconnect_after) {
  session_.reset();
  connection_.reset();
  down_.reset();
  bridge_ = nullptr;
  queued_ = 0;
  congested_ = was_congested_ = live_ = false;
  well_since_ = absl::InfiniteDuration();
  Connect(reconnect_after);
}

void Browser::SetSlow(bool slow) {
  slow_ = slow;
  if (down_) down_->set_delay(slow ? kSlow : kFast);
}

void Browser::Receive(absl::string_view json) {
  const absl::string_view type = Member(json, "type");
  const absl::optional<Position> position = Position::Parse(Member(json, "position"));
  if (type == "$subscribed") {
    if (view_.last && position != view_.last)
      truth_->Bad(absl::StrCat(view_.name, ": resumed elsewhere: ", json));
    if (!view_.last) view_.last = position;
  } else if (type == "$live") {
    if (position != view_.last) truth_->Bad(absl::StrCat(view_.name, ": live elsewhere: ", json));
    live_ = true;
  } else if (type == "$gap") {
    const absl::optional<Position> after = Position::Parse(Member(json, "after"));
    if (!after || !position) return truth_->Bad(absl::StrCat("a gap without positions: ", json));
    truth_->OnGap(&view_, *after, *position, std::string(Member(json, "reason")),
                  still_there_(view_.channel, *after), was_congested_);
  } else if (type == "$position") {
    view_.last = position;
  } else if (type == "$error") {
    truth_->Bad(absl::StrCat(view_.name, ": ", json));
  } else if (!absl::StartsWith(type, "$")) {
    if (type == "typing") return truth_->OnTransient(&view_, std::string(Member(json, "user")));
    const absl::optional<Position> id = Position::Parse(Member(json, "id"));
    if (!id) return truth_->Bad(absl::StrCat("an event without id: ", json));
    absl::optional<Position> prev;
    if (const absl::string_view text = Member(json, "prev"); !text.empty())
      prev = Position::Parse(text);
    const absl::optional<Position> was = Position::Parse(Member(json, "was"));
    const bool copy = was && seen_.contains(*was);
    seen_.insert(was.value_or(*id));
    truth_->OnEvent(&view_, *id, prev, was, std::string(Member(json, "text")), copy);
  }
}

}  // namespace spanwire::sim
