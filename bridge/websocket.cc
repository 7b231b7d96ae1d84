#include "bridge/websocket.h"

#include <algorithm>
#include <utility>

#include <websocketpp/common/memory.hpp>
#include <websocketpp/extensions/permessage_deflate/disabled.hpp>
#include <websocketpp/http/request.hpp>
#include <websocketpp/http/response.hpp>
#include <websocketpp/message_buffer/alloc.hpp>
#include <websocketpp/message_buffer/message.hpp>
#include <websocketpp/processors/hybi13.hpp>
#include <websocketpp/random/none.hpp>

namespace spanwire::bridge {
namespace {

// What the processor is made of.
struct Config {
  using request_type = websocketpp::http::parser::request;
  using response_type = websocketpp::http::parser::response;
  using message_type =
      websocketpp::message_buffer::message<websocketpp::message_buffer::alloc::con_msg_manager>;
  using con_msg_manager_type = websocketpp::message_buffer::alloc::con_msg_manager<message_type>;
  using rng_type = websocketpp::random::none::int_generator<uint32_t>;
  struct permessage_deflate_config {};
  using permessage_deflate_type =
      websocketpp::extensions::permessage_deflate::disabled<permessage_deflate_config>;
  static constexpr bool enable_extensions = false;
  static constexpr size_t max_message_size = limits::kFrameBytes;
};

using Processor = websocketpp::processor::hybi13<Config>;
using ManagerPtr = Config::con_msg_manager_type::ptr;
using MessagePtr = Config::message_type::ptr;
namespace opcode = websocketpp::frame::opcode;

constexpr uint16_t kProtocolError = 1002;
constexpr uint16_t kUnsupportedData = 1003;
constexpr uint16_t kNoCode = 1005;
constexpr uint16_t kInvalidPayload = 1007;
constexpr uint16_t kTooBig = 1009;

// Draws nothing: only clients mask.
Config::rng_type unused_random;

// The processor, stepped from one of its fields to the next, so that each header is looked at
// before it has an effect.
class Codec : public Processor {
 public:
  explicit Codec(const ManagerPtr& manager) : Processor(false, true, manager, unused_random) {}

  enum class Part { kHead, kExtendedHead, kPayload };
  Part part() const {
    if (m_state == HEADER_BASIC) return Part::kHead;
    return m_state == HEADER_EXTENDED ? Part::kExtendedHead : Part::kPayload;
  }
  opcode::value frame_opcode() const { return websocketpp::frame::get_opcode(m_basic_header); }
  bool has_64_bit_length() const {
    return websocketpp::frame::get_basic_size(m_basic_header) ==
           websocketpp::frame::payload_size_code_64bit;
  }
  // RFC 6455, section 5.2: the most significant bit of a length is 0.
  bool length_is_negative() const {
    return has_64_bit_length() && (m_extended_header.bytes[0] & 0x80) != 0;
  }
  // Of the text whose last byte was just read.
  bool text_is_complete() { return m_data_msg.validator.complete(); }
};

uint16_t CodeOf(const websocketpp::lib::error_code& error) {
  namespace codec_error = websocketpp::processor::error;
  if (error == codec_error::make_error_code(codec_error::message_too_big)) return kTooBig;
  if (error == codec_error::make_error_code(codec_error::invalid_utf8)) return kInvalidPayload;
  return kProtocolError;
}

std::string ControlFrame(opcode::value op, absl::string_view payload) {
  std::string frame;
  frame.reserve(2 + payload.size());
  frame.push_back(static_cast<char>(0x80 | op));
  frame.push_back(static_cast<char>(payload.size()));
  frame.append(payload.data(), payload.size());
  return frame;
}

}  // namespace

struct WebSocket::Impl {
  explicit Impl(const Options& options)
      : options(options), codec(std::make_shared<Config::con_msg_manager_type>()) {
    codec.set_max_message_size(options.message_bytes);
  }

  Event Fail(uint16_t code) {
    over = true;
    return Event{Event::Kind::kError, {}, code};
  }

  // A frame's first two bytes are known: the code it fails with, or 0.
  uint16_t CheckHead() {
    const opcode::value op = codec.frame_opcode();
    if (opcode::is_control(op)) return 0;
    if (op == opcode::binary && !options.binary) return kUnsupportedData;
    frames = op == opcode::continuation ? frames + 1 : 1;
    return frames > options.fragments ? kTooBig : 0;
  }

  Event OnMessage();
  Event OnCloseFrame(const std::string& payload);

  const Options options;
  Codec codec;
  size_t frames = 0;   // of the data message that is being read
  bool over = false;   // closed or failed
  MessagePtr message;  // the last event's
};

WebSocket::Event WebSocket::Impl::OnMessage() {
  message = codec.get_message();
  const std::string& payload = message->get_raw_payload();
  switch (message->get_opcode()) {
    case opcode::text:
      // Only the last byte of an unfragmented text is checked by the processor.
      if (!codec.text_is_complete()) return Fail(kInvalidPayload);
      return Event{Event::Kind::kText, payload};
    case opcode::binary:
      return Event{Event::Kind::kBinary, payload};
    case opcode::ping:
      return Event{Event::Kind::kPing, payload};
    case opcode::pong:
      return Event{Event::Kind::kPong, payload};
    default:
      return OnCloseFrame(payload);
  }
}

WebSocket::Event WebSocket::Impl::OnCloseFrame(const std::string& payload) {
  websocketpp::lib::error_code error;
  const uint16_t code = websocketpp::close::extract_code(payload, error);
  if (error) return Fail(kProtocolError);
  const std::string reason = websocketpp::close::extract_reason(payload, error);
  if (error) return Fail(kInvalidPayload);
  over = true;
  return Event{Event::Kind::kClose,
               absl::string_view(payload).substr(std::min<size_t>(2, payload.size())), code};
}

WebSocket::WebSocket(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
WebSocket::~WebSocket() = default;

absl::optional<WebSocket::Event> WebSocket::Next(absl::Span<char>* bytes) {
  Impl& impl = *impl_;
  impl.message.reset();
  while (!impl.over && !bytes->empty()) {
    const Codec::Part part = impl.codec.part();
    const size_t wanted = std::min(bytes->size(), impl.codec.get_bytes_needed());
    websocketpp::lib::error_code error;
    impl.codec.consume(reinterpret_cast<uint8_t*>(bytes->data()), wanted, error);
    bytes->remove_prefix(wanted);
    // A length whose highest bit is set is an error of the frame before it is one of its size;
    // added to what came before, it may also have gone unnoticed.
    if (part == Codec::Part::kExtendedHead && impl.codec.length_is_negative())
      return impl.Fail(kProtocolError);
    if (error) return impl.Fail(CodeOf(error));
    if (part == Codec::Part::kHead && impl.codec.part() == Codec::Part::kExtendedHead) {
      if (const uint16_t code = impl.CheckHead(); code != 0) return impl.Fail(code);
    }
    if (impl.codec.ready()) return impl.OnMessage();
  }
  if (impl.over) bytes->remove_prefix(bytes->size());
  return absl::nullopt;
}

std::string PingFrame() { return ControlFrame(opcode::ping, {}); }

std::string PongFrame(absl::string_view payload) { return ControlFrame(opcode::pong, payload); }

std::string CloseFrame(uint16_t code, absl::string_view reason) {
  if (code == kNoCode) return ControlFrame(opcode::close, {});
  std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  payload.append(reason.data(), reason.size());
  return ControlFrame(opcode::close, payload);
}

std::string WebSocketAccept(absl::string_view key) {
  Config::request_type request;
  Config::response_type response;
  request.replace_header("Sec-WebSocket-Key", std::string(key));
  Codec(std::make_shared<Config::con_msg_manager_type>()).process_handshake(request, "", response);
  return response.get_header("Sec-WebSocket-Accept");
}

}  // namespace spanwire::bridge
