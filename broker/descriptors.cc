#include "broker/descriptors.h"

#include <algorithm>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "absl/container/flat_hash_set.h"

namespace spanwire::broker {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

const DescriptorPool& Pool() { return *DescriptorPool::generated_pool(); }

absl::StatusOr<Files> WithImports(const FileDescriptor* file, absl::string_view missing) {
  if (file == nullptr) return absl::NotFoundError(missing);
  std::vector<const FileDescriptor*> files = {file};
  absl::flat_hash_set<const FileDescriptor*> seen = {file};
  for (size_t i = 0; i < files.size(); ++i) {
    for (int d = 0; d < files[i]->dependency_count(); ++d) {
      const FileDescriptor* import = files[i]->dependency(d);
      if (seen.insert(import).second) files.push_back(import);
    }
  }
  Files encoded;
  for (const FileDescriptor* each : files) {
    google::protobuf::FileDescriptorProto proto;
    each->CopyTo(&proto);
    encoded.push_back(proto.SerializeAsString());
  }
  return encoded;
}

}  // namespace

absl::StatusOr<Files> FileByName(const std::string& name) {
  return WithImports(Pool().FindFileByName(name), "no such file");
}

absl::StatusOr<Files> FileContainingSymbol(const std::string& symbol) {
  return WithImports(Pool().FindFileContainingSymbol(symbol), "no such symbol");
}

absl::StatusOr<Files> FileContainingExtension(const std::string& type, int number) {
  const Descriptor* message = Pool().FindMessageTypeByName(type);
  if (message == nullptr) return absl::NotFoundError("no such type");
  const FieldDescriptor* extension = Pool().FindExtensionByNumber(message, number);
  return WithImports(extension == nullptr ? nullptr : extension->file(), "no such extension");
}

absl::StatusOr<std::vector<int>> ExtensionNumbers(const std::string& type) {
  const Descriptor* message = Pool().FindMessageTypeByName(type);
  if (message == nullptr) return absl::NotFoundError("no such type");
  std::vector<const FieldDescriptor*> extensions;
  Pool().FindAllExtensions(message, &extensions);
  std::vector<int> numbers;
  numbers.reserve(extensions.size());
  for (const FieldDescriptor* extension : extensions) numbers.push_back(extension->number());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace spanwire::broker
