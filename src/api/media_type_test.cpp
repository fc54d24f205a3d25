#include "api/media_type.hpp"

#include <gtest/gtest.h>

namespace pricewire::api {
namespace {

// The error's text, or "" if the body is taken.
std::string refused(net::Headers headers, std::string body = "{}") {
    net::ServerRequest request;
    request.headers = std::move(headers);
    request.body = std::move(body);
    const auto answer = refuse_media_type(request);
    if (!answer) return "";
    EXPECT_EQ(answer->status, 415);
    return answer->body;
}

TEST(MediaType, JsonInUtf8IsTakenInEverySpelling) {
    for (const char* type :
         {"application/json", "Application/JSON", "application/json; charset=utf-8",
          "application/json;charset=\"UTF-8\"", "application/json ; CHARSET = utf8 ; v=1",
          "application/json;", "application/vnd.api+json", "application/problem+JSON; charset=utf-8"}) {
        EXPECT_EQ(refused({{"content-type", type}}), "") << type;
    }
}

TEST(MediaType, WhatAWebPageMaySendAnywhereIsRefused) {
    for (const char* type : {"text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded",
                             "multipart/form-data; boundary=x", "text/plain; application/json",
                             "text/plain, application/json", "application/json, text/plain", "", ";",
                             "application/jsonp", "+json", "a/+json", "text/html", "application /json"}) {
        EXPECT_NE(refused({{"content-type", type}}), "") << type;
    }
    EXPECT_NE(refused({}), "") << "a Blob without a type is sent so";
    EXPECT_NE(refused({{"content-type", "application/json"}, {"content-type", "text/plain"}}), "");
}

TEST(MediaType, OtherCharsetsAndCompressionAreNamed) {
    EXPECT_TRUE(refused({{"content-type", "application/json; charset=utf-16"}}).contains("not utf-16"));
    EXPECT_TRUE(
        refused({{"content-type", "application/json"}, {"content-encoding", "gzip"}}).contains("gzip"));
    EXPECT_EQ(refused({{"content-type", "application/json"}, {"content-encoding", "Identity"}}), "");
}

TEST(MediaType, WithoutABodyAnyTypeWillDo) {
    EXPECT_EQ(refused({{"content-type", "text/plain"}, {"content-encoding", "br"}}, ""), "");
}

}  // namespace
}  // namespace pricewire::api
