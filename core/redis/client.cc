#include "core/redis/client.h"

#include "absl/strings/str_cat.h"
#include "core/redis/resp.h"

namespace spanwire::redis {
namespace {

// A loop that stood still finds its timers due before it has read what arrived meanwhile. Then it
// reads first.
constexpr absl::Duration kLate = absl::Milliseconds(100);

// What a caller hears, whatever it was that ended the connection.
absl::Status Unavailable(const absl::Status& why) { return absl::UnavailableError(why.message()); }

}  // namespace

Client::Client(base::Loop* loop, RedisOptions options, std::string name)
    : loop_(loop),
      timeout_(options.timeout),
      link_(loop, std::move(options), std::move(name), this),
      refused_(std::make_shared<Refusals>()) {}

Client::~Client() = default;

void Client::AddListener(ConnectionListener* listener) { listeners_.push_back(listener); }

void Client::Start() { link_.Start(); }

void Client::Stop() { link_.Stop(); }

bool Client::up() const { return link_.up(); }

const absl::Status& Client::health() const { return link_.health(); }

const ConnectionStats& Client::stats() const { return link_.stats(); }

void Client::Reset(absl::Status why) { link_.Reset(std::move(why)); }

void Client::Call(absl::Span<const absl::string_view> args, Callback callback) {
  if (!up()) return Refuse(Unavailable(health()), std::move(callback));
  absl::Status admitted = pipeline_.Admit(link_.unsent_bytes(), CommandBytes(args));
  if (!admitted.ok()) {
    ++link_.stats().refused;
    return Refuse(std::move(admitted), std::move(callback));
  }
  link_.Send(args);
  pipeline_.Add(std::move(callback), loop_->Uptime() + timeout_);
  link_.stats().unanswered.store(pipeline_.unanswered(), std::memory_order_relaxed);
  if (!deadline_) WatchDeadline();
}

// Callbacks never come from within Call: those refused in one turn are called together in the next
// one.
void Client::Refuse(absl::Status why, Callback callback) {
  refused_->emplace_back(std::move(why), std::move(callback));
  if (refused_->size() > 1) return;
  loop_->Post([refused = std::weak_ptr<Refusals>(refused_)] {
    // Held, since a callback may destroy the client; those after it are then dropped with it.
    const std::shared_ptr<Refusals> held = refused.lock();
    if (!held) return;
    for (auto& [why, callback] : std::exchange(*held, {})) {
      if (held.use_count() == 1) return;
      callback(std::move(why));
    }
  });
}

void Client::WatchDeadline() {
  const absl::optional<absl::Duration> due = pipeline_.due();
  if (!due) return deadline_.reset();
  deadline_ = loop_->After(*due - loop_->Uptime(), [this, due = *due] { OnDeadline(due); });
}

void Client::OnDeadline(absl::Duration due) {
  const absl::Duration now = loop_->Uptime();
  if (now > due + kLate) {
    deadline_ = loop_->After(kLate, [this] { OnDeadline(loop_->Uptime()); });
  } else if (pipeline_.due().value_or(absl::InfiniteDuration()) > now) {
    WatchDeadline();
  } else {
    link_.Reset(absl::UnavailableError(
        absl::StrCat("redis did not answer within ", absl::FormatDuration(timeout_))));
  }
}

void Client::OnLinkUp() {
  // A listener may end the connection: those after it then hear of neither its beginning nor its
  // end.
  for (told_ = 0; told_ < listeners_.size() && up();) listeners_[told_++]->OnUp();
}

void Client::OnReply(Reply reply) {
  if (absl::Status taken = pipeline_.OnReply(std::move(reply)); !taken.ok()) {
    link_.Reset(std::move(taken));
  }
  link_.stats().unanswered.store(pipeline_.unanswered(), std::memory_order_relaxed);
}

void Client::OnLinkDown(const absl::Status& why) {
  deadline_.reset();
  pipeline_.Fail(Unavailable(why));
  link_.stats().unanswered = 0;
  for (size_t i = 0, told = std::exchange(told_, 0); i < told; ++i) listeners_[i]->OnDown(why);
}

}  // namespace spanwire::redis
