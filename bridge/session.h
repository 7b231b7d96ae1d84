// One browser: answers its commands and holds its subscriptions. Knows nothing of sockets: a
// Transport takes its frames.
//
// Owner: the connection (through TransportListener). Thread: one connection loop.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bridge/command.h"
#include "bridge/command_runner.h"
#include "bridge/format.h"
#include "bridge/hub.h"
#include "bridge/page_turns.h"
#include "bridge/subscription.h"
#include "bridge/transport.h"
#include "core/channel/name.h"

namespace spanwire::bridge {

class Session final : public TransportListener, public Subscription::Listener, private Hub::Member {
 public:
  struct Options {
    std::string connection;         // names this connection, in $hello
    bool pings = false;             // the client asked for a subprotocol of ours: it gets $ping
    std::vector<Command> commands;  // that come with the request: subscribes, done at once
    Format format = Format::kJson;  // of events
  };

  // All pointers outlive the session. Sends $hello.
  // `runner` may be null: then history and publish are not there.
  Session(Hub* hub, const channel::Names* names, Transport* transport, const Options& options,
          CommandRunner* runner = nullptr);
  ~Session() override;

  void OnText(absl::string_view text) override;
  void OnDrained() override;
  void OnClosed() override {}

 private:
  // Hub::Member.
  void OnTick() override;
  void OnDrain(absl::Duration after) override;

  // Subscription::Listener.
  void OnSubscribed(Subscription* subscription, absl::optional<bool> recovered) override;
  void OnEvent(Subscription* subscription, const FramePtr& frame) override;
  void OnGap(Subscription* subscription, const channel::Gap& gap) override;
  void OnLive(Subscription* subscription) override;
  void OnPosition(Subscription* subscription) override;
  void OnTransient(Subscription* subscription, const FramePtr& frame) override;
  bool congested() const override { return transport_->congested(); }
  // What is concatenated in JSON is not in the event's bytes.
  bool conflates() const override { return format_ != Format::kProto; }
  void OnWantsPage(Subscription* subscription) override { turns_.OnWantsPage(subscription); }
  void OnPageTaken(Subscription* subscription) override { turns_.OnPageTaken(subscription); }
  void OnRefused(Subscription* subscription, const absl::Status& why) override;

  void Subscribe(const Command& command);
  void Unsubscribe(const Command& command);
  void Run(const Command& command);
  void End(Subscription* subscription);
  void Tell(Subscription* subscription, absl::string_view json);
  void Send(FramePtr frame);
  FramePtr MakeControl(absl::string_view json);
  void Reply(absl::string_view json);
  void ReplyError(absl::optional<int64_t> id, absl::optional<absl::string_view> channel,
                  const absl::Status& why);

  Hub* const hub_;
  const channel::Names* const names_;
  Transport* const transport_;
  CommandRunner* const runner_;
  const std::string connection_;
  const bool pings_;
  const Format format_;
  absl::btree_map<std::string, std::unique_ptr<Subscription>> subscriptions_;
  PageTurns turns_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Call>> calls_;  // commands that are carried out
  uint64_t last_call_ = 0;
  uint64_t controls_ = 0;     // made so far
  size_t slots_ = 0;          // given to subscriptions so far
  bool slow_told_ = false;    // $slow is sent, and the transport has not drained since
  size_t reply_bytes_ = 0;    // of replies sent while congested
  absl::Duration sent_;       // when the last frame was sent
  absl::Duration positions_;  // when positions were told last
};

}  // namespace spanwire::bridge
