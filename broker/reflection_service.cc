#include "broker/reflection_service.h"

#include <atomic>
#include <utility>

#include <grpc/reflection/v1/reflection.grpc.pb.h>
#include <grpc/reflection/v1alpha/reflection.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include "broker/descriptors.h"
#include "core/base/limits.h"

namespace spanwire::broker {
namespace {

// The two versions differ in their package only.
template <typename Request, typename Response>
class Reflection {
 public:
  explicit Reflection(std::vector<std::string> services) : services_(std::move(services)) {}

  void Answer(const Request& request, Response* response) const {
    response->Clear();
    response->set_valid_host(request.host());
    *response->mutable_original_request() = request;
    switch (request.message_request_case()) {
      case Request::kFileByFilename:
        return AnswerFiles(FileByName(request.file_by_filename()), response);
      case Request::kFileContainingSymbol:
        return AnswerFiles(FileContainingSymbol(request.file_containing_symbol()), response);
      case Request::kFileContainingExtension: {
        const auto& extension = request.file_containing_extension();
        return AnswerFiles(
            FileContainingExtension(extension.containing_type(), extension.extension_number()),
            response);
      }
      case Request::kAllExtensionNumbersOfType:
        return AnswerNumbers(request.all_extension_numbers_of_type(), response);
      case Request::kListServices:
        for (const std::string& name : services_) {
          response->mutable_list_services_response()->add_service()->set_name(name);
        }
        return;
      case Request::MESSAGE_REQUEST_NOT_SET:
        return AnswerError(absl::InvalidArgumentError("message_request is missing"), response);
    }
  }

 private:
  static void AnswerError(const absl::Status& status, Response* response) {
    response->mutable_error_response()->set_error_code(static_cast<int32_t>(status.code()));
    response->mutable_error_response()->set_error_message(std::string(status.message()));
  }

  static void AnswerFiles(absl::StatusOr<Files> files, Response* response) {
    if (!files.ok()) return AnswerError(files.status(), response);
    for (std::string& file : *files) {
      response->mutable_file_descriptor_response()->add_file_descriptor_proto(std::move(file));
    }
  }

  static void AnswerNumbers(const std::string& type, Response* response) {
    const absl::StatusOr<std::vector<int>> numbers = ExtensionNumbers(type);
    if (!numbers.ok()) return AnswerError(numbers.status(), response);
    auto* answer = response->mutable_all_extension_numbers_response();
    answer->set_base_type_name(type);
    for (const int number : *numbers) answer->add_extension_number(number);
  }

  const std::vector<std::string> services_;
};

// One client: a question, its answer, the next question.
template <typename Request, typename Response>
class Session final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  // `sessions` counts them all, this one too.
  Session(const Reflection<Request, Response>* reflection, std::atomic<size_t>* sessions)
      : reflection_(reflection), sessions_(sessions) {
    if (sessions_->fetch_add(1) < limits::kReflectionSessions) {
      this->StartRead(&request_);
    } else {
      this->Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many sessions"));
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::OK);
    reflection_->Answer(request_, &response_);
    this->StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::CANCELLED);
    this->StartRead(&request_);
  }
  void OnDone() override {
    sessions_->fetch_sub(1);
    delete this;
  }

 private:
  const Reflection<Request, Response>* const reflection_;
  std::atomic<size_t>* const sessions_;
  Request request_;
  Response response_;
};

template <typename Service, typename Request, typename Response>
class ReflectionService final : public Service::CallbackService {
 public:
  explicit ReflectionService(const std::vector<std::string>& services) : reflection_(services) {}

  grpc::ServerBidiReactor<Request, Response>* ServerReflectionInfo(
      grpc::CallbackServerContext*) override {
    return new Session<Request, Response>(&reflection_, &sessions_);
  }

 private:
  const Reflection<Request, Response> reflection_;
  std::atomic<size_t> sessions_ = 0;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeReflectionServices(
    const std::vector<std::string>& services) {
  namespace v1 = grpc::reflection::v1;
  namespace v1alpha = grpc::reflection::v1alpha;
  std::vector<std::unique_ptr<grpc::Service>> made;
  made.push_back(
      std::make_unique<ReflectionService<v1::ServerReflection, v1::ServerReflectionRequest,
                                         v1::ServerReflectionResponse>>(services));
  made.push_back(std::make_unique<
                 ReflectionService<v1alpha::ServerReflection, v1alpha::ServerReflectionRequest,
                                   v1alpha::ServerReflectionResponse>>(services));
  return made;
}

}  // namespace spanwire::broker
