// For contracts with an implementation on Redis.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "redis/redis_fixture.hpp"

namespace pricewire::conformance {

// Creates one implementation of T. `keys` is set if it is on Redis.
template <typename T, typename... Args>
struct Factory {
    std::string name;
    bool on_redis = false;  // its times are by Redis' own clock
    std::function<std::unique_ptr<T>(Args..., const redis::TestKeys* keys)> create;
};

template <typename Factory>
class RedisContract : public testing::TestWithParam<Factory> {
protected:
    void SetUp() override {
        if (this->GetParam().on_redis) {
            const auto url = test::shared_redis_url();
            if (!url) GTEST_SKIP() << test::no_redis;
            keys_.emplace(*url);
        }
        create();
    }
    virtual void create() = 0;
    template <typename... Args>
    auto make(Args&&... args) const {
        return this->GetParam().create(std::forward<Args>(args)..., keys_ ? &*keys_ : nullptr);
    }

private:
    std::optional<redis::TestKeys> keys_;
};

}  // namespace pricewire::conformance
