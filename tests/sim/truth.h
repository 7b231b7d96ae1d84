// What really happened, against which every promise is checked: each event that an agent published,
// each that Redis appended, each that a browser was shown. A violation is a line of text; a run
// without any is a good one.
//
// The promises: what a browser is shown was published; it is shown once and in order; nothing is
// left out between two events that it is shown, unless it was told a gap there; no gap is told
// where nothing is missing, nor with a reason that is none; one producer's events stand in its
// order in every log; what is acknowledged was appended on every channel, and no failover takes it
// if it was acknowledged by replicas. What is appended again after a failover took it says so,
// stands behind all that came before it of its producer, and is shown to nobody twice. That all of
// this comes in time is World's to see.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "core/channel/position.h"

namespace spanwire::sim {

using channel::Position;

// One run of an agent.
struct Instance {
  std::string producer;
  bool replicated = false;
  int number = 0;      // of all instances of all producers
  uint64_t epoch = 0;  // once it is known
  struct Published {
    std::vector<std::string> channels;
    bool transient = false;
  };
  std::vector<Published> events;  // sequence − 1
  uint64_t acked = 0;
};

// One entry of a log that Redis had at some time.
struct Record {
  std::string channel;
  Position position;
  std::string name;                // of the event
  const Record* before = nullptr;  // in the channel's history
  bool lost = false;               // not in the channel's history any more
  // Why: a failover took it; or everything was gone, and the clock had passed its epoch.
  bool rolled_back = false;
  bool flushed = false;
  bool epoch_passed = false;
  bool copy = false;     // of an event that was appended before
  uint64_t follows = 0;  // the sequence that its instance had reached there; 0: none
  uint64_t number = 0;
};

class Truth {
 public:
  // Agents.
  Instance* NewInstance(const std::string& producer, bool replicated);
  // Names an event within its text.
  static std::string Name(const Instance& instance, uint64_t sequence);
  void OnAcked(Instance* instance, uint64_t sequence);

  // Redis.
  // `was`: of what position it says that it is a copy.
  void OnAppended(const std::string& channel, Position position, const std::string& name,
                  absl::optional<Position> was);
  // Everything is gone, at this time of Redis' clock.
  void OnFlushed(int64_t now_us);
  // Redis goes back to what it was when `number` records had been appended.
  void OnFailover(uint64_t number);
  uint64_t records() const { return records_made_; }
  // What makes reasons harder to know: from now on logs lose their oldest events; the clock jumped.
  void OnTrimmed() { trimmed_ = true; }
  void OnClockChanged() { clock_changed_ = true; }
  // Producer keys were lost: their events may come twice.
  void OnProducerKeysLost() { keys_lost_at_ = records_made_; }
  const Record* Last(const std::string& channel) const;

  // Browsers.
  struct View {
    std::string name;  // of the browser, for texts
    std::string channel;
    absl::optional<Position> last;  // what it saw or was told last
    std::set<std::string> shown;    // names, since the last rollback
    int gaps = 0;                   // how many it was told
    struct Shown {
      const Record* record;
      int gaps;
    };
    std::map<std::string, Shown> names;  // of what it showed; how often by then
    std::set<Position> seen;             // ids of events, and what was said of them
  };
  // `dropped`: by the rule about copies; everything else was shown.
  void OnEvent(View* view, Position position, absl::optional<Position> prev,
               absl::optional<Position> was, const std::string& name, bool dropped);
  void OnTransient(View* view, const std::string& name);
  void OnGap(View* view, Position after, Position position, const std::string& reason,
             bool still_there, bool was_congested);

  void Bad(const std::string& what);
  const std::vector<std::string>& violations() const { return violations_; }
  const std::map<int, Instance>& instances() const { return instances_; }

  uint64_t shown = 0, gaps = 0, transient = 0, appended = 0, again = 0, copies = 0;

 private:
  const Record* Find(const std::string& channel, Position position) const;
  void CheckCopy(const Record& record, Position was);
  const Instance* InstanceOf(const std::string& name, uint64_t* sequence) const;
  bool TakenByFailover(const std::string& channel, const std::string& name) const;
  std::string BadReason(const View& view, Position after, Position position,
                        const std::string& reason, bool was_congested) const;

  std::map<int, Instance> instances_;
  std::map<std::pair<std::string, Position>, Record> by_position_;
  std::map<std::string, std::vector<const Record*>>
      history_;  // channel → what its log grew by, without what was lost
  std::map<std::pair<std::string, std::string>, std::vector<const Record*>>
      by_name_;  // channel, event
  uint64_t records_made_ = 0;
  uint64_t keys_lost_at_ = 0;
  bool trimmed_ = false;
  bool clock_changed_ = false;
  bool flushed_ = false;
  bool failed_over_ = false;
  std::set<std::string> began_anew_;  // channels that a failover left without any event
  std::vector<std::string> violations_;
};

}  // namespace spanwire::sim
