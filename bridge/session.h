// One browser: answers its commands and holds its subscriptions. Knows nothing of sockets: a
// Transport takes its frames.
//
// Owner: the connection (through TransportListener). Thread: one connection loop.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bridge/command.h"
#include "bridge/hub.h"
#include "bridge/subscription.h"
#include "bridge/transport.h"
#include "core/channel/name.h"

namespace spanwire::bridge {

class Session final : public TransportListener, public Subscription::Listener {
 public:
  struct Options {
    std::string connection;             // names this connection, in $hello
    bool pings = false;                 // the client asked for spanwire.v1: it gets $ping
    std::vector<std::string> channels;  // ?channel=: subscribed at once
  };

  // All pointers outlive the session. Sends $hello.
  Session(Hub* hub, const channel::Names* names, Transport* transport, const Options& options);
  ~Session() override;

  void OnText(absl::string_view text) override;
  void OnDrained() override;
  void OnClosed() override {}

  // From the hub: about once a second.
  void OnTick();
  // The bridge goes down: closes, telling the browser to come back at a random moment of `window`.
  void Drain(absl::Duration window);

 private:
  bool SendFrame(FramePtr frame) override;
  bool congested() const override { return transport_->congested(); }
  void OnWantsPage(Subscription* subscription) override;
  void OnPageTaken(Subscription* subscription) override;
  void OnRefused(Subscription* subscription, const absl::Status& why) override;

  void Subscribe(const Command& command);
  void Unsubscribe(const Command& command);
  void End(Subscription* subscription);
  void ReadNext();
  void Reply(absl::string_view json);
  void ReplyError(absl::optional<int64_t> id, absl::optional<absl::string_view> channel,
                  const absl::Status& why);

  Hub* const hub_;
  const channel::Names* const names_;
  Transport* const transport_;
  const bool pings_;
  absl::flat_hash_map<std::string, std::unique_ptr<Subscription>> subscriptions_;
  // Who wants a page, and who was let ask for one and has not taken it. A page that is read while
  // there is room finds room; what all of them wanted at once would mostly have to be read again.
  std::deque<Subscription*> wanting_;
  std::vector<Subscription*> reading_;
  size_t reply_bytes_ = 0;    // of replies sent while congested
  absl::Duration sent_;       // when the last frame was sent
  absl::Duration positions_;  // when positions were told last
};

}  // namespace spanwire::bridge
