#include "core/base/admin_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanwire::base {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(AdminHttp, ReadsARequestsHead) {
  const auto head = ParseHttpHead(
      "GET /metrics?x=/y HTTP/1.1\r\nUser-Agent: curl\r\nhOsT:\t localhost:7401 \r\n\r\n");
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->method, "GET");
  EXPECT_EQ(head->path, "/metrics");
  EXPECT_EQ(head->host, "localhost:7401");
  EXPECT_TRUE(ParseHttpHead("GET / HTTP/1.0\r\n\r\n").ok());
}

TEST(AdminHttp, RefusesMalformedHeads) {
  for (const char* text :
       {"", "\r\n\r\n", "GET\r\n\r\n", "GET / \r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET http://localhost/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n",
        "\x16\x03\x01\x02\r\n\r\n"}) {
    EXPECT_EQ(ParseHttpHead(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 100; ++i) many += "a: b\r\n";
  EXPECT_THAT(std::string(ParseHttpHead(many + "\r\n").status().message()), HasSubstr("too many"));
}

TEST(AdminHttp, KnowsThisMachinesOwnNames) {
  for (const char* host : {"localhost", "localhost:7401", "LOCALHOST", "127.0.0.1", "127.0.0.1:80",
                           "[::1]", "[::1]:7401"}) {
    EXPECT_TRUE(IsLocalHost(host)) << host;
  }
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "evil.example:7401", "10.0.0.1", "[::2]", "::1",
                           "localhost:", "localhost:x", "unix:/tmp/x", "localhost@evil", "[::1"}) {
    EXPECT_FALSE(IsLocalHost(host)) << host;
  }
}

TEST(AdminHttp, WritesAResponse) {
  const std::string response = FormatHttpResponse({503, "text/plain", "redis: lost\n"}, false);
  EXPECT_THAT(response, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Length: 12\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\nredis: lost\n"));
  const std::string head = FormatHttpResponse({503, "text/plain", "redis: lost\n"}, true);
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 12\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  EXPECT_THAT(FormatHttpResponse({405, "text/plain", ""}, false),
              HasSubstr("\r\nAllow: GET, HEAD\r\n"));
}

}  // namespace
}  // namespace spanwire::base
