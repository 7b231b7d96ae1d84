#include "core/channel/log_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/random.h"
#include "core/base/log.h"

namespace spanwire::channel {
namespace {

constexpr size_t kFirstPageEvents = 64;  // while nothing is known of the events' size
constexpr absl::Duration kRetry = absl::Milliseconds(100);

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

}  // namespace

struct LogReader::Request {
  std::string channel;
  Ask ask;
  size_t page_events;
  Callback callback;
  LogPage page;
  // Counts attempts: an answer that belongs to an older one is ignored.
  uint64_t attempt = 0;
};

LogReader::LogReader(base::Executor* executor, redis::Commands* redis,
                     const redis::RedisClock* clock, const Names* names, absl::Duration log_ttl)
    : executor_(executor),
      redis_(redis),
      clock_(clock),
      names_(names),
      log_ttl_(log_ttl),
      random_(base::FreshSeed()),
      alive_(std::make_shared<char>()) {}

LogReader::~LogReader() = default;

size_t LogReader::PageEvents(double mean_event_bytes) {
  if (mean_event_bytes == 0) return kFirstPageEvents;
  const double fit = static_cast<double>(limits::kPageBytes) / std::max(mean_event_bytes, 1.0);
  return std::clamp<size_t>(static_cast<size_t>(fit), limits::kPageEventsFloor,
                            limits::kPageEvents);
}

void LogReader::Read(std::string channel, Ask ask, size_t page_events, Callback callback) {
  auto request = std::make_shared<Request>();
  request->channel = std::move(channel);
  request->ask = ask;
  request->page_events = page_events;
  request->callback = std::move(callback);
  ++waiting_;
  Try(std::move(request));
}

// One attempt. The commands of an attempt go out together, so they are executed in order on one
// connection or the whole attempt is void.
void LogReader::Try(std::shared_ptr<Request> request) {
  ++request->attempt;
  request->page = LogPage();
  if (request->ask.kind == Ask::Kind::kTail || request->ask.kind == Ask::Kind::kTailAndRange) {
    SendTail(request);
  }
  if (request->ask.kind != Ask::Kind::kTail) SendRange(request);
}

// A watched channel always has a tail: who finds none gives the channel a fresh epoch, which the
// first event will name.
void LogReader::SendTail(const std::shared_ptr<Request>& request) {
  const std::string key = names_->TailKey(request->channel);
  const uint64_t salt = std::uniform_int_distribution<uint64_t>(1, limits::kEpochSalt)(random_);
  const Position fresh{static_cast<uint64_t>(absl::ToUnixMicros(clock_->Now())) + salt, 0};
  const std::string fresh_text = fresh.ToString();
  const std::string ttl = absl::StrCat(absl::ToInt64Milliseconds(log_ttl_));
  const bool alone = request->ask.kind == Ask::Kind::kTail;
  redis_->Call({"SET", key, fresh_text, "NX", "GET", "PX", ttl},
               [this, request, fresh, alone, attempt = request->attempt,
                alive = std::weak_ptr<char>(alive_)](absl::StatusOr<redis::Reply> reply) {
                 if (alive.expired() || attempt != request->attempt) return;
                 if (Failed(request, reply)) return;
                 Tail tail;
                 if (reply->is_string()) tail.before = Position::Parse(reply->text);
                 tail.now = tail.before.value_or(fresh);
                 request->page.tail = tail;
                 // GT: a clock that went back must not let the tail expire before the log.
                 const std::string renewed = absl::StrCat(
                     absl::ToInt64Milliseconds(tail.now.seq == 0 ? log_ttl_ : limits::kTailTtl));
                 redis_->Call({"PEXPIRE", names_->TailKey(request->channel), renewed, "GT"},
                              [](const absl::StatusOr<redis::Reply>&) {});
                 if (alone) Done(*request);
               });
}

void LogReader::SendRange(const std::shared_ptr<Request>& request) {
  const std::string key = names_->LogKey(request->channel);
  const bool last = request->ask.kind == Ask::Kind::kLast;
  const size_t wanted = last ? request->ask.count : request->page_events;
  const std::string count = absl::StrCat(wanted);
  const std::string from = request->ask.after ? request->ask.after->ToString() : "-";
  const auto on_reply = [this, request, wanted, last, attempt = request->attempt,
                         alive = std::weak_ptr<char>(alive_)](absl::StatusOr<redis::Reply> reply) {
    if (alive.expired() || attempt != request->attempt) return;
    if (Failed(request, reply)) return;
    for (redis::Reply& row : reply->elements) {
      absl::optional<LogEntry> entry = ParseRow(row);
      if (entry) request->page.rows.push_back(std::move(*entry));
    }
    if (last) std::reverse(request->page.rows.begin(), request->page.rows.end());
    request->page.full = !last && reply->elements.size() >= wanted;
    Done(*request);
  };
  if (last) {
    redis_->Call({"XREVRANGE", key, "+", "-", "COUNT", count}, on_reply);
  } else {
    redis_->Call({"XRANGE", key, from, "+", "COUNT", count}, on_reply);
  }
}

bool LogReader::Failed(const std::shared_ptr<Request>& request,
                       const absl::StatusOr<redis::Reply>& reply) {
  if (reply.ok() && !reply->is_error()) return false;
  ++failures_;
  ++request->attempt;
  if (reply.ok()) {
    base::LogWarning("log cannot be read, will be retried",
                     {{"channel", request->channel}, {"error", reply->text}});
  }
  failed_.push_back(request);
  if (failed_.size() > 1) return true;
  retry_ = executor_->After(kRetry, [this] {
    for (std::shared_ptr<Request>& again : std::exchange(failed_, {})) Try(std::move(again));
  });
  return true;
}

void LogReader::Done(Request& request) {
  --waiting_;
  request.callback(std::move(request.page));
}

}  // namespace spanwire::channel
