#include "core/redis/pipeline.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace spanwire::redis {

Pipeline::Pipeline(size_t max_unsent_bytes, size_t max_unanswered)
    : max_unsent_bytes_(max_unsent_bytes), max_unanswered_(max_unanswered) {}

absl::Status Pipeline::Admit(size_t unsent_bytes, size_t command_bytes) const {
  if (waiting_.size() >= max_unanswered_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("redis: ", max_unanswered_, " commands are unanswered"));
  }
  if (command_bytes > max_unsent_bytes_ || unsent_bytes > max_unsent_bytes_ - command_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("redis: more than ", max_unsent_bytes_, " bytes would be unsent"));
  }
  return absl::OkStatus();
}

void Pipeline::Add(Commands::Callback callback, absl::Duration due) {
  waiting_.push_back({std::move(callback), due});
}

absl::Status Pipeline::OnReply(Reply reply) {
  if (waiting_.empty()) return absl::InternalError("redis answered, and nothing was asked");
  Commands::Callback callback = std::move(waiting_.front().callback);
  waiting_.pop_front();
  callback(std::move(reply));
  return absl::OkStatus();
}

absl::optional<absl::Duration> Pipeline::due() const {
  if (waiting_.empty()) return absl::nullopt;
  return waiting_.front().due;
}

void Pipeline::Fail(const absl::Status& why) {
  for (Waiting& waiting : std::exchange(waiting_, {})) waiting.callback(why);
}

}  // namespace spanwire::redis
