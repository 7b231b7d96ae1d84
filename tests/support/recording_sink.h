// An AppendSink that writes down what it hears: "<name> <sequence> <channel's last letter>
// <position or ->", "<name> fenced by <epoch>", "<name> has room".
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/channel/append_sink.h"

namespace spanwire::test {

class RecordingSink final : public channel::AppendSink {
 public:
  RecordingSink(std::vector<std::string>* said, std::string name)
      : said_(said), name_(std::move(name)) {}
  void OnCommitted(uint64_t sequence, absl::string_view channel,
                   absl::optional<channel::Position> position) override {
    said_->push_back(absl::StrCat(name_, " ", sequence, " ", channel.substr(channel.size() - 1),
                                  " ", position ? position->ToString() : "-"));
  }
  void OnFenced(uint64_t newer) override {
    said_->push_back(absl::StrCat(name_, " fenced by ", newer));
  }
  void OnRoom() override { said_->push_back(absl::StrCat(name_, " has room")); }

 private:
  std::vector<std::string>* const said_;
  const std::string name_;
};

}  // namespace spanwire::test
