#include "bridge/http_gate.h"

#include <gtest/gtest.h>

namespace spanwire::bridge {
namespace {

int Refusal(absl::string_view host, absl::optional<absl::string_view> origin = absl::nullopt) {
  static const HttpGate gate({"bridge.example"},
                             {"https://app.example.com", "http://other.example:8080"});
  Request request;
  request.headers = {{"Host", std::string(host)}};
  if (origin.has_value()) request.headers.emplace_back("Origin", std::string(*origin));
  const absl::optional<Response> refused = gate.Refuse(request);
  return refused.has_value() ? refused->status : 0;
}

TEST(HttpGate, TakesLocalAndConfiguredHostsWithAnyPort) {
  for (const char* host : {"localhost", "LocalHost:7480", "127.0.0.1", "127.0.0.1:1", "[::1]",
                           "[::1]:65535", "bridge.example", "Bridge.Example:443"}) {
    EXPECT_EQ(Refusal(host), 0) << host;
  }
}

TEST(HttpGate, AnyOtherHostIs421) {
  for (const char* host :
       {"evil.example", "localhost.evil.example", "evil.localhost", "localhost.", "127.0.0.2",
        "127.0.0.1.evil.example", "[::2]", "::1", "[::1", "localhost:", "localhost:99999",
        "localhost:x", "localhost:80:80", "user@localhost", "localhost:+1", "localhost, evil", " ",
        "0.0.0.0", "2130706433"}) {
    EXPECT_EQ(Refusal(host), 421) << host;
  }
}

TEST(HttpGate, TakesTheSameOriginAndConfiguredOnes) {
  EXPECT_EQ(Refusal("localhost:7480", "http://localhost:7480"), 0);
  EXPECT_EQ(Refusal("[::1]:7480", "http://[::1]:7480"), 0);
  EXPECT_EQ(Refusal("localhost", "https://app.example.com"), 0);
  EXPECT_EQ(Refusal("localhost", "http://other.example:8080"), 0);
}

TEST(HttpGate, AForeignOriginIs403) {
  for (const char* origin :
       {"null", "", "http://evil.example", "http://localhost", "http://localhost:7481",
        "https://localhost:7480", "http://127.0.0.1:7480", "http://app.example.com",
        "https://app.example.com:443", "https://APP.example.com", "https://app.example.com/",
        "https://app.example.com.evil.example", "http://localhost:7480.evil.example",
        "http://localhost:7480 ", "file://", "http://localhost:7480, http://evil.example"}) {
    EXPECT_EQ(Refusal("localhost:7480", origin), 403) << origin;
  }
}

TEST(HttpGate, AForeignHostIs421WhateverTheOrigin) {
  EXPECT_EQ(Refusal("evil.example", "http://evil.example"), 421);
}

}  // namespace
}  // namespace spanwire::bridge
