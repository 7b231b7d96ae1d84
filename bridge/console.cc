#include "bridge/console.h"

#include <cstddef>

namespace spanwire::bridge {
namespace {

template <size_t kSize>
constexpr absl::string_view Text(const char (&text)[kSize]) {
  return absl::string_view(text, kSize - 1);
}

// Written by cmake/embed.cmake: { Text(path), Text(content type), Text(content), Text(etag) } of
// each file, "/" first; behind the page's own the client library, below /spanwire/.
constexpr Asset kAssets[] = {
#include "bridge/client_assets.inc"
#include "bridge/console_assets.inc"
};

}  // namespace

const Asset* FindAsset(absl::string_view path) {
  for (const Asset& asset : kAssets) {
    if (asset.path == path) return &asset;
  }
  return nullptr;
}

absl::string_view console_csp() {
  return "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
         "img-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; base-uri "
         "'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace spanwire::bridge
