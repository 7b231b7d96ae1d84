// Every built-in payload, filled at random and written by protobuf, must translate into what
// protobuf's own JSON says; and no bytes whatever may crash the translator or make it write what is
// not JSON.

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "bridge/json_scanner.h"
#include "bridge/translator.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "spanwire/v1/event.pb.h"

namespace spanwire::bridge {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Struct;
using google::protobuf::Value;
using v1::Event;

const google::protobuf::OneofDescriptor* Payloads() {
  return Event::descriptor()->FindOneofByName("payload");
}

// Fills messages by their descriptors.
class Filler {
 public:
  explicit Filler(uint32_t seed) : random_(seed) {}

  void Fill(Message* message, int depth = 0) {
    const google::protobuf::Descriptor* const descriptor = message->GetDescriptor();
    if (descriptor == Value::descriptor()) return FillValue(static_cast<Value*>(message), depth);
    if (descriptor == Struct::descriptor()) return FillStruct(static_cast<Struct*>(message), depth);
    for (int i = 0; i < descriptor->field_count(); ++i) {
      if (Chance(3)) continue;
      const FieldDescriptor* const field = descriptor->field(i);
      for (int n = field->is_repeated() ? static_cast<int>(random_() % 4) : 1; n > 0; --n) {
        SetField(message, field, depth);
      }
    }
  }

  void FillStruct(Struct* value, int depth) {
    for (int n = static_cast<int>(random_() % (depth < 3 ? 20 : 2)); n > 0; --n) {
      FillValue(&(*value->mutable_fields())[Text()], depth + 1);
    }
  }

  void FillValue(Value* value, int depth) {
    switch (random_() % (depth < 4 ? 6 : 4)) {
      case 0:
        return value->set_null_value(google::protobuf::NULL_VALUE);
      case 1:
        return value->set_number_value(Number());
      case 2:
        return value->set_string_value(Text());
      case 3:
        return value->set_bool_value(Chance(2));
      case 4:
        return FillStruct(value->mutable_struct_value(), depth + 1);
      default:
        value->mutable_list_value();
        for (int n = static_cast<int>(random_() % 4); n > 0; --n) {
          FillValue(value->mutable_list_value()->add_values(), depth + 1);
        }
    }
  }

  std::string Text() {
    static const char* const kPieces[] = {"a", "status", "\"", "\\",   "\n",
                                          "ü", "世界",   "🌍",  "\x01", " ",
                                          "/", "<",      "0",  "",     "longer than eight"};
    std::string text;
    for (int n = static_cast<int>(random_() % 6); n > 0; --n)
      text += kPieces[random_() % std::size(kPieces)];
    return text;
  }

  double Number() {
    switch (random_() % 4) {
      case 0:
        return 0;
      case 1:
        return static_cast<double>(static_cast<int32_t>(random_()));
      case 2:
        return static_cast<double>(static_cast<int32_t>(random_())) / 1000;
      default:
        return std::ldexp(static_cast<double>(random_()), static_cast<int>(random_() % 600) - 300);
    }
  }

  bool Chance(uint32_t of) { return random_() % of == 0; }
  std::mt19937& random() { return random_; }

 private:
  int64_t Integer() {
    const int64_t wide = static_cast<int64_t>(random_()) << 32 | random_();
    return Chance(3) ? 0 : wide >> (random_() % 64);
  }

  void SetField(Message* message, const FieldDescriptor* field, int depth) {
    const Reflection* const reflection = message->GetReflection();
    if (field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return Fill(reflection->AddMessage(message, field), depth + 1);
    }
    if (field->is_repeated()) return reflection->AddString(message, field, Text());
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection->SetInt32(message, field, static_cast<int32_t>(Integer()));
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection->SetInt64(message, field, Integer());
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection->SetDouble(message, field, Number());
      case FieldDescriptor::CPPTYPE_BOOL:
        return reflection->SetBool(message, field, Chance(2));
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection->SetEnumValue(message, field, static_cast<int>(random_() % 6));
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection->SetString(message, field, Text());
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(reflection->MutableMessage(message, field), depth + 1);
      default:
        ADD_FAILURE() << field->full_name() << " has a type that this test does not fill";
    }
  }

  std::mt19937 random_;
};

Struct ReadJson(const std::string& json) {
  Struct read;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &read);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << json;
  return read;
}

// The payload's JSON as protobuf prints it, under this project's rules for absent fields: scalars
// without presence are there, empty lists and maps are not.
Struct Expected(const Message& payload) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(payload, &json, options).ok());
  Struct expected = ReadJson(json);
  const google::protobuf::Descriptor* const descriptor = payload.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* const field = descriptor->field(i);
    if (field->has_presence() || field->is_repeated() || expected.fields().count(field->name()))
      continue;
    Value* const value = &(*expected.mutable_fields())[field->name()];
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        value->set_string_value("");
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        value->set_bool_value(false);
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        value->set_string_value(field->enum_type()->FindValueByNumber(0)->name());
        break;
      default:
        value->set_number_value(0);
    }
  }
  return expected;
}

// Compares two JSON values; doubles exactly. Serialized deterministically: maps have no order.
std::string Canonical(const Struct& value) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  value.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

TEST(TranslatorProtobufTest, EveryPayloadSaysWhatProtobufsJsonSays) {
  Filler filler(1);
  Translator translator;
  for (int i = 0; i < Payloads()->field_count(); ++i) {
    const FieldDescriptor* const field = Payloads()->field(i);
    if (field->number() == Event::kCustomFieldNumber) continue;
    for (int round = 0; round < 60; ++round) {
      Event event;
      Message* const payload = event.GetReflection()->MutableMessage(&event, field);
      if (round > 0) filler.Fill(payload);
      event.set_session_id(filler.Text());
      const auto translation =
          translator.Translate(event.SerializeAsString(), "", absl::nullopt, absl::nullopt);
      ASSERT_TRUE(translation.ok()) << translation.status() << event.DebugString();
      const Struct read = ReadJson(std::string(translation->json));
      ASSERT_EQ(read.fields().at("type").string_value(), field->name());
      ASSERT_EQ(read.fields().at("session_id").string_value(), event.session_id());
      const Struct& data = read.fields().at("data").struct_value();
      const Struct expected = Expected(*payload);
      ASSERT_EQ(Canonical(data), Canonical(expected)) << translation->json << "\n"
                                                      << expected.DebugString();
    }
  }
}

TEST(TranslatorProtobufTest, CustomDataSayWhatProtobufsJsonSays) {
  Filler filler(2);
  Translator translator;
  for (int round = 0; round < 500; ++round) {
    Event event;
    event.mutable_custom()->set_type("own");
    filler.FillStruct(event.mutable_custom()->mutable_data(), 0);
    const auto translation =
        translator.Translate(event.SerializeAsString(), "", absl::nullopt, absl::nullopt);
    ASSERT_TRUE(translation.ok()) << translation.status();
    const Struct read = ReadJson(std::string(translation->json));
    ASSERT_EQ(Canonical(read.fields().at("data").struct_value()), Canonical(event.custom().data()));
  }
}

// Cuts an encoded event's top-level fields apart and shuffles them: nothing changes, since each
// stands once.
TEST(TranslatorProtobufTest, TheOrderOfFieldsDoesNotMatter) {
  Filler filler(3);
  Translator translator;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> parts;
    Event event;
    event.mutable_timestamp()->set_seconds(1'704'110'400);
    event.mutable_accepted_at()->set_nanos(5'000);
    event.set_agent("a");
    event.set_session_id("s");
    event.set_user_id("u");
    for (const char* const name : {"timestamp", "accepted_at", "agent", "session_id", "user_id"}) {
      Event part = event;
      std::vector<const FieldDescriptor*> set;
      part.GetReflection()->ListFields(part, &set);
      for (const FieldDescriptor* const field : set) {
        if (field->name() != name) part.GetReflection()->ClearField(&part, field);
      }
      parts.push_back(part.SerializeAsString());
    }
    Event payload;
    const int which =
        static_cast<int>(filler.random()() % static_cast<uint32_t>(Payloads()->field_count() - 1));
    filler.Fill(payload.GetReflection()->MutableMessage(&payload, Payloads()->field(which)));
    parts.push_back(payload.SerializeAsString());
    std::string whole;
    std::string shuffled;
    for (const std::string& part : parts) whole += part;
    std::shuffle(parts.begin(), parts.end(), filler.random());
    for (const std::string& part : parts) shuffled += part;
    const auto first = translator.Translate(whole, "", absl::nullopt, absl::nullopt);
    ASSERT_TRUE(first.ok());
    const std::string expected(first->json);
    const auto second = translator.Translate(shuffled, "", absl::nullopt, absl::nullopt);
    ASSERT_TRUE(second.ok());
    ASSERT_EQ(second->json, expected);
  }
}

// Random damage to encoded events: what protobuf takes, so does the translator, and what the
// translator lets through is JSON with the record's four keys first.
TEST(TranslatorProtobufTest, DamagedEventsNeverCrashAndStayRight) {
  const google::protobuf::LogSilencer no_complaints_about_utf8;
  Filler filler(4);
  Translator translator;
  int accepted = 0;
  for (int round = 0; round < 30'000; ++round) {
    Event event;
    const int which =
        static_cast<int>(filler.random()() % static_cast<uint32_t>(Payloads()->field_count()));
    filler.Fill(event.GetReflection()->MutableMessage(&event, Payloads()->field(which)));
    if (event.has_custom()) event.mutable_custom()->set_type("own");
    event.set_session_id("s");
    event.mutable_timestamp()->set_seconds(5);
    std::string bytes = event.SerializeAsString();
    for (int edits = static_cast<int>(filler.random()() % 4); edits > 0 && !bytes.empty();
         --edits) {
      const size_t place = filler.random()() % bytes.size();
      if (filler.Chance(3)) {
        bytes.erase(place, filler.random()() % 3);
      } else if (filler.Chance(2)) {
        bytes.insert(place, bytes.substr(filler.random()() % bytes.size(), filler.random()() % 12));
      } else {
        bytes[place] = static_cast<char>(filler.random()());
      }
    }
    const auto translation =
        translator.Translate(bytes, "c", channel::Position{7, 3}, absl::nullopt);
    Event parsed;
    if (parsed.ParseFromString(bytes) && parsed.payload_case() != Event::PAYLOAD_NOT_SET &&
        !parsed.has_custom()) {
      ASSERT_TRUE(translation.ok()) << translation.status() << parsed.DebugString();
    }
    if (!translation.ok()) continue;
    ++accepted;
    std::string again;
    std::vector<std::string> keys;
    ASSERT_TRUE(ScanJsonObject(
                    translation->json,
                    [&](const JsonMember& member) {
                      keys.emplace_back(member.key);
                      return absl::OkStatus();
                    },
                    &again)
                    .ok())
        << translation->json;
    ASSERT_EQ(again, translation->json);
    ASSERT_GE(keys.size(), 6u);
    ASSERT_EQ(
        (std::vector<std::string>(keys.begin(), keys.begin() + 6)),
        (std::vector<std::string>{"type", "timestamp", "session_id", "data", "channel", "id"}));
  }
  EXPECT_GT(accepted, 5'000);
}

TEST(TranslatorProtobufTest, NoiseNeverCrashes) {
  std::mt19937 random(5);
  Translator translator;
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const auto translation = translator.Translate(bytes, "c", absl::nullopt, absl::nullopt);
    if (translation.ok()) {
      std::string out;
      ASSERT_TRUE(ScanJsonObject(translation->json, &out).ok());
    }
  }
}

// Structs nested as deeply as protobuf's parser lets them in.
TEST(TranslatorProtobufTest, DeepStructsAreTranslated) {
  Event event;
  event.mutable_custom()->set_type("own");
  Struct* level = event.mutable_custom()->mutable_data();
  for (int depth = 0; depth < 30; ++depth)
    level = (*level->mutable_fields())["a"].mutable_struct_value();
  Event parsed;
  ASSERT_TRUE(parsed.ParseFromString(event.SerializeAsString()));
  Translator translator;
  EXPECT_TRUE(
      translator.Translate(event.SerializeAsString(), "", absl::nullopt, absl::nullopt).ok());
  for (int depth = 0; depth < 200; ++depth)
    level = (*level->mutable_fields())["a"].mutable_struct_value();
  EXPECT_FALSE(
      translator.Translate(event.SerializeAsString(), "", absl::nullopt, absl::nullopt).ok());
}

}  // namespace
}  // namespace spanwire::bridge
