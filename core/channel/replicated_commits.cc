#include "core/channel/replicated_commits.h"

#include <utility>

#include "absl/container/btree_set.h"

namespace spanwire::channel {

struct ReplicatedCommits::Question {
  struct Item {
    AppendItem item;
    absl::optional<Position> position;
  };
  std::string channel;
  std::vector<Item> items;  // as soon as Redis has answered the call
  absl::optional<absl::Status> verdict;
};

std::shared_ptr<ReplicatedCommits::Question> ReplicatedCommits::Ask() {
  auto question = std::make_shared<Question>();
  replicas_->Await(
      [this, question, connection = std::weak_ptr<char>(connection_)](const absl::Status& verdict) {
        if (connection.expired()) return;
        question->verdict = verdict;
        Conclude(question.get());
      });
  return question;
}

void ReplicatedCommits::Add(Question* question, AppendItem item,
                            absl::optional<Position> position) {
  ledger_->Strip(&item);
  question->items.push_back({std::move(item), position});
}

void ReplicatedCommits::Close(Question* question, absl::string_view channel) {
  question->channel = std::string(channel);
  Conclude(question);
}

void ReplicatedCommits::Clear() {
  connection_ = std::make_shared<char>();
  if (replicas_ != nullptr) replicas_->Clear();
}

// Comes twice, when Redis has answered the call and when replicas have been asked, and acts when
// both are there.
void ReplicatedCommits::Conclude(Question* question) {
  if (!question->verdict) return;
  const absl::Status verdict = *question->verdict;
  if (!verdict.ok()) return Fail(question, verdict);
  for (Question::Item& done : std::exchange(question->items, {})) {
    ++replicated_;
    if (AppendSink* const sink = done.item.source->sink; sink != nullptr)
      sink->OnCommitted(done.item.sequence, question->channel, done.position);
    ledger_->Release(done.item);
  }
}

// The events are in the log and stay there, but nobody is told so: the agents send them again, and
// that sending asks again.
void ReplicatedCommits::Fail(Question* question, const absl::Status& why) {
  absl::btree_set<std::string> producers;
  for (const Question::Item& failed : std::exchange(question->items, {})) {
    ++unreplicated_;
    if (AppendSink* const sink = failed.item.source->sink; sink != nullptr) {
      producers.insert(failed.item.producer->id);
      ledger_->Drop(sink);
    }
    ledger_->Release(failed.item);
  }
  for (const std::string& id : producers) listener_->OnProducerFailed(id, why);
}

}  // namespace spanwire::channel
