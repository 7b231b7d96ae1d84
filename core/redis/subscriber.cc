#include "core/redis/subscriber.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace spanwire::redis {
namespace {

// The silence that costs a connection is measured in ticks, not by the clock: a loop that stood
// still has missed ticks too, and reads what arrived meanwhile before the next one.
constexpr int kTicks = 4;

}  // namespace

Subscriber::Subscriber(base::Loop* loop, RedisOptions options, PubSubListener* listener)
    : loop_(loop),
      timeout_(options.timeout),
      listener_(listener),
      set_(listener),
      link_(loop, std::move(options), "pubsub", this) {}

Subscriber::~Subscriber() = default;

void Subscriber::Start() { link_.Start(); }

void Subscriber::Stop() { link_.Stop(); }

bool Subscriber::up() const { return link_.up(); }

const absl::Status& Subscriber::health() const { return link_.health(); }

const ConnectionStats& Subscriber::stats() const { return link_.stats(); }

void Subscriber::Subscribe(absl::string_view channel) {
  set_.Subscribe(channel);
  SendSoon();
}

void Subscriber::Unsubscribe(absl::string_view channel) {
  set_.Unsubscribe(channel);
  SendSoon();
}

void Subscriber::Reset(absl::Status why) { link_.Reset(std::move(why)); }

// Whatever is called in one turn leaves in as few commands as it takes.
void Subscriber::SendSoon() {
  if (send_ || !up() || !set_.ready()) return;
  send_ = loop_->After(absl::ZeroDuration(), [this] {
    send_.reset();
    Send();
  });
}

void Subscriber::Send() {
  while (up()) {
    const std::vector<absl::string_view> args = set_.Next();
    if (args.empty()) break;
    link_.Send(args);
  }
  link_.stats().unanswered.store(set_.unanswered(), std::memory_order_relaxed);
}

void Subscriber::OnLinkUp() {
  set_.OnUp();
  silent_ticks_ = 0;
  Listen();
  listener_->OnPubSubUp();
  SendSoon();
}

void Subscriber::OnReply(Reply reply) {
  silent_ticks_ = 0;
  if (absl::Status taken = set_.OnReply(std::move(reply)); !taken.ok()) {
    return link_.Reset(std::move(taken));
  }
  link_.stats().unanswered.store(set_.unanswered(), std::memory_order_relaxed);
  SendSoon();
}

void Subscriber::OnLinkDown(const absl::Status& why) {
  tick_.reset();
  send_.reset();
  set_.OnDown();
  link_.stats().unanswered = 0;
  listener_->OnPubSubDown(why);
}

void Subscriber::Listen() {
  tick_ = loop_->After(timeout_ / kTicks, [this] { OnTick(); });
}

void Subscriber::OnTick() {
  if (silent_ticks_ >= kTicks) {
    return link_.Reset(absl::UnavailableError(
        absl::StrCat("nothing was heard from redis for ", absl::FormatDuration(timeout_))));
  }
  if (silent_ticks_ > 0) {
    set_.Ping();
    SendSoon();
  }
  ++silent_ticks_;
  Listen();
}

}  // namespace spanwire::redis
