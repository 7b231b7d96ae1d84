#include "core/channel/log_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::channel {
namespace {

constexpr size_t kFirstPageEvents = 64;  // while nothing is known of the events' size

// A stream entry: [id, [field, value, …]]. Fields: e = the event, p = the position before it.
absl::optional<LogEntry> ParseRow(redis::Reply& row) {
  if (row.elements.size() != 2) return absl::nullopt;
  const absl::optional<Position> position = Position::Parse(row.elements[0].text);
  std::vector<redis::Reply>& fields = row.elements[1].elements;
  if (!position || position->seq == 0) return absl::nullopt;
  LogEntry entry{*position, absl::nullopt, {}};
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text == "e") entry.body = std::move(fields[i + 1].text);
    if (fields[i].text == "p") entry.prev = Position::Parse(fields[i + 1].text);
  }
  return entry;
}

absl::optional<LogEntry> FirstRow(redis::Reply& reply) {
  return reply.elements.empty() ? absl::nullopt : ParseRow(reply.elements.front());
}

absl::optional<absl::Time> AcceptedAt(const LogEntry& entry) {
  v1::Event event;
  if (!event.ParseFromString(entry.body) || !event.has_accepted_at()) return absl::nullopt;
  return absl::FromUnixSeconds(event.accepted_at().seconds()) +
         absl::Nanoseconds(event.accepted_at().nanos());
}

// Who cannot tell when it was accepted is rather shown.
bool IsOlder(const LogEntry& entry, absl::Time since) {
  const absl::optional<absl::Time> accepted = AcceptedAt(entry);
  return accepted && *accepted < since;
}

// The oldest rows that make a page stay; the newest, which stand first, are let go.
void KeepOldest(std::vector<LogEntry>* rows) {
  size_t kept = 0;
  size_t bytes = 0;
  for (; kept < rows->size(); ++kept) {
    bytes += (*rows)[rows->size() - kept - 1].body.size();
    if (kept >= limits::kPageEventsFloor && bytes > limits::kPageBytes) break;
  }
  rows->erase(rows->begin(), rows->end() - static_cast<std::ptrdiff_t>(kept));
}

}  // namespace

struct LogReader::Request {
  std::string channel;
  Ask ask;
  size_t page_events;
  std::weak_ptr<const void> owner;
  Callback callback;
  LogPage page;
  size_t counted = 0;  // of kLast: rows that were met so far …
  std::string lowest;  // … down to this one
  // Of kSince: the log's oldest row; the rows below this place are older than wanted; the row at
  // this one is not.
  absl::optional<LogEntry> oldest;
  Position below;
  Position found;
  bool looks = false;    // this attempt takes the tail only if it is there
  int refusals = 0;      // attempts that Redis answered with an error
  uint64_t attempt = 0;  // an answer that belongs to an older one is ignored
};

LogReader::LogReader(base::Executor* executor, redis::Commands* redis,
                     const redis::RedisClock* clock, const Names* names, absl::Duration log_ttl)
    : executor_(executor),
      redis_(redis),
      clock_(clock),
      names_(names),
      log_ttl_(log_ttl),
      quiet_ttl_(std::max(log_ttl, limits::kQuietTtlFloor)),
      random_(base::FreshSeed()),
      alive_(std::make_shared<char>()) {}

LogReader::~LogReader() = default;

size_t LogReader::PageEvents(double mean_event_bytes) {
  if (mean_event_bytes == 0) return kFirstPageEvents;
  const double fit = static_cast<double>(limits::kPageBytes) / std::max(mean_event_bytes, 1.0);
  return std::clamp<size_t>(static_cast<size_t>(fit), limits::kPageEventsFloor,
                            limits::kPageEvents);
}

void LogReader::Read(std::string channel, Ask ask, size_t page_events,
                     std::weak_ptr<const void> owner, Callback callback) {
  auto request = std::make_shared<Request>();
  request->channel = std::move(channel);
  request->ask = ask;
  request->page_events = std::min(page_events, limits::kPageEvents);
  request->owner = std::move(owner);
  request->callback = std::move(callback);
  ++waiting_;
  Try(request);
}

// One attempt. The commands of an attempt go out together, so they are executed in order on one
// connection or the whole attempt is void.
void LogReader::Try(const RequestPtr& request) {
  ++request->attempt;
  request->page = LogPage();
  request->counted = 0;
  request->lowest.clear();
  switch (request->ask.kind) {
    case Ask::Kind::kTail:
      return SendTail(request);
    case Ask::Kind::kRange:
      return SendRange(request);
    case Ask::Kind::kTailAndRange:
      SendTail(request);
      return SendRange(request);
    case Ask::Kind::kLast:
      return SendLast(request);
    case Ask::Kind::kSince:
      return SendSince(request);
  }
}

// What is done with an answer, unless it belongs to an older attempt. An error ends the attempt.
template <typename Done>
redis::Commands::Callback LogReader::On(const RequestPtr& request, Done done) {
  return [this, request, attempt = request->attempt, alive = std::weak_ptr<char>(alive_),
          done = std::move(done)](absl::StatusOr<redis::Reply> reply) mutable {
    if (alive.expired() || attempt != request->attempt) return;
    if (reply.ok() && !reply->is_error()) return done(*reply);
    ++request->attempt;
    OnError(request, reply);
  };
}

// A watched channel always has a tail: who finds none gives the channel a fresh epoch, which the
// first event will name. It is above that of the reader's position, which may be ahead of the
// clock: or the rows that follow would be below that position, and missed.
void LogReader::SendTail(const RequestPtr& request) {
  const std::string key = names_->TailKey(request->channel);
  if (request->looks) {
    return redis_->Call({"GET", key}, On(request, [this, request](redis::Reply& reply) {
                          const absl::optional<Position> tail = Position::Parse(reply.text);
                          if (tail) return OnTail(request, {tail, *tail});
                          ++request->attempt;
                          OnRefusal(request, "OOM, and there is no tail");
                        }));
  }
  const uint64_t salt = std::uniform_int_distribution<uint64_t>(1, limits::kEpochSalt)(random_);
  const absl::Time now = clock_->Now();
  const auto micros = [](absl::Time time) {
    return static_cast<uint64_t>(absl::ToUnixMicros(time));
  };
  uint64_t above = micros(now);
  if (const absl::optional<Position>& after = request->ask.after;
      after && after->epoch <= micros(now + limits::kTailAhead))
    above = std::max(above, after->epoch);
  const Position fresh{above + salt, 0};
  const std::string ttl = absl::StrCat(absl::ToInt64Milliseconds(quiet_ttl_));
  redis_->Call({"SET", key, fresh.ToString(), "NX", "GET", "PX", ttl},
               On(request, [this, request, fresh](redis::Reply& reply) {
                 Tail tail;
                 if (reply.is_string()) tail.before = Position::Parse(reply.text);
                 tail.now = tail.before.value_or(fresh);
                 OnTail(request, tail);
               }));
}

void LogReader::OnTail(const RequestPtr& request, Tail tail) {
  request->page.tail = tail;
  // GT: a clock that went back must not let the tail expire before the log.
  const std::string ttl =
      absl::StrCat(absl::ToInt64Milliseconds(tail.now.seq == 0 ? quiet_ttl_ : limits::kTailTtl));
  redis_->Call({"PEXPIRE", names_->TailKey(request->channel), ttl, "GT"},
               [](const absl::StatusOr<redis::Reply>&) {});
  if (request->ask.kind == Ask::Kind::kTail) Finish(*request, std::move(request->page));
}

void LogReader::SendRange(const RequestPtr& request) {
  const std::string from = request->ask.after ? request->ask.after->ToString() : "-";
  redis_->Call({"XRANGE", names_->LogKey(request->channel), from, "+", "COUNT",
                absl::StrCat(request->page_events)},
               On(request, [this, request](redis::Reply& reply) {
                 for (redis::Reply& row : reply.elements) {
                   absl::optional<LogEntry> entry = ParseRow(row);
                   if (entry) request->page.rows.push_back(std::move(*entry));
                 }
                 request->page.full = reply.elements.size() >= request->page_events;
                 Finish(*request, std::move(request->page));
               }));
}

// Backwards, page by page: all N at once may be more than a reply may hold.
void LogReader::SendLast(const RequestPtr& request) {
  const size_t wanted = std::min(request->page_events, request->ask.count - request->counted);
  const std::string from = request->lowest.empty() ? "+" : absl::StrCat("(", request->lowest);
  redis_->Call(
      {"XREVRANGE", names_->LogKey(request->channel), from, "-", "COUNT", absl::StrCat(wanted)},
      On(request,
         [this, request, wanted](redis::Reply& reply) { OnLast(request, wanted, reply); }));
}

void LogReader::OnLast(const RequestPtr& request, size_t wanted, redis::Reply& reply) {
  std::vector<LogEntry>& rows = request->page.rows;
  for (redis::Reply& row : reply.elements) {
    if (!row.elements.empty()) request->lowest = row.elements[0].text;
    absl::optional<LogEntry> entry = ParseRow(row);
    if (entry) rows.push_back(std::move(*entry));
  }
  KeepOldest(&rows);
  request->counted += reply.elements.size();
  if (reply.elements.size() == wanted && request->counted < request->ask.count) {
    return SendLast(request);
  }
  std::reverse(rows.begin(), rows.end());
  Finish(*request, std::move(request->page));
}

void LogReader::SendSince(const RequestPtr& request) {
  const std::string key = names_->LogKey(request->channel);
  SendTail(request);
  redis_->Call({"XRANGE", key, "-", "+", "COUNT", "1"},
               On(request, [request](redis::Reply& reply) { request->oldest = FirstRow(reply); }));
  redis_->Call(
      {"XREVRANGE", key, "+", "-", "COUNT", "1"},
      On(request, [this, request](redis::Reply& reply) { OnEnds(request, FirstRow(reply)); }));
}

void LogReader::OnEnds(const RequestPtr& request, const absl::optional<LogEntry>& newest) {
  const absl::Time since = *request->ask.since;
  if (!request->oldest || !newest) {
    // What expired was accepted before the log's last ttl.
    Position start = request->page.tail->now;
    if (since < clock_->Now() - log_ttl_) start.seq = 0;
    return FinishAt(*request, start);
  }
  if (IsOlder(*newest, since)) return FinishAt(*request, newest->position);
  if (!IsOlder(*request->oldest, since)) return FinishAt(*request, Oldest(*request));
  request->below = request->oldest->position;
  request->found = newest->position;
  Bisect(request);
}

// All that the log has is wanted. If there was more, reading begins where the gap is seen: events
// that left because there were too many may have been wanted, those that expired were older than
// the oldest by the log's ttl.
Position LogReader::Oldest(const Request& request) const {
  const LogEntry& oldest = *request.oldest;
  if (oldest.position.seq > 1) return {oldest.position.epoch, 0};
  const absl::optional<absl::Time> accepted = AcceptedAt(oldest);
  const bool wanted = accepted && *request.ask.since < *accepted - log_ttl_;
  if (wanted && oldest.prev && oldest.prev->seq > 0) return {oldest.prev->epoch, 0};
  return oldest.position.Before();
}

// Positions have holes between epochs, and after trimming: what is halved is the range of numbers,
// by the epoch until one is left. Times are those of several brokers, so near the place they may
// not be quite in order; one of the places where they change is found.
void LogReader::Bisect(const RequestPtr& request) {
  const Position below = request->below;
  const Position found = request->found;
  if (below >= found) return FinishAt(*request, found.Before());
  const Position middle = below.epoch < found.epoch
                              ? Position{below.epoch + (found.epoch - below.epoch + 1) / 2, 0}
                              : Position{found.epoch, below.seq + (found.seq - below.seq + 1) / 2};
  redis_->Call({"XREVRANGE", names_->LogKey(request->channel), absl::StrCat("(", middle.ToString()),
                below.ToString(), "COUNT", "1"},
               On(request, [this, request, middle](redis::Reply& reply) {
                 const absl::optional<LogEntry> row = FirstRow(reply);
                 if (row && !IsOlder(*row, *request->ask.since)) {
                   request->found = row->position;
                 } else {
                   request->below = middle;
                 }
                 Bisect(request);
               }));
}

void LogReader::FinishAt(Request& request, Position start) {
  request.page.start = start;
  Finish(request, std::move(request.page));
}

void LogReader::OnError(const RequestPtr& request, const absl::StatusOr<redis::Reply>& reply) {
  ++failures_;
  if (!reply.ok()) return RetryAfter(request, limits::kReadRetryFirst);
  // SET is refused also where it would only read: perhaps the tail is there.
  if (reply->error_code() == "OOM" && !request->looks) {
    request->looks = true;
    return Try(request);
  }
  if (reply->error_code() == "WRONGTYPE") {
    return Finish(*request, absl::FailedPreconditionError(
                                "a key of this channel in redis holds something else"));
  }
  // The right to look is a spare one.
  if (reply->error_code() == "NOPERM" && !request->looks) {
    return Finish(*request, absl::PermissionDeniedError("redis refuses to have this channel read"));
  }
  OnRefusal(request, reply->text);
}

void LogReader::OnRefusal(const RequestPtr& request, absl::string_view why) {
  base::LogWarning("log cannot be read, will be retried",
                   {{"channel", request->channel}, {"error", why}});
  absl::Duration ceiling = limits::kReadRetryFirst;
  for (int i = 0; i < request->refusals && ceiling < limits::kReadRetryLast; ++i) ceiling *= 2;
  ++request->refusals;
  RetryAfter(request, std::min(ceiling, limits::kReadRetryLast));
}

// After a time drawn from the upper half, so that those who failed together do not come together.
void LogReader::RetryAfter(const RequestPtr& request, absl::Duration ceiling) {
  request->looks = false;
  const absl::Duration wait = ceiling * std::uniform_real_distribution<double>(0.5, 1)(random_);
  const auto place = failed_.emplace(executor_->Uptime() + wait, request);
  if (place == failed_.begin()) retry_ = executor_->After(wait, [this] { Retry(); });
}

void LogReader::Retry() {
  const absl::Duration now = executor_->Uptime();
  std::vector<RequestPtr> due;
  while (!failed_.empty() && failed_.begin()->first <= now) {
    due.push_back(std::move(failed_.begin()->second));
    failed_.erase(failed_.begin());
  }
  if (!failed_.empty()) {
    retry_ = executor_->After(failed_.begin()->first - now, [this] { Retry(); });
  }
  for (const RequestPtr& request : due) {
    if (request->owner.expired()) {
      --waiting_;
    } else {
      Try(request);
    }
  }
}

void LogReader::Finish(Request& request, absl::StatusOr<LogPage> result) {
  --waiting_;
  if (!request.owner.expired()) request.callback(std::move(result));
}

}  // namespace spanwire::channel
