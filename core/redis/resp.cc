#include "core/redis/resp.h"

#include <new>
#include <utility>
#include <vector>

#include <hiredis/hiredis.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace spanwire::redis {
namespace {

// What hiredis' callbacks build into: the tree of one reply. Elements of an array are made when it
// begins, so a pointer to one of them stays good until the reply is whole.
struct Builder {
  Reply root;
  size_t bytes = 0;
  size_t max_bytes = 0;
  bool over_bound = false;

  // False: the reply would pass its bound. hiredis then reports an error.
  bool Charge(size_t more) {
    over_bound = over_bound || more > max_bytes - bytes;
    if (!over_bound) bytes += more;
    return !over_bound;
  }
};

// The place of the object that hiredis has just read; null when it would pass the bound.
Reply* Place(const redisReadTask* task, size_t bytes) {
  Builder* const builder = static_cast<Builder*>(task->privdata);
  if (!builder->Charge(bytes)) return nullptr;
  if (task->parent == nullptr) return &builder->root;
  return &static_cast<Reply*>(task->parent->obj)->elements[static_cast<size_t>(task->idx)];
}

void* CreateString(const redisReadTask* task, char* text, size_t length) {
  Reply* const reply = Place(task, length);
  if (reply == nullptr) return nullptr;
  reply->type = task->type == REDIS_REPLY_ERROR    ? Reply::Type::kError
                : task->type == REDIS_REPLY_STATUS ? Reply::Type::kStatus
                                                   : Reply::Type::kString;
  reply->text.assign(text, length);
  return reply;
}

// Elements are counted by an int in hiredis 0.14, by a size_t in 1.x.
template <typename Count>
void* CreateArray(const redisReadTask* task, Count elements) {
  const size_t count = static_cast<size_t>(elements);
  Reply* const reply = Place(task, count * sizeof(Reply));
  if (reply == nullptr) return nullptr;
  reply->type = Reply::Type::kArray;
  reply->elements.resize(count);
  return reply;
}

// The last parameter's type is hiredis' own, `long long`.
void* CreateInteger(const redisReadTask* task, decltype(redisReply::integer) value) {
  Reply* const reply = Place(task, 0);
  reply->type = Reply::Type::kInteger;
  reply->integer = value;
  return reply;
}

void* CreateNil(const redisReadTask* task) { return Place(task, 0); }

// Nothing is hiredis' to free: the tree belongs to the Builder.
void FreeObject(void*) {}

// By name: 1.x has more of them, for RESP3, which is not spoken here.
redisReplyObjectFunctions MakeFunctions() {
  redisReplyObjectFunctions functions = {};
  functions.createString = CreateString;
  functions.createArray = CreateArray;
  functions.createInteger = CreateInteger;
  functions.createNil = CreateNil;
  functions.freeObject = FreeObject;
  return functions;
}

redisReplyObjectFunctions functions = MakeFunctions();

struct FreeReader {
  void operator()(redisReader* reader) const { redisReaderFree(reader); }
};

}  // namespace

void AppendCommand(absl::Span<const absl::string_view> args, std::string* out) {
  std::vector<const char*> texts;
  std::vector<size_t> lengths;
  texts.reserve(args.size());
  lengths.reserve(args.size());
  for (absl::string_view arg : args) {
    texts.push_back(arg.data());
    lengths.push_back(arg.size());
  }
  char* command = nullptr;
  // int in hiredis 0.14, long long in 1.x.
  const auto length =
      redisFormatCommandArgv(&command, static_cast<int>(args.size()), texts.data(), lengths.data());
  if (length < 0) throw std::bad_alloc();  // its only way to fail
  out->append(command, static_cast<size_t>(length));
  redisFreeCommand(command);
}

size_t CommandBytes(absl::Span<const absl::string_view> args) {
  constexpr size_t kFraming = 25;  // "$", twenty digits, two line ends
  size_t bytes = kFraming;
  for (absl::string_view arg : args) bytes += kFraming + arg.size();
  return bytes;
}

struct ReplyParser::State {
  Builder builder;
  std::unique_ptr<redisReader, FreeReader> reader;
};

ReplyParser::ReplyParser(size_t max_reply_bytes) : state_(std::make_unique<State>()) {
  state_->builder.max_bytes = max_reply_bytes;
  state_->reader.reset(redisReaderCreateWithFunctions(&functions));
  if (!state_->reader) throw std::bad_alloc();
  state_->reader->privdata = &state_->builder;
}

ReplyParser::~ReplyParser() = default;

void ReplyParser::Feed(absl::string_view bytes) {
  redisReaderFeed(state_->reader.get(), bytes.data(), bytes.size());
}

absl::StatusOr<absl::optional<Reply>> ReplyParser::Next() {
  Builder& builder = state_->builder;
  redisReader* const reader = state_->reader.get();
  void* whole = nullptr;
  const int result = redisReaderGetReply(reader, &whole);
  // Text that is not whole is still in the reader's buffer, where the builder cannot see it.
  const size_t buffered = reader->len - reader->pos;
  if (builder.over_bound || (whole == nullptr && buffered > builder.max_bytes - builder.bytes)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a reply of redis is larger than ", builder.max_bytes, " bytes"));
  }
  if (result != REDIS_OK) {
    return absl::UnavailableError(
        absl::StrCat("what came from redis is not its protocol: ", redisReaderGetError(reader)));
  }
  if (whole == nullptr) return absl::optional<Reply>();
  builder.bytes = 0;
  return absl::optional<Reply>(std::exchange(builder.root, Reply()));
}

}  // namespace spanwire::redis
