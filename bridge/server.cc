#include "bridge/server.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limits.h"
#include "core/base/log.h"

namespace spanwire::bridge {
namespace {

constexpr absl::Duration kDrainPoll = absl::Milliseconds(20);

}  // namespace

Server::Lane::Lane(size_t index, Server* server)
    : loop(absl::StrCat("browsers-", index)),
      hub(index, &loop,
          [server](FeedRequest request) { return server->feeds_.Post(std::move(request)); }),
      front(&hub, &server->names_, server->upstream_.get()),
      deliveries(
          &loop,
          [this](std::vector<Delivery>&& deliveries) { hub.OnDeliveries(std::move(deliveries)); },
          [this] { hub.OnOverflow(); }, {limits::kMailboxItems, limits::kDeliveryBytes}),
      connections(&loop, &front, &server->gate_, ConnectionOptions()) {}

Server::Server(const Options& options, std::unique_ptr<Upstream> upstream,
               base::Lifecycle* lifecycle, base::Metrics* metrics, base::Readiness* readiness)
    : options_(options),
      lifecycle_(lifecycle),
      metrics_(metrics),
      readiness_(readiness),
      names_(options.prefix),
      gate_(options.allowed_hosts, options.allowed_origins),
      upstream_(std::move(upstream)),
      feeds_(
          options.feeds, &names_, metrics, readiness,
          [this](size_t lane, Delivery delivery) { Deliver(lane, std::move(delivery)); },
          [this](const absl::Status& fitness) { OnRedisUp(fitness); }) {
  std::vector<ConnectionLoop*> loops;
  for (size_t i = 0; i < options.threads; ++i) {
    lanes_.push_back(std::make_unique<Lane>(i, this));
    loops.push_back(&lanes_.back()->connections);
  }
  listener_ = std::make_unique<Listener>(&lanes_[0]->loop, loops);
  AddMetrics();
}

Server::~Server() {
  feeds_.Stop();
  for (const auto& lane : lanes_) lane->loop.Stop();
  for (const auto& lane : lanes_) lane->loop.Join();
  upstream_.reset();  // it may still post to the loops until then
}

void Server::Start() {
  for (const auto& lane : lanes_) lane->loop.Start();
  feeds_.Start();
}

// What is not taken, the lane's hub makes good once that loop runs again.
void Server::Deliver(size_t lane, Delivery delivery) {
  const size_t bytes = HeldBytes(delivery);
  lanes_[lane]->deliveries.Post(std::move(delivery), bytes);
}

void Server::OnRedisUp(const absl::Status& fitness) {
  if (!fitness.ok()) {
    base::LogError("redis cannot be used", {{"error", fitness.message()}});
    return lifecycle_->Finish(1);
  }
  lanes_[0]->loop.Post([this] { Listen(); });
}

void Server::Listen() {
  if (lifecycle_->draining()) return;
  const absl::Status listening = listener_->Start(options_.listen);
  if (!listening.ok()) {
    base::LogError("bridge cannot listen", {{"error", listening.message()}});
    return lifecycle_->Finish(1);
  }
  base::LogInfo("bridge listening", {{"address", listener_->address().ToString()}});
  readiness_->Set("listener", true);
  // A drain that began meanwhile has said so before.
  if (lifecycle_->draining()) readiness_->Set("listener", false, "draining");
}

void Server::Drain(absl::Duration window, absl::AnyInvocable<void()> done) {
  readiness_->Set("listener", false, "draining");
  for (const auto& lane : lanes_) {
    lane->loop.Post([lane = lane.get(), window] {
      lane->connections.Drain(window);
      lane->hub.Drain(window);
    });
  }
  lanes_[0]->loop.Post(
      [this, done = std::make_shared<absl::AnyInvocable<void()>>(std::move(done))]() mutable {
        listener_->Stop();
        WaitForConnections(std::move(done));
      });
}

void Server::WaitForConnections(std::shared_ptr<absl::AnyInvocable<void()>> done) {
  size_t open = 0;
  for (const auto& lane : lanes_) open += lane->connections.connections();
  if (open == 0) return (*done)();
  wait_ = lanes_[0]->loop.After(kDrainPoll, [this, done = std::move(done)]() mutable {
    WaitForConnections(std::move(done));
  });
}

// Totals are kept by the loops and summed here whenever somebody looks.
void Server::AddMetrics() {
  using Get = uint64_t (*)(const ConnectionLoop&);
  struct Total {
    const char* name;
    const char* help;
    Get get;
  };
  static constexpr Total kTotals[] = {
      {"spanwire_bridge_http_requests_total", "Requests answered, whatever the answer.",
       [](const ConnectionLoop& loop) { return loop.counters().requests.load(); }},
      {"spanwire_bridge_websockets_total", "WebSockets opened.",
       [](const ConnectionLoop& loop) { return loop.counters().websockets.load(); }},
      {"spanwire_bridge_streams_total", "Streams of frames over HTTP opened.",
       [](const ConnectionLoop& loop) { return loop.counters().streams.load(); }},
      {"spanwire_bridge_frames_out_total", "Frames that sessions sent.",
       [](const ConnectionLoop& loop) { return loop.counters().frames_out.load(); }},
      {"spanwire_bridge_messages_in_total", "Messages of clients.",
       [](const ConnectionLoop& loop) { return loop.counters().messages_in.load(); }},
      {"spanwire_bridge_received_bytes_total", "Bytes from browsers.",
       [](const ConnectionLoop& loop) { return loop.counters().bytes_in.load(); }},
      {"spanwire_bridge_sent_bytes_total", "Bytes to browsers.",
       [](const ConnectionLoop& loop) { return loop.counters().bytes_out.load(); }},
  };
  const auto sum = [this](Get get) {
    uint64_t total = 0;
    for (const auto& lane : lanes_) total += get(lane->connections);
    return total;
  };
  const auto follow = [](base::Counter& counter, uint64_t total) {
    counter.Increment(static_cast<double>(total) - counter.value());
  };
  for (const Total& total : kTotals) {
    base::Counter& counter = metrics_->AddCounter(total.name, total.help);
    metrics_->AddCallback([=, &counter] { follow(counter, sum(total.get)); });
  }
  base::Gauge& connections =
      metrics_->AddGauge("spanwire_bridge_connections", "Connections now, all kinds.");
  base::Gauge& websockets =
      metrics_->AddGauge("spanwire_bridge_websockets", "WebSockets open now.");
  base::Gauge& streams =
      metrics_->AddGauge("spanwire_bridge_streams", "Streams of frames over HTTP open now.");
  base::Counter& accepted =
      metrics_->AddCounter("spanwire_bridge_accepted_total", "Connections accepted.");
  base::Counter& refused =
      metrics_->AddCounter("spanwire_bridge_refused_connections_total",
                           "Connections refused for lack of room or descriptors.");
  metrics_->AddCallback([=, this, &connections, &websockets, &streams, &accepted, &refused] {
    connections.Set(static_cast<double>(
        sum([](const ConnectionLoop& loop) -> uint64_t { return loop.connections(); })));
    websockets.Set(static_cast<double>(
        sum([](const ConnectionLoop& loop) { return loop.counters().websockets_open.load(); })));
    streams.Set(static_cast<double>(
        sum([](const ConnectionLoop& loop) { return loop.counters().streams_open.load(); })));
    follow(accepted, listener_->accepted());
    follow(refused, listener_->refused());
  });
  for (size_t i = 0; i < ConnectionCounters::kCloseCodeCount; ++i) {
    base::Counter& closes = metrics_->AddCounter(
        "spanwire_bridge_closes_total", "WebSockets closed, by close code; 0: any other.",
        {{"code", absl::StrCat(ConnectionCounters::kCloseCodes[i])}});
    metrics_->AddCallback([=, this, &closes] {
      uint64_t total = 0;
      for (const auto& lane : lanes_) total += lane->connections.counters().closes[i].load();
      follow(closes, total);
    });
  }
}

}  // namespace spanwire::bridge
