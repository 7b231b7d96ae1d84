// An agent: the real client machine (clients/cpp/session), on a simulated connection to one of the
// brokers. It publishes now and then, and can be restarted as a new instance of its producer while
// the old one is still alive somewhere.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "broker/publish_stream.h"
#include "clients/cpp/session.h"
#include "core/base/executor.h"
#include "tests/sim/truth.h"
#include "tests/sim/wire.h"

namespace spanwire::sim {

class BrokerNode;

// One stream between an agent and a broker: the broker's end of it.
class AgentStream final : public broker::PublishStream::Transport {
 public:
  class Client {
   public:
    virtual ~Client() = default;
    virtual void OnResponse(const v1::PublishStreamResponse& response) = 0;
    virtual void OnEnded(const absl::Status& status) = 0;
  };

  AgentStream(base::Executor* executor, Random* random, BrokerNode* broker, Client* client);
  ~AgentStream() override;

  // The agent's side.
  void Send(std::string frame);
  void HalfClose();
  // The agent hears nothing more.
  void Cancel();

  // The broker is gone.
  void OnBrokerDied();
  BrokerNode* broker() const { return broker_; }

  void Read() override;
  void Write(const v1::PublishStreamResponse& response) override;
  void Finish(const absl::Status& status) override;

 private:
  void Feed();

  base::Executor* const executor_;
  BrokerNode* broker_;
  Client* client_;
  Wire up_;
  Wire down_;
  std::deque<std::string> arrived_;
  std::string agent_;
  bool half_closed_ = false;
  bool wanted_ = true;  // the first read is under way from the beginning
  std::unique_ptr<broker::PublishStream> stream_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

class Agent final : private AgentStream::Client {
 public:
  // `pick`: a broker that may be connected to now, or null.
  Agent(base::Executor* executor, Random* random, Truth* truth, std::string producer,
        bool replicated, std::function<BrokerNode*()> pick);
  ~Agent() override;

  // Publishes one event on one or two of `channels`.
  void Publish(const std::vector<std::string>& channels);
  bool done() const;
  // Its broker, while it has a stream; since when, or since the last acknowledgement.
  BrokerNode* broker() const { return stream_ ? stream_->broker() : nullptr; }
  absl::Duration waits_since() const { return waits_since_; }
  // Fenced, or refused for good.
  bool stopped() const { return !session_.stopped().ok(); }
  const absl::Status& why() const { return session_.stopped(); }
  uint64_t epoch() const { return session_.producer_epoch(); }
  const Instance& instance() const { return *instance_; }

 private:
  void Advance();
  void Take(client::Step step);
  void OnResponse(const v1::PublishStreamResponse& response) override;
  void OnEnded(const absl::Status& status) override;

  base::Executor* const executor_;
  Random* const random_;
  Truth* const truth_;
  Instance* const instance_;
  const std::function<BrokerNode*()> pick_;
  client::Session session_;
  std::shared_ptr<AgentStream> stream_;
  absl::Duration waits_since_;
  base::Executor::Timer wake_;
  base::Executor::Timer later_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace spanwire::sim
