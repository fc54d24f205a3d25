#include "redis/url.hpp"

#include <gtest/gtest.h>

namespace pricewire::redis {
namespace {

TEST(RedisUrl, ReadsEveryPart) {
    const auto a = parse_url("redis://ann:p%40ss%2F%25@cache.internal:6380/3");
    ASSERT_TRUE(a) << a.error().message;
    EXPECT_EQ(a->host, "cache.internal");
    EXPECT_EQ(a->port, 6380);
    EXPECT_EQ(a->user, "ann");
    EXPECT_EQ(a->password, "p@ss/%");
    EXPECT_EQ(a->db, 3);
    EXPECT_EQ(a->text(), "cache.internal:6380");
}

TEST(RedisUrl, PartsAreOptional) {
    for (const char* text : {"redis://localhost", "redis://localhost/", "redis://localhost:6379/0"}) {
        const auto a = parse_url(text);
        ASSERT_TRUE(a) << text;
        EXPECT_EQ(a->host, "localhost");
        EXPECT_EQ(a->port, 6379);
        EXPECT_EQ(a->db, 0);
        EXPECT_TRUE(a->user.empty() && a->password.empty());
    }
    EXPECT_EQ(parse_url("redis://:secret@127.0.0.1")->password, "secret");
    EXPECT_EQ(parse_url("redis://:se:cret@127.0.0.1")->password, "se:cret");
    const auto six = parse_url("redis://[::1]:7000");
    ASSERT_TRUE(six);
    EXPECT_EQ(six->host, "::1");
    EXPECT_EQ(six->text(), "[::1]:7000");
}

TEST(RedisUrl, RejectsAnythingElseWithoutShowingIt) {
    for (const char* text : {"",
                             "localhost:6379",
                             "http://s3cret@h",
                             "redis://",
                             "redis://:s3cret@",
                             "redis://h:0",
                             "redis://h:65536",
                             "redis://h:63x",
                             "redis://h:",
                             "redis://s3cret@h",
                             "redis://u:@h",
                             "redis://:s3cret%4@h",
                             "redis://:s3cret%zz@h",
                             "redis://h/x",
                             "redis://h/-1",
                             "redis://h/0/1",
                             "redis://h?db=s3cret",
                             "redis://h#s3cret",
                             "redis://h s3cret",
                             "redis://[::1",
                             "redis://[::1]x",
                             "redis://a:b:c",
                             "rediss://:s3cret@h",
                             "REDIS://:s3cret@h"}) {
        const auto a = parse_url(text);
        ASSERT_FALSE(a) << text;
        EXPECT_EQ(a.error().message.find("s3cret"), std::string::npos) << a.error().message;
        EXPECT_FALSE(a.error().message.empty());
    }
    EXPECT_FALSE(parse_url("redis://" + std::string(5000, 'a')));
    EXPECT_NE(parse_url("rediss://h").error().message.find("TLS"), std::string::npos);
}

}  // namespace
}  // namespace pricewire::redis
