// The contract of every Catcher. To add an implementation, add it to the factories at the end.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "catcher/in_process/in_process_catcher.hpp"
#include "catcher/redis/redis_catcher.hpp"
#include "redis_contract.hpp"

namespace pricewire::conformance::catcher_suite {
namespace {

using namespace std::chrono_literals;
using catcher::CatcherAddress;
using Maker = Factory<catcher::Catcher>;

class CatcherConformance : public RedisContract<Maker> {
protected:
    void create() override { catcher_ = make(); }
    CatcherAddress open(const Uuid& user) {
        bool is_new = false;
        CatcherAddress address = catcher_->open(user, now_, is_new);
        EXPECT_TRUE(is_new);
        return address;
    }
    bool keep(const CatcherAddress& address, const std::string& body) {
        return catcher_->keep(address, catcher::caught("POST", {{"name", "value"}}, body, now_), now_);
    }

    std::unique_ptr<catcher::Catcher> catcher_;
    const Timestamp now_ = system_clock().now();
    const Uuid ann_ = make_uuid(now_);
    const Uuid bob_ = make_uuid(now_);
};

TEST_P(CatcherConformance, AUserHasOneAddressWhichAskingAgainProlongs) {
    EXPECT_FALSE(catcher_->of_user(ann_, now_));
    const CatcherAddress first = open(ann_);
    EXPECT_EQ(first.expires_at, now_ + catcher::address_life);
    EXPECT_EQ(first.token.size(), 43U);
    bool is_new = true;
    const CatcherAddress again = catcher_->open(ann_, now_ + 1min, is_new);
    EXPECT_FALSE(is_new);
    EXPECT_EQ(again.id, first.id);
    EXPECT_EQ(again.token, first.token);
    EXPECT_EQ(catcher_->of_user(ann_, now_).value().expires_at, now_ + 1min + catcher::address_life);
    EXPECT_EQ(catcher_->find(first.token, now_).value().user_id, ann_);
    EXPECT_NE(open(bob_).token, first.token);
}

TEST_P(CatcherConformance, KeepsTheLastRequestsNewestFirst) {
    const CatcherAddress address = open(ann_), other = open(bob_);
    EXPECT_TRUE(catcher_->requests(address, now_).empty());
    for (int i = 0; i < 12; ++i) EXPECT_TRUE(keep(address, std::string("\0", 1) + std::to_string(i)));
    const auto kept = catcher_->requests(address, now_);
    ASSERT_EQ(kept.size(), catcher::kept_requests);
    EXPECT_EQ(kept.front().body, std::string("\0", 1) + "11");
    EXPECT_EQ(kept.back().body, std::string("\0", 1) + "2");
    EXPECT_EQ(kept.front().headers.at(0).second, "value");
    EXPECT_TRUE(catcher_->requests(other, now_).empty());
}

TEST_P(CatcherConformance, NothingOutlivesAnAddress) {
    const CatcherAddress address = open(ann_);
    EXPECT_TRUE(keep(address, "body"));
    EXPECT_FALSE(catcher_->find(address.token, address.expires_at));
    EXPECT_FALSE(catcher_->of_user(ann_, address.expires_at));
    EXPECT_TRUE(catcher_->close(ann_));
    EXPECT_FALSE(catcher_->close(ann_));
    EXPECT_FALSE(catcher_->find(address.token, now_));
    EXPECT_FALSE(keep(address, "body"));
    EXPECT_TRUE(catcher_->requests(address, now_).empty());
    const CatcherAddress fresh = open(ann_);
    EXPECT_NE(fresh.token, address.token);
    EXPECT_TRUE(catcher_->requests(fresh, now_).empty());
    EXPECT_FALSE(keep(address, "body")) << "it is another one's now";
    EXPECT_FALSE(catcher_->find("no token", now_));
}

INSTANTIATE_TEST_SUITE_P(All, CatcherConformance,
                         testing::Values(Maker{"InProcess", false,
                                               [](const redis::TestKeys*) {
                                                   return catcher::create_in_process_catcher();
                                               }},
                                         Maker{"Redis", true,
                                               [](const redis::TestKeys* keys) {
                                                   catcher::RedisCatcherOptions options;
                                                   options.url = keys->url();
                                                   options.prefix = keys->prefix();
                                                   options.command_timeout = 30s;
                                                   return catcher::create_redis_catcher(options);
                                               }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance::catcher_suite
