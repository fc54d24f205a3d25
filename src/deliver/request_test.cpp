#include "deliver/request.hpp"

#include <gtest/gtest.h>

namespace pricewire {
namespace {

TEST(WebhookRequest, TheHostIsAllThatIsShownOfAUrl) {
    EXPECT_EQ(host_in("https://example.com/hook?token=1"), "example.com");
    EXPECT_EQ(host_in("https://me:password@example.com:8443/a"), "example.com:8443");
    EXPECT_EQ(host_in("https://example.com?a=https://other.com/"), "example.com");
    EXPECT_EQ(host_in("http://[::1]/x"), "[::1]");
    EXPECT_EQ(host_in("nonsense"), "nonsense");
    EXPECT_EQ(host_in(std::string(4000, 'a')).size(), 255U);
}

}  // namespace
}  // namespace pricewire
