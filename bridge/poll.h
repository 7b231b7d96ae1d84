// One long poll: hangs until there is something after its cursor, or until it has waited enough.
// Nothing outlives it: the next poll, with the cursor that this one gave, may come to another
// bridge.
//
// Owner: a Connection. Thread: one connection loop.
#pragma once

#include "bridge/gathering.h"
#include "bridge/hub.h"
#include "bridge/site.h"
#include "bridge/stream_request.h"
#include "core/base/executor.h"

namespace spanwire::bridge {

class Poll final : public Call, private Hub::Member {
 public:
  // `hub` outlives it. `answer` is never called from within.
  Poll(Hub* hub, StreamRequest request, Site::Answer answer);
  ~Poll() override;

 private:
  void OnDrain(absl::Duration after) override;
  void OnChange();
  void OnWaited();
  void FinishWaited();
  void Finish(Response response);
  Response Lost() const;
  Response Events() const;

  Hub* const hub_;
  const Cursor begin_;  // what was asked for
  Site::Answer answer_;
  bool answered_ = false;
  bool waited_ = false;  // its wait is over
  Gathering gathering_;
  base::Executor::Timer wait_;
};

}  // namespace spanwire::bridge
