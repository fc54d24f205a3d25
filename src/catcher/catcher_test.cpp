#include "catcher/catcher.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "catcher/codec.hpp"
#include "catcher/in_process/in_process_catcher.hpp"

namespace pricewire::catcher {
namespace {

using namespace std::chrono_literals;

const Timestamp now{std::chrono::seconds{1'700'000'000}};

TEST(Caught, HeadersAndBodyAreBounded) {
    const CaughtRequest r = caught("POST", {{"a", std::string(8000, 'x')}, {"b", std::string(8000, 'x')}},
                                   std::string(20'000, 'y'), now);
    EXPECT_EQ(r.headers.size(), 1U);
    EXPECT_EQ(r.body.size(), kept_body);
    EXPECT_EQ(r.body_bytes, 20'000U);
}

TEST(CatcherCodec, WhatIsWrittenIsReadAgainAndAnythingElseIsNot) {
    CatcherAddress address{make_uuid(now), make_uuid(now), "token", now + 1us};
    const auto again = parse_address(address_text(address)).value();
    EXPECT_EQ(again.id, address.id);
    EXPECT_EQ(again.user_id, address.user_id);
    EXPECT_EQ(again.token, address.token);
    EXPECT_EQ(again.expires_at, address.expires_at);
    const CaughtRequest request =
        caught("POST", {{"x-a", "1:2,3"}, {"x-b", ""}}, std::string("\0\xff:body", 7), now);
    const auto read = parse_request(request_text(request)).value();
    EXPECT_EQ(read.id, request.id);
    EXPECT_EQ(read.at, request.at);
    EXPECT_EQ(read.method, "POST");
    EXPECT_EQ(read.headers, request.headers);
    EXPECT_EQ(read.body, request.body);
    EXPECT_EQ(read.body_bytes, 7U);
    for (const std::string& text :
         std::vector<std::string>{"", "x", "5:ab", "36:" + std::string(36, 'x'),
                                  address_text(address) + "1:a", "99999999999999999999:x"}) {
        EXPECT_FALSE(parse_address(text)) << text;
        EXPECT_FALSE(parse_request(text)) << text;
    }
    const std::string whole = request_text(request);
    EXPECT_FALSE(parse_request(std::string_view(whole).substr(0, whole.size() - 1)));
}

TEST(InProcessCatcher, TheAddressThatEndsFirstMakesRoom) {
    const auto catcher = create_in_process_catcher(2);
    bool is_new = false;
    const Uuid users[] = {make_uuid(now), make_uuid(now), make_uuid(now)};
    for (int i = 0; i < 3; ++i) catcher->open(users[i], now + i * 1s, is_new);
    EXPECT_FALSE(catcher->of_user(users[0], now + 3s));
    EXPECT_TRUE(catcher->of_user(users[1], now + 3s));
    EXPECT_TRUE(catcher->of_user(users[2], now + 3s));
}

}  // namespace
}  // namespace pricewire::catcher
