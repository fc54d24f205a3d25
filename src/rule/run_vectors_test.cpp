#include <gtest/gtest.h>

#include <tuple>

#include "rule/run.hpp"
#include "rule/vectors_fixture.hpp"

namespace pricewire::rule {
namespace {

constexpr Timestamp vectors_day{std::chrono::hours{24 * 20'000}};

class RunVectors : public testing::TestWithParam<AlertVector> {};

TEST_P(RunVectors, Fire) {
    const AlertVector& vector = GetParam();
    rule::Run run(vector.made(vectors_day));
    Steps steps;
    for (const VectorPrice& price : vector.prices)
        run.value(price.ticker, vectors_day + price.at, price.price, steps);
    const Timestamp end = vectors_day + vector.prices.back().at + std::chrono::hours{1};
    run.time(end, steps);

    std::vector<std::pair<double, std::string>> expected, fired;
    for (const VectorFiring& firing : vector.fires)
        expected.emplace_back(std::chrono::duration<double>(firing.at).count(), firing.value.to_string());
    std::int64_t left_out = run.left_out(), number = 0;
    for (const Step& step : steps) {
        if (!step.fired) continue;
        fired.emplace_back(std::chrono::duration<double>(step.fired->time - vectors_day).count(),
                           step.fired->value.to_string());
        left_out += step.fired->left_out;
        EXPECT_EQ(step.fired->number, ++number);
        EXPECT_EQ(step.after.firings, number);
    }
    EXPECT_EQ(fired, expected);
    EXPECT_EQ(left_out, vector.left_out);
    EXPECT_EQ(run.has_ended() ? "fired" : run.is_expired(end) ? "expired" : "active", vector.status);
}

INSTANTIATE_TEST_SUITE_P(All, RunVectors, testing::ValuesIn(alert_vectors()),
                         [](const auto& one) { return std::to_string(one.param.number); });

}  // namespace
}  // namespace pricewire::rule
