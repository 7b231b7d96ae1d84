// The generic part of the translation, against protobuf's own JSON, on a schema that has what the
// built-in payloads lack.

#include "bridge/message_writer.h"

#include <memory>
#include <string>

#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace spanwire::bridge {
namespace {

using google::protobuf::Message;
using google::protobuf::Struct;
using google::protobuf::TextFormat;

constexpr char kSchema[] = R"pb(
  name: "test.proto"
  package: "test"
  syntax: "proto3"
  dependency: "google/protobuf/struct.proto"
  message_type {
    name: "All"
    field { name: "a_double" number: 1 type: TYPE_DOUBLE label: LABEL_OPTIONAL }
    field { name: "a_float" number: 2 type: TYPE_FLOAT label: LABEL_OPTIONAL }
    field { name: "an_int32" number: 3 type: TYPE_INT32 label: LABEL_OPTIONAL }
    field { name: "an_int64" number: 4 type: TYPE_INT64 label: LABEL_OPTIONAL }
    field { name: "a_uint32" number: 5 type: TYPE_UINT32 label: LABEL_OPTIONAL }
    field { name: "a_uint64" number: 6 type: TYPE_UINT64 label: LABEL_OPTIONAL }
    field { name: "a_sint32" number: 7 type: TYPE_SINT32 label: LABEL_OPTIONAL }
    field { name: "a_sint64" number: 8 type: TYPE_SINT64 label: LABEL_OPTIONAL }
    field { name: "a_fixed32" number: 9 type: TYPE_FIXED32 label: LABEL_OPTIONAL }
    field { name: "a_fixed64" number: 10 type: TYPE_FIXED64 label: LABEL_OPTIONAL }
    field { name: "an_sfixed32" number: 11 type: TYPE_SFIXED32 label: LABEL_OPTIONAL }
    field { name: "an_sfixed64" number: 12 type: TYPE_SFIXED64 label: LABEL_OPTIONAL }
    field { name: "a_bool" number: 13 type: TYPE_BOOL label: LABEL_OPTIONAL }
    field { name: "a_string" number: 14 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "a_bytes" number: 15 type: TYPE_BYTES label: LABEL_OPTIONAL }
    field {
      name: "colour"
      number: 16
      type: TYPE_ENUM
      type_name: ".test.Colour"
      label: LABEL_OPTIONAL
    }
    field {
      name: "child"
      number: 17
      type: TYPE_MESSAGE
      type_name: ".test.All"
      label: LABEL_OPTIONAL
    }
    field { name: "numbers" number: 18 type: TYPE_SINT32 label: LABEL_REPEATED }
    field { name: "doubles" number: 19 type: TYPE_DOUBLE label: LABEL_REPEATED }
    field { name: "floats" number: 20 type: TYPE_FLOAT label: LABEL_REPEATED }
    field {
      name: "colours"
      number: 21
      type: TYPE_ENUM
      type_name: ".test.Colour"
      label: LABEL_REPEATED
    }
    field { name: "words" number: 22 type: TYPE_STRING label: LABEL_REPEATED }
    field {
      name: "children"
      number: 23
      type: TYPE_MESSAGE
      type_name: ".test.All"
      label: LABEL_REPEATED
    }
    field {
      name: "counts"
      number: 24
      type: TYPE_MESSAGE
      type_name: ".test.All.CountsEntry"
      label: LABEL_REPEATED
    }
    field {
      name: "value"
      number: 25
      type: TYPE_MESSAGE
      type_name: ".google.protobuf.Value"
      label: LABEL_OPTIONAL
    }
    field {
      name: "list"
      number: 26
      type: TYPE_MESSAGE
      type_name: ".google.protobuf.ListValue"
      label: LABEL_OPTIONAL
    }
    field { name: "one_int" number: 27 type: TYPE_INT32 label: LABEL_OPTIONAL oneof_index: 0 }
    field {
      name: "one_child"
      number: 28
      type: TYPE_MESSAGE
      type_name: ".test.All"
      label: LABEL_OPTIONAL
      oneof_index: 0
    }
    field { name: "one_text" number: 29 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
    field { name: "far" number: 3000 type: TYPE_STRING label: LABEL_OPTIONAL }
    oneof_decl { name: "one" }
    nested_type {
      name: "CountsEntry"
      options { map_entry: true }
      field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
      field { name: "value" number: 2 type: TYPE_INT64 label: LABEL_OPTIONAL }
    }
  }
  enum_type {
    name: "Colour"
    value { name: "COLOUR_UNSPECIFIED" number: 0 }
    value { name: "COLOUR_RED" number: 1 }
    value { name: "COLOUR_NEGATIVE" number: -3 }
  }
)pb";

class MessageWriterTest : public ::testing::Test {
 protected:
  MessageWriterTest() {
    Struct::descriptor();  // struct.proto is in the generated pool, which lies under this one
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(TextFormat::ParseFromString(kSchema, &file));
    descriptor_ = pool_.BuildFile(file)->FindMessageTypeByName("All");
    table_ = tables_.Add(descriptor_);
  }

  std::string Encode(const std::string& text) {
    std::unique_ptr<Message> message(factory_.GetPrototype(descriptor_)->New());
    EXPECT_TRUE(TextFormat::ParseFromString(text, message.get())) << text;
    return message->SerializeAsString();
  }

  std::string Json(absl::string_view bytes) {
    std::string out;
    return AppendMessage(*table_, bytes, 1, &out) ? out : "refused";
  }

  // Both JSONs of what protobuf makes of `bytes`, read back: they must say the same. Protobuf
  // prints defaults if told to, with empty lists and maps, which here are left out.
  void ExpectAgreement(const std::string& bytes) {
    std::unique_ptr<Message> message(factory_.GetPrototype(descriptor_)->New());
    ASSERT_TRUE(message->ParseFromString(bytes));
    std::unique_ptr<Message> reread(factory_.GetPrototype(descriptor_)->New());
    const std::string json = Json(bytes);
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, reread.get()).ok()) << json;
    EXPECT_EQ(reread->DebugString(), message->DebugString()) << json;
  }

  google::protobuf::DescriptorPool pool_{google::protobuf::DescriptorPool::generated_pool()};
  google::protobuf::DynamicMessageFactory factory_;
  const google::protobuf::Descriptor* descriptor_ = nullptr;
  MessageTables tables_;
  const MessageTable* table_ = nullptr;
};

constexpr char kDefaults[] =
    R"({"a_double":0,"a_float":0,"an_int32":0,"an_int64":"0","a_uint32":0,"a_uint64":"0","a_sint32":0,)"
    R"("a_sint64":"0","a_fixed32":0,"a_fixed64":"0","an_sfixed32":0,"an_sfixed64":"0","a_bool":false,)"
    R"("a_string":"","a_bytes":"","colour":"COLOUR_UNSPECIFIED")";

// The JSON of a message that has, besides the scalars without presence, only `more`.
std::string WithDefaults(const std::string& more) {
  std::string json = std::string(kDefaults) + (more.empty() ? "" : "," + more) + ",\"far\":\"\"}";
  return json;
}

TEST_F(MessageWriterTest, ScalarsWithoutPresenceAreAlwaysThere) {
  EXPECT_EQ(Json(""), WithDefaults(""));
}

TEST_F(MessageWriterTest, EveryTypeOfScalar) {
  const std::string bytes = Encode(
      R"(a_double: -1.5e300 a_float: 0.1 an_int32: -7 an_int64: -8 a_uint32: 4294967295
         a_uint64: 18446744073709551615 a_sint32: -2147483648 a_sint64: -9223372036854775808
         a_fixed32: 4294967295 a_fixed64: 18446744073709551615 an_sfixed32: -1 an_sfixed64: -1
         a_bool: true a_string: "ü" a_bytes: "\377\000" colour: COLOUR_NEGATIVE far: "away")");
  EXPECT_EQ(
      Json(bytes),
      R"({"a_double":-1.5e+300,"a_float":0.1,"an_int32":-7,"an_int64":"-8","a_uint32":4294967295,)"
      R"("a_uint64":"18446744073709551615","a_sint32":-2147483648,)"
      R"("a_sint64":"-9223372036854775808","a_fixed32":4294967295,)"
      R"("a_fixed64":"18446744073709551615","an_sfixed32":-1,"an_sfixed64":"-1","a_bool":true,)"
      R"("a_string":"ü","a_bytes":"/wA=","colour":"COLOUR_NEGATIVE","far":"away"})");
  ExpectAgreement(bytes);
}

TEST_F(MessageWriterTest, AnEnumsUnknownNumberIsANumber) {
  EXPECT_EQ(Json("\x80\x01\x63"), [&] {
    std::string json = WithDefaults("");
    return json.replace(json.find("\"COLOUR_UNSPECIFIED\""), 20, "99");
  }());
}

TEST_F(MessageWriterTest, ListsPackedOrNot) {
  EXPECT_EQ(
      Json(Encode("numbers: [0, -1, 300] doubles: [0.5, 2] floats: 0.25 colours: [COLOUR_RED]")),
      WithDefaults(
          R"("numbers":[0,-1,300],"doubles":[0.5,2],"floats":[0.25],"colours":["COLOUR_RED"])"));
  // sint32 -1 as a field of its own, then two packed, then one more.
  EXPECT_EQ(Json(std::string("\x90\x01\x01\x92\x01\x02\x02\x03\x90\x01\x04", 11)),
            WithDefaults(R"("numbers":[-1,1,-2,2])"));
  EXPECT_EQ(Json(std::string("\x92\x01\x00", 3)), WithDefaults(""));
  EXPECT_EQ(Json("\x92\x01\x01\x80"), "refused");  // a packed number that does not end
  EXPECT_EQ(Json("\x9a\x01\x03"
                 "abc"),
            "refused");  // less than a packed double
  ExpectAgreement(Encode("words: 'a' words: '' words: 'b' children { an_int32: 1 } children {}"));
}

TEST_F(MessageWriterTest, MapsAreObjects) {
  EXPECT_EQ(Json(Encode("counts { key: 'b' value: 2 }")), WithDefaults(R"("counts":{"b":"2"})"));
  // Keys and values may be missing, in any order, repeated; of entries with one key the last
  // counts.
  const std::string entry_a = std::string(
      "\xc2\x01\x05\x0a\x01"
      "a\x10\x01",
      8);
  const std::string entry_b = std::string(
      "\xc2\x01\x05\x10\x02\x0a\x01"
      "b",
      8);
  const std::string entry_a2 = std::string(
      "\xc2\x01\x07\x10\x09\x0a\x01"
      "a\x10\x03",
      10);
  const std::string entry_none = std::string("\xc2\x01\x00", 3);
  const std::string bytes = entry_a + entry_b + entry_a2 + entry_none;
  EXPECT_EQ(Json(bytes), WithDefaults(R"("counts":{"b":"2","a":"3","":"0"})"));
  std::string many;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string key(1, static_cast<char>('a' + i % 26));
    many += std::string("\xc2\x01\x05\x0a\x01") + key + '\x10' + static_cast<char>(i);
    if (i >= 74) expected += (i == 74 ? "\"" : ",\"") + key + "\":\"" + std::to_string(i) + "\"";
  }
  EXPECT_EQ(Json(many), WithDefaults("\"counts\":{" + expected + "}"));
}

TEST_F(MessageWriterTest, TheLastScalarWinsAndMessagesMerge) {
  const std::string bytes =
      Encode("an_int32: 1 child { an_int32: 1 a_string: 'x' words: 'a' }") +
      Encode("child { child { a_bool: true } }") +
      Encode("an_int32: 2 child { an_int32: 3 words: 'b' child { an_int64: 5 } }");
  ExpectAgreement(bytes);
  EXPECT_NE(Json(bytes).find(R"("words":["a","b"])"), std::string::npos);
}

TEST_F(MessageWriterTest, TheLastOfAOneofStands) {
  const std::string child_a = Encode("one_child { an_int32: 1 }");
  const std::string child_b = Encode("one_child { an_int64: 2 }");
  const std::string number = Encode("one_int: 0");
  const std::string text = Encode("one_text: 't'");
  ExpectAgreement(child_a + child_b);
  ExpectAgreement(child_a + number);
  ExpectAgreement(child_a + number + child_b);
  ExpectAgreement(number + text + number);
  EXPECT_EQ(Json(text + number), WithDefaults(R"("one_int":0)"));
}

TEST_F(MessageWriterTest, ValuesStandForJson) {
  EXPECT_EQ(Json(Encode(R"(value { struct_value {
              fields { key: "a" value { list_value { values { number_value: 1 }
                  values { null_value: NULL_VALUE } values { string_value: "x\"" } values { bool_value: false }
                  values {} values { struct_value {} } values { list_value {} } } } } } }
              list { values { number_value: 2.5 } })")),
            WithDefaults(R"("value":{"a":[1,null,"x\"",false,null,{},[]]},"list":[2.5])"));
  EXPECT_EQ(Json(Encode("value {} list {}")), WithDefaults(R"("value":null,"list":[])"));
}

TEST_F(MessageWriterTest, AnotherWireTypeIsAnUnknownField) {
  EXPECT_EQ(Json("\x1a\x01"
                 "a\x70\x05"),
            WithDefaults(""));  // 3 with length, 14 as a varint
}

TEST_F(MessageWriterTest, GroupsAreSkipped) {
  // group 100 { 1: 5, group 2 { }, 3: "x" }, then an_int32.
  EXPECT_EQ(Json(std::string("\xa3\x06\x08\x05\x13\x14\x1a\x01x\xa4\x06\x18\x07", 13)), [&] {
    std::string json = WithDefaults("");
    return json.replace(json.find("\"an_int32\":0"), 12, "\"an_int32\":7");
  }());
  EXPECT_EQ(Json("\xa3\x06\x08\x05"), "refused");  // it does not end
  EXPECT_EQ(Json("\xa3\x06\xac\x06"), "refused");  // another one's end
  EXPECT_EQ(Json("\xa4\x06"), "refused");          // an end without a beginning
  EXPECT_EQ(Json(std::string(10'000, '\x13')), "refused");
}

TEST_F(MessageWriterTest, WhatIsMalformedIsRefused) {
  const std::string bad[] = {
      std::string("\x00\x00", 2),                          // field 0
      "\x18",                                              // no value
      "\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",  // eleven bytes of varint
      "\x09\x01\x02",                                      // half a double
      "\x15\x01",                                          // half a float
      "\x72\x05"
      "abc",                                           // longer than there is
      "\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  // longer than memory
      "\x1e\x01",                                      // wire type 6
      "\x1f\x01",                                      // wire type 7
      "\x72\x02\xc3\x28",                              // not UTF-8
      "\xb2\x01\x01\xff",                              // not UTF-8 in a list
      "\x8a\x01\x02\x72\x05",                          // malformed within a child
      "\xc2\x01\x02\x0a\x05",                          // within a map's entry
  };
  for (const std::string& bytes : bad) EXPECT_EQ(Json(bytes), "refused");
}

TEST_F(MessageWriterTest, DepthIsBounded) {
  std::string bytes;
  for (int depth = 1; depth <= kMessageDepth; ++depth) {
    ASSERT_NE(Json(bytes), "refused") << depth;
    std::string tag = "\x8a\x01";
    for (size_t length = bytes.size();; length >>= 7) {
      if (length < 0x80) {
        tag.push_back(static_cast<char>(length));
        break;
      }
      tag.push_back(static_cast<char>((length & 0x7F) | 0x80));
    }
    bytes = tag + bytes;
  }
  EXPECT_EQ(Json(bytes), "refused");
}

// A message in a hundred thousand pieces is put together in time proportional to its size.
TEST_F(MessageWriterTest, ManyPiecesAreCheap) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes.append("\x8a\x01\x02\x18\x05", 5);
  EXPECT_NE(Json(bytes).find(R"("child":{"a_double":0,"a_float":0,"an_int32":5)"),
            std::string::npos);
}

}  // namespace
}  // namespace spanwire::bridge
