#include "core/channel/appender.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/channel/append_call.h"

namespace spanwire::channel {
namespace {

constexpr absl::Duration kRetryFirst = absl::Milliseconds(20);
constexpr absl::Duration kRetryLast = absl::Milliseconds(500);

bool WantsReplicas(const AppendGroup& group) {
  return std::any_of(group.items.begin(), group.items.end(),
                     [](const AppendItem& item) { return item.producer->replicated; });
}

}  // namespace

// What is in flight.
struct Appender::Call {
  std::vector<AppendGroup> groups;
  absl::Duration since;       // when its oldest event came
  absl::Duration formed;      // when its events were taken from the queue
  bool touches = false;       // as last sent
  bool whole_script = false;  // Redis does not know the script: send it
  int refusals = 0;
  // What its last sending has to learn of replicas; null: none of its producers wants to know.
  std::shared_ptr<ReplicatedCommits::Question> replication;
};

struct Appender::Channel {
  std::string name;
  AppendQueue queue;
  std::unique_ptr<Call> call;
  base::Executor::Timer retry;
  bool dirty = false;   // its next call is about to be formed
  bool opened = false;  // a call has appended on this connection
  absl::Duration touched;
  double mean_bytes = 0;
  uint64_t newest_epoch = 0;  // that was seen here, on this connection or an earlier one

  // Nothing is queued or in flight any more, and the channel is to be opened again.
  void Clear() {
    queue.clear();
    call = nullptr;
    retry = nullptr;
    dirty = opened = false;
  }
};

Appender::Appender(base::Executor* executor, redis::Commands* redis, const Names* names,
                   AppenderListener* listener, Options options, ReplicaBarrier* replicas)
    : executor_(executor),
      redis_(redis),
      names_(names),
      listener_(listener),
      options_(std::move(options)),
      ledger_({options_.queue_bytes, options_.sink_bytes},
              [this](AppendSink* sink) { OnRoom(sink); }),
      replicated_(replicas, &ledger_, listener),
      random_(base::FreshSeed()),
      alive_(std::make_shared<char>()) {}

Appender::~Appender() = default;

void Appender::Append(AppendSink* sink, const std::shared_ptr<const Producer>& producer,
                      absl::string_view channel, uint64_t sequence, bool transient,
                      std::shared_ptr<const std::string> event) {
  Channel& state = ChannelOf(channel);
  ledger_.Push(&state.queue, sink,
               {producer, sequence, transient, std::move(event), executor_->Uptime()});
  if (!state.call) MarkDirty(state);
}

Appender::Channel& Appender::ChannelOf(absl::string_view name) {
  const auto found = channels_.find(name);
  if (found != channels_.end()) return *found->second;
  if (channels_.size() >= limits::kAppenderChannels) Sweep();
  auto channel = std::make_unique<Channel>();
  channel->name = std::string(name);
  Channel& state = *channel;
  channels_.emplace(state.name, std::move(channel));
  return state;
}

// Forgets idle channels. Such a channel begins a new epoch with its next event, which is always
// right, if the channel has lost nothing meanwhile.
void Appender::Sweep() {
  absl::erase_if(channels_, [](const auto& entry) {
    const Channel& channel = *entry.second;
    return channel.queue.empty() && !channel.call && !channel.dirty;
  });
}

// Calls are formed at the end of the loop's turn, so that what arrived together goes together.
void Appender::MarkDirty(Channel& channel) {
  if (channel.dirty) return;
  channel.dirty = true;
  dirty_.push_back(&channel);
  if (dirty_.size() > 1) return;
  executor_->Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    std::vector<Channel*> channels;
    channels.swap(dirty_);
    for (Channel* dirty : channels) {
      dirty->dirty = false;
      if (!dirty->call) Form(*dirty);
    }
  });
}

// Takes the next call's events from the queue. A producer stands in it once: of two instances only
// the newer one.
void Appender::Form(Channel& channel) {
  auto call = std::make_unique<Call>();
  std::vector<std::pair<AppendItem, uint64_t>> fenced;
  absl::flat_hash_map<absl::string_view, size_t> group_of;
  size_t events = 0;
  size_t bytes = 0;
  while (!channel.queue.empty() && events < limits::kAppendEvents) {
    const size_t size = channel.queue.front().event->size();
    if (events > 0 && bytes + size > limits::kAppendBytes) break;
    AppendItem item = ledger_.Pop(&channel.queue);
    const auto [entry, inserted] = group_of.try_emplace(item.producer->id, call->groups.size());
    if (inserted) call->groups.push_back({item.producer, {}});
    AppendGroup& group = call->groups[entry->second];
    if (item.producer->epoch < group.producer->epoch) {
      const uint64_t newer = group.producer->epoch;
      fenced.emplace_back(std::move(item), newer);
      continue;
    }
    if (item.producer->epoch > group.producer->epoch) {
      for (AppendItem& old : group.items) {
        bytes -= old.event->size();
        --events;
        fenced.emplace_back(std::move(old), item.producer->epoch);
      }
      // The map's key is the id of a producer that may go now.
      const size_t index = entry->second;
      group_of.erase(entry);
      group = AppendGroup{item.producer, {}};
      group_of.emplace(group.producer->id, index);
    }
    call->since = events == 0 ? item.since : std::min(call->since, item.since);
    ++events;
    bytes += size;
    group.items.push_back(std::move(item));
  }
  if (events > 0) {
    call->formed = executor_->Uptime();
    channel.call = std::move(call);
    Send(channel);
  }
  for (const auto& [item, newer] : fenced) {
    ledger_.Release(item);
    Fence(*item.source, newer);
  }
}

// Ends one sink, once, however many of its events were concerned.
void Appender::Fence(const AppendSource& source, uint64_t newer) {
  AppendSink* const sink = source.sink;
  if (sink == nullptr) return;
  ledger_.Drop(sink);
  relieved_.erase(sink);
  fencing_.insert(sink);
  executor_->Post([this, sink, newer, alive = std::weak_ptr<char>(alive_)] {
    // Forget called since then took the sink out of the set: it may be gone.
    if (!alive.expired() && fencing_.erase(sink) > 0) sink->OnFenced(newer);
  });
}

void Appender::Send(Channel& channel) {
  Call& call = *channel.call;
  const absl::Duration touch_every = std::min(limits::kTouchInterval, options_.log_ttl / 4);
  const absl::Duration now = executor_->Uptime();
  const char* mode = !channel.opened                        ? "open"
                     : now - channel.touched >= touch_every ? "touch"
                                                            : "keep";
  call.touches = mode[0] != 'k';

  AppendTerms terms;
  terms.channel = channel.name;
  terms.verb = options_.verb;
  terms.salt = std::uniform_int_distribution<uint32_t>(1, limits::kEpochSalt)(random_);
  terms.mode = mode;
  terms.max_events = MaxEvents(channel);
  terms.log_ttl = options_.log_ttl;
  terms.floor = channel.newest_epoch;
  const AppendCommand command(*names_, call.groups, terms, call.whole_script);
  ++counters_.calls;
  redis_->Call(command.words(),
               [this, &channel, generation = generation_,
                alive = std::weak_ptr<char>(alive_)](absl::StatusOr<redis::Reply> reply) {
                 if (!alive.expired() && generation == generation_)
                   OnReply(channel, std::move(reply));
               });
  // Also after a call of duplicates: publish.lua writes then too, and the sending before may have
  // been acknowledged by nobody.
  const bool asks = std::any_of(call.groups.begin(), call.groups.end(), WantsReplicas);
  call.replication = asks ? replicated_.Ask() : nullptr;
}

// The log keeps as many events as fit its bytes, by the mean of what this broker appended.
uint64_t Appender::MaxEvents(Channel& channel) const {
  for (const AppendGroup& group : channel.call->groups) {
    for (const AppendItem& item : group.items) {
      if (item.transient) continue;
      const double size = static_cast<double>(item.event->size());
      channel.mean_bytes += channel.mean_bytes == 0 ? size : (size - channel.mean_bytes) / 16;
    }
  }
  const double fit = static_cast<double>(options_.max_bytes) / std::max(channel.mean_bytes, 1.0);
  return std::clamp<uint64_t>(static_cast<uint64_t>(fit), limits::kLogEventsFloor,
                              std::max<uint64_t>(options_.max_events, limits::kLogEventsFloor));
}

void Appender::OnReply(Channel& channel, absl::StatusOr<redis::Reply> reply) {
  // The connection was lost: Clear follows and does the work for all channels at once. The outcome
  // is unknown, so this must not be sent again in place: a failover may have come between.
  if (absl::IsUnavailable(reply.status())) return;
  if (!reply.ok()) return Refused(channel, reply.status());
  if (reply->is_error()) {
    const absl::string_view code = reply->error_code();
    if (code == "READONLY") {  // a demoted master; everything on this connection is void
      return redis_->Reset(absl::UnavailableError("redis answers READONLY: it is no master"));
    }
    if (code == "NOSCRIPT" && !channel.call->whole_script) {
      channel.call->whole_script = true;
      return Send(channel);
    }
    return Refused(channel, code == "OOM" ? absl::ResourceExhaustedError("redis is out of memory")
                                          : absl::UnavailableError(absl::StrCat(
                                                "redis refuses to append: ", reply->text)));
  }
  if (reply->elements.size() != 3 + channel.call->groups.size() ||
      !reply->elements[0].is_string()) {
    return Refused(channel, absl::InternalError("redis answered publish.lua with something else"));
  }
  Settle(channel, *reply);
}

// A definite error: nothing of the call is known to be missing in the middle, so the whole call is
// tried again, the same events first, until the deadline.
void Appender::Refused(Channel& channel, const absl::Status& why) {
  ++counters_.refused;
  Call& call = *channel.call;
  const absl::Duration left = call.since + options_.append_deadline - executor_->Uptime();
  if (left <= absl::ZeroDuration()) return Fail(channel, why);
  base::LogWarning("append refused, will be retried",
                   {{"channel", channel.name}, {"error", why.message()}});
  call.whole_script = false;
  const absl::Duration delay =
      std::min(kRetryFirst * (1 << std::min(call.refusals++, 6)), kRetryLast);
  channel.retry = executor_->After(std::min(delay, left), [this, &channel] { Send(channel); });
}

// Gives the call up, and with it whatever waited behind it for as long, and everything that those
// concerned have queued anywhere.
void Appender::Fail(Channel& channel, const absl::Status& why) {
  const std::unique_ptr<Call> call = std::move(channel.call);
  absl::btree_set<std::string> producers;
  std::vector<std::shared_ptr<AppendSource>> sources;
  const auto concern = [&](const AppendItem& item) {
    producers.insert(item.producer->id);
    sources.push_back(item.source);
  };
  for (const AppendGroup& group : call->groups) {
    for (const AppendItem& item : group.items) concern(item);
  }
  const absl::Duration late = executor_->Uptime() - options_.append_deadline;
  for (const AppendItem& item : channel.queue) {
    if (item.since > late) break;
    concern(item);
  }
  Release(*call);
  for (const std::shared_ptr<AppendSource>& source : sources) {
    if (source->sink != nullptr) ledger_.Drop(source->sink);
  }
  Next(channel);
  // Copies may be among what is given up. As after a loss, they are asked for before the agents,
  // whose streams end now, are back.
  if (const auto log = memory_.logs().find(channel.name); log != memory_.logs().end())
    AskFor(channel.name, *log->second);
  for (const std::string& id : producers) listener_->OnProducerFailed(id, why);
}

void Appender::Settle(Channel& channel, const redis::Reply& reply) {
  Call& call = *channel.call;
  const absl::optional<Position> last = Position::Parse(reply.elements[0].text);
  const uint64_t appended = static_cast<uint64_t>(std::max<int64_t>(reply.elements[1].integer, 0));
  counters_.appended += appended;
  counters_.unpublished += static_cast<uint64_t>(std::max<int64_t>(reply.elements[2].integer, 0));
  if (appended > 0) {
    if (!channel.opened) ++counters_.epochs;
    channel.opened = true;
    if (call.touches) channel.touched = call.formed;
  }
  if (last) channel.newest_epoch = std::max(channel.newest_epoch, last->epoch);
  // What was appended by one call is contiguous and of one epoch: the script can only begin one
  // with the first event.
  Position next = last.value_or(Position{});
  next.seq -= std::min(next.seq, appended);
  for (size_t g = 0; g < call.groups.size(); ++g) {
    const int64_t answer = reply.elements[3 + g].integer;
    if (answer < 0) {
      for (const AppendItem& item : call.groups[g].items)
        Fence(*item.source, static_cast<uint64_t>(-answer));
      continue;
    }
    uint64_t reached = static_cast<uint64_t>(answer);
    AppendMemory::Log* log = nullptr;
    for (size_t i = 0; i < call.groups[g].items.size(); ++i) {
      AppendItem& item = call.groups[g].items[i];
      absl::optional<Position> position;
      if (item.sequence <= reached) {
        ++counters_.duplicates;
      } else {
        if (item.transient) {
          ++counters_.transient;
        } else {
          ++next.seq;
          position = next;
        }
        Remember(channel, item, reached, position, &log);
        reached = item.sequence;
      }
      if (item.producer->replicated) {
        replicated_.Add(call.replication.get(), std::move(item), position);
        continue;
      }
      // A sink may be forgotten by what another one does when it hears this.
      if (AppendSink* const sink = item.source->sink; sink != nullptr)
        sink->OnCommitted(item.sequence, channel.name, position);
    }
  }
  memory_.Prune(executor_->Uptime());
  const std::unique_ptr<Call> done = std::move(channel.call);
  Release(*done);
  Next(channel);
  if (done->replication != nullptr) replicated_.Close(done->replication.get(), channel.name);
}

// Not of producers whose keys expire soon: an event that is still there would be taken for lost.
void Appender::Remember(Channel& channel, const AppendItem& item, uint64_t before,
                        absl::optional<Position> position, AppendMemory::Log** log) {
  if (item.producer->ttl < limits::kProducerTtl) return;
  if (position && IsCopy(*item.event)) ++counters_.again;
  if (*log == nullptr) *log = memory_.Of(channel.name);
  memory_.Add(*log, {item.producer, before, item.sequence, position.value_or(Position{}),
                     position ? item.event : nullptr, executor_->Uptime()});
}

void Appender::Recall() {
  for (const auto& [name, log] : memory_.logs()) AskFor(name, *log);
}

void Appender::AskFor(const std::string& name, const AppendMemory::Log& log) {
  std::vector<std::string> producers = ProducersOf(log);
  std::vector<std::string> words = {"MGET"};
  words.reserve(words.size() + producers.size());
  for (const std::string& id : producers) words.push_back(names_->ProducerKey(name, id));
  redis_->Call(std::vector<absl::string_view>(words.begin(), words.end()),
               [this, name, producers = std::move(producers), generation = generation_,
                alive = std::weak_ptr<char>(alive_)](const absl::StatusOr<redis::Reply>& reply) {
                 if (!alive.expired() && generation == generation_) OnKnown(name, producers, reply);
               });
}

// Copies are their producer's own events, with its sequences: whatever of them came back meanwhile
// makes them duplicates, and a newer instance fences them. They do not wait for replicas: they were
// committed, and nobody would hear of it.
void Appender::OnKnown(const std::string& name, absl::Span<const std::string> producers,
                       const absl::StatusOr<redis::Reply>& reply) {
  const auto found = memory_.logs().find(name);
  if (absl::IsUnavailable(reply.status()) || found == memory_.logs().end()) return;
  if (!reply.ok() || reply->elements.size() != producers.size()) {
    base::LogWarning(
        "cannot ask what redis has lost",
        {{"channel", name}, {"error", reply.ok() ? reply->text : reply.status().message()}});
    return;
  }
  const std::vector<const AppendMemory::Entry*> lost =
      FindLost(*found->second, producers, reply->elements);
  if (lost.empty()) return;
  base::LogWarning("appending again what redis has lost",
                   {{"channel", name}, {"events", absl::StrCat(lost.size())}});
  Channel& channel = ChannelOf(name);
  absl::flat_hash_map<const Producer*, std::pair<AppendSink*, std::shared_ptr<const Producer>>>
      whose;
  for (const AppendMemory::Entry* entry : lost) {
    auto& [sink, producer] = whose[entry->producer.get()];
    if (sink == nullptr) {
      Producer plain = *entry->producer;
      sink = &copies_[absl::StrCat(name, " ", plain.id, " ", plain.epoch)];
      plain.replicated = false;
      producer = std::make_shared<const Producer>(std::move(plain));
    }
    ledger_.Push(&channel.queue, sink,
                 {producer, entry->sequence, false, CopyOf(*entry), executor_->Uptime()});
  }
  if (!channel.call) MarkDirty(channel);
}

void Appender::Next(Channel& channel) {
  channel.retry = nullptr;
  if (!channel.queue.empty()) MarkDirty(channel);
}

void Appender::Release(const Call& call) {
  for (const AppendGroup& group : call.groups) {
    for (const AppendItem& item : group.items) {
      if (item.source != nullptr) ledger_.Release(item);  // else it waits for replicas
    }
  }
}

void Appender::Forget(AppendSink* sink) {
  fencing_.erase(sink);
  relieved_.erase(sink);
  ledger_.Drop(sink);
}

Appender::Counters Appender::counters() const {
  Counters counters = counters_;
  counters.replicated = replicated_.replicated();
  counters.unreplicated = replicated_.unreplicated();
  return counters;
}

void Appender::Clear() {
  ++generation_;
  replicated_.Clear();
  ledger_.Clear();
  for (const auto& [name, channel] : channels_) channel->Clear();
  dirty_.clear();
  fencing_.clear();
  relieved_.clear();
  copies_.clear();
  memory_.Prune(executor_->Uptime());
}

// Told on a turn of its own, since it may come from anywhere.
void Appender::OnRoom(AppendSink* sink) {
  if (sink != nullptr && !relieved_.insert(sink).second) return;
  executor_->Post([this, sink, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    if (sink != nullptr) {
      if (relieved_.erase(sink) > 0) sink->OnRoom();
    } else if (on_room_ && !over_bound()) {
      on_room_();
    }
  });
}

}  // namespace spanwire::channel
