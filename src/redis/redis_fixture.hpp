#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/uuid.hpp"
#include "redis/connection.hpp"
#include "support/redis_server.hpp"

namespace pricewire::redis {

// A prefix for one test's keys in a shared Redis; the destructor removes the keys.
class TestKeys {
public:
    explicit TestKeys(std::string url)
        : url_(std::move(url)),
          prefix_("pricewire-test:" + make_uuid(system_clock().now()).to_string() + ":") {}
    ~TestKeys() {
        try {
            const auto c = connect();
            std::string cursor = "0";
            do {
                const Reply reply = c->command({"SCAN", cursor, "MATCH", prefix_ + "*", "COUNT", "1000"});
                cursor = reply[0].text();
                for (std::size_t i = 0; i < reply[1].size(); ++i) c->command({"UNLINK", reply[1][i].text()});
            } while (cursor != "0" && !cursor.empty());
        } catch (const RedisError& e) {
            ADD_FAILURE() << e.what();
        }
    }
    TestKeys(const TestKeys&) = delete;
    TestKeys& operator=(const TestKeys&) = delete;

    const std::string& url() const { return url_; }
    const std::string& prefix() const { return prefix_; }
    std::unique_ptr<Connection> connect() const { return Connection::open(*parse_url(url_), {}); }

private:
    const std::string url_;
    const std::string prefix_;
};

}  // namespace pricewire::redis
