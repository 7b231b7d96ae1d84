// The files of the console and of the JavaScript client, compiled into the bridge: the page works
// without a network, a file system or a build step.
//
// Owner: nobody, constants. Thread safety: immutable.
#pragma once

#include "absl/strings/string_view.h"

namespace spanwire::bridge {

// One file. All four live as long as the program.
struct Asset {
  absl::string_view path;          // as requested, "/console.css"
  absl::string_view content_type;  // the header's value
  absl::string_view content;       // the body
  absl::string_view
      etag;  // the header's value, quotes included: a strong one, a hash of the content
};

// The file that `path` (percent-decoded, without query) names, or nullptr. "/" is the page itself.
const Asset* FindAsset(absl::string_view path);

// The value of Content-Security-Policy that goes with each of them: own scripts, styles and
// connections, nothing inline, nothing from elsewhere, in nobody's frame.
absl::string_view console_csp();

}  // namespace spanwire::bridge
