// The built-in payloads of an Event, prepared from the schema: which field numbers they have and
// how they are written.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bridge/message_table.h"

namespace spanwire::bridge {

class PayloadTables {
 public:
  struct Payload {
    std::string head;  // how its JSON begins: `{"type":"task_started","timestamp":`
    const MessageTable* table = nullptr;
  };

  // The program's one instance, made at the first call.
  static const PayloadTables& Get();

  // Null: this schema has no payload of that number.
  const Payload* Find(uint32_t number) const {
    return number < payloads_.size() ? payloads_[number].get() : nullptr;
  }
  // google.protobuf.Struct.
  const MessageTable& struct_table() const { return *struct_table_; }

 private:
  PayloadTables();

  MessageTables tables_;
  std::vector<std::unique_ptr<const Payload>> payloads_;  // by number
  const MessageTable* struct_table_;
};

}  // namespace spanwire::bridge
