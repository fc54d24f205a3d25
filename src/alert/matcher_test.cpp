#include "alert/matcher.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>

namespace pricewire::alert {
namespace {

Uuid id_of(std::uint32_t n) {
    Uuid id;
    for (int i = 0; i < 4; ++i) id.bytes[12 + i] = static_cast<std::uint8_t>(n >> (24 - 8 * i));
    id.bytes[0] = 1;
    return id;
}

ActiveAlert alert(std::uint32_t n, Condition condition, Decimal target, Ticker ticker = "BTC") {
    return {id_of(n), ticker, condition, target};
}
ActiveAlert gt(std::uint32_t n, int target, Ticker ticker = "BTC") {
    return alert(n, Condition::gt, Decimal::from_int(target), ticker);
}
ActiveAlert lt(std::uint32_t n, int target, Ticker ticker = "BTC") {
    return alert(n, Condition::lt, Decimal::from_int(target), ticker);
}

class MatcherTest : public ::testing::Test {
protected:
    // The numbers of the alerts that it fires.
    std::vector<std::uint32_t> price(Decimal value, Ticker ticker = "BTC") {
        std::vector<Uuid> fired;
        matcher_.on_price(ticker, value, fired);
        std::vector<std::uint32_t> out;
        for (const Uuid& id : fired) {
            std::uint32_t n = 0;
            for (int i = 12; i < 16; ++i) n = n << 8 | id.bytes[static_cast<std::size_t>(i)];
            out.push_back(n);
        }
        return out;
    }
    std::vector<std::uint32_t> price(int value, Ticker ticker = "BTC") {
        return price(Decimal::from_int(value), ticker);
    }

    using Ids = std::vector<std::uint32_t>;
    Matcher matcher_;
};

TEST_F(MatcherTest, FiresBeyondTheTargetAndNotAtIt) {
    matcher_.add(gt(1, 100));
    matcher_.add(lt(2, 90));
    EXPECT_EQ(price(100), Ids{});
    EXPECT_EQ(price(90), Ids{});
    EXPECT_EQ(price(Decimal::parse("100.000000000000000001").value()), Ids{1});
    EXPECT_EQ(price(Decimal::parse("89.999999999999999999").value()), Ids{2});
    EXPECT_EQ(matcher_.size(), 0U);
}

TEST_F(MatcherTest, FiresOnce) {
    matcher_.add(gt(1, 100));
    EXPECT_EQ(price(101), Ids{1});
    EXPECT_EQ(price(99), Ids{});
    EXPECT_EQ(price(101), Ids{});
}

TEST_F(MatcherTest, AJumpFiresAllTargetsBetweenNearestFirst) {
    for (std::uint32_t n = 1; n <= 5; ++n) matcher_.add(gt(n, 100 + static_cast<int>(6 - n)));
    for (std::uint32_t n = 11; n <= 15; ++n) matcher_.add(lt(n, 80 + static_cast<int>(n)));
    EXPECT_EQ(price(100), Ids{});
    EXPECT_EQ(price(104), (Ids{5, 4, 3}));
    EXPECT_EQ(price(93), (Ids{15, 14}));
    EXPECT_EQ(price(1), (Ids{13, 12, 11}));
    EXPECT_EQ(price(1000), (Ids{2, 1}));
}

TEST_F(MatcherTest, OnePriceFiresAboveAndBelow) {
    matcher_.add(lt(1, 200));
    matcher_.add(gt(2, 100));
    EXPECT_EQ(price(150), (Ids{2, 1}));
}

TEST_F(MatcherTest, TickersAreIndependent) {
    matcher_.add(gt(1, 100, "BTC"));
    matcher_.add(gt(2, 100, "ETH"));
    EXPECT_EQ(price(101, "ETH"), Ids{2});
    EXPECT_EQ(price(101, "DOGE"), Ids{});
    EXPECT_EQ(matcher_.size(), 1U);
}

TEST_F(MatcherTest, ANewAlertFiredByThePresentPriceIsNotAdded) {
    price(100);
    EXPECT_TRUE(matcher_.add(gt(1, 99)));
    EXPECT_TRUE(matcher_.add(lt(2, 101)));
    EXPECT_FALSE(matcher_.add(gt(3, 100)));
    EXPECT_FALSE(matcher_.add(lt(4, 100)));
    EXPECT_FALSE(matcher_.add(gt(5, 1, "ETH")));
    EXPECT_EQ(matcher_.size(), 3U);
    EXPECT_EQ(price(101), Ids{3});
}

TEST_F(MatcherTest, WithoutAPriceANewAlertWaitsForTheNext) {
    price(100);
    matcher_.on_price_gone("BTC");
    EXPECT_FALSE(matcher_.add(gt(1, 99)));
    EXPECT_EQ(price(99), Ids{});
    EXPECT_EQ(price(100), Ids{1});
}

TEST_F(MatcherTest, LosingThePriceRemovesNoAlert) {
    matcher_.on_price_gone("BTC");
    matcher_.add(gt(1, 99));
    price(50);
    matcher_.on_price_gone("BTC");
    EXPECT_EQ(price(100), Ids{1});
}

TEST_F(MatcherTest, AnIdThatIsPresentIsLeftUnchanged) {
    matcher_.add(gt(1, 100));
    EXPECT_FALSE(matcher_.add(gt(1, 200)));
    EXPECT_FALSE(matcher_.add(lt(1, 300, "ETH")));
    matcher_.load(std::vector{gt(1, 50), gt(2, 100), gt(2, 50)});
    EXPECT_EQ(matcher_.size(), 2U);
    EXPECT_EQ(price(100), Ids{});
    EXPECT_EQ(price(101).size(), 2U);
    EXPECT_EQ(price(1, "ETH"), Ids{});
}

TEST_F(MatcherTest, AfterTheBestIsRemovedTheNextIsTheBest) {
    for (const auto& a : {gt(1, 101), gt(2, 102), gt(3, 103), lt(4, 99), lt(5, 98)}) matcher_.add(a);
    EXPECT_TRUE(matcher_.remove(id_of(1)));
    EXPECT_TRUE(matcher_.remove(id_of(4)));
    EXPECT_FALSE(matcher_.remove(id_of(1)));
    EXPECT_FALSE(matcher_.remove(id_of(99)));
    EXPECT_EQ(price(102), Ids{});
    EXPECT_EQ(price(98), Ids{});
    EXPECT_EQ(price(103), Ids{2});
    EXPECT_EQ(price(97), Ids{5});
    EXPECT_TRUE(matcher_.remove(id_of(3)));
    EXPECT_EQ(price(1'000'000), Ids{});
}

TEST_F(MatcherTest, AlertsWithEqualTargetsAreSeparate) {
    for (std::uint32_t n = 1; n <= 100; ++n) matcher_.add(gt(n, 100));
    EXPECT_TRUE(matcher_.remove(id_of(50)));
    auto fired = price(101);
    std::sort(fired.begin(), fired.end());
    EXPECT_EQ(fired.size(), 99U);
    EXPECT_EQ(std::unique(fired.begin(), fired.end()), fired.end());
    EXPECT_FALSE(std::binary_search(fired.begin(), fired.end(), 50U));
}

TEST_F(MatcherTest, AReusedSlotBelongsToTheNewAlertOnly) {
    for (std::uint32_t n = 1; n <= 10'000; ++n) matcher_.add(gt(n, 100));
    EXPECT_EQ(price(101).size(), 10'000U);
    price(50);
    for (std::uint32_t n = 20'001; n <= 30'000; ++n) matcher_.add(lt(n, 40));
    for (std::uint32_t n = 1; n <= 10'000; ++n) EXPECT_FALSE(matcher_.remove(id_of(n)));
    EXPECT_EQ(price(101), Ids{});
    auto fired = price(39);
    EXPECT_EQ(fired.size(), 10'000U);
    EXPECT_EQ(*std::min_element(fired.begin(), fired.end()), 20'001U);
}

TEST_F(MatcherTest, AFiredIdCanBeAddedAgain) {
    matcher_.add(gt(1, 100));
    price(101);
    price(90);
    EXPECT_FALSE(matcher_.add(gt(1, 100)));
    EXPECT_EQ(price(101), Ids{1});
}

TEST_F(MatcherTest, LoadsInAnyOrderAndInPieces) {
    matcher_.load(std::vector{gt(3, 103), lt(11, 91), gt(1, 101), gt(9, 5, "ETH")});
    matcher_.load(std::vector{gt(2, 102), gt(1, 7), lt(12, 92)});
    matcher_.load({});
    EXPECT_EQ(matcher_.size(), 6U);
    EXPECT_EQ(price(100), Ids{});
    EXPECT_EQ(price(1000), (Ids{1, 2, 3}));
    EXPECT_EQ(price(1), (Ids{12, 11}));
    EXPECT_EQ(price(6, "ETH"), Ids{9});
}

TEST_F(MatcherTest, AlertsLoadedUnderAPriceFireAtTheNext) {
    price(100);
    matcher_.load(std::vector{gt(1, 99)});
    EXPECT_EQ(price(100), Ids{1});
}

TEST_F(MatcherTest, ComparesExtremeTargetsExactly) {
    const Decimal least = Decimal::from_raw(1);
    const Decimal most = Decimal::from_raw(~(static_cast<Decimal::Raw>(1) << 127));
    const Decimal nearly_most = Decimal::from_raw(most.raw() - 1);
    matcher_.add(alert(1, Condition::gt, nearly_most));
    matcher_.add(alert(2, Condition::gt, most));
    matcher_.add(alert(3, Condition::lt, least));
    matcher_.add(alert(4, Condition::lt, Decimal::from_raw(2)));
    // Each 32-bit part of the key is decisive once.
    const auto step = [](int bits) { return Decimal::from_raw(static_cast<Decimal::Raw>(1) << bits); };
    for (int bits = 30; bits < 126; ++bits)
        matcher_.add(alert(100 + static_cast<std::uint32_t>(bits), Condition::gt, step(bits)));
    EXPECT_EQ(price(Decimal::from_raw(2)), Ids{});
    EXPECT_EQ(price(least), Ids{4});
    for (int bits = 30; bits < 126; ++bits) {
        EXPECT_EQ(price(step(bits)), Ids{});
        EXPECT_EQ(price(Decimal::from_raw(step(bits).raw() + 1)),
                  Ids{100 + static_cast<std::uint32_t>(bits)});
    }
    EXPECT_EQ(price(nearly_most), Ids{});
    EXPECT_EQ(price(most), Ids{1});
    EXPECT_EQ(matcher_.size(), 2U);
}

// The same rules, without an index.
class Model {
public:
    bool add(const ActiveAlert& a, bool compare = true) {
        if (active_.contains(a.id)) return false;
        const auto price = prices_.find(a.ticker);
        if (compare && price != prices_.end() && holds(a.condition, price->second, a.target)) return true;
        active_.emplace(a.id, a);
        return false;
    }
    bool remove(const Uuid& id) { return active_.erase(id) > 0; }
    std::vector<Uuid> price(Ticker ticker, Decimal value) {
        prices_[ticker] = value;
        std::vector<Uuid> fired;
        for (const auto& [id, a] : active_) {
            if (a.ticker == ticker && holds(a.condition, value, a.target)) fired.push_back(id);
        }
        for (const Uuid& id : fired) active_.erase(id);
        return fired;
    }
    void gone(Ticker ticker) { prices_.erase(ticker); }
    std::size_t size() const { return active_.size(); }
    const ActiveAlert& at(const Uuid& id) const { return active_.at(id); }

private:
    std::map<Uuid, ActiveAlert> active_;
    std::map<Ticker, Decimal> prices_;
};

// Few values, so that targets often equal each other and prices; and the ends of the range.
rc::Gen<Decimal> numbers() {
    const auto most = ~(static_cast<Decimal::Raw>(1) << 127);
    return rc::gen::oneOf(
        rc::gen::map(rc::gen::inRange(1, 30), [](int n) { return Decimal::from_int(n); }),
        rc::gen::map(rc::gen::inRange(1, 4), [](int n) { return Decimal::from_raw(n); }),
        rc::gen::map(rc::gen::inRange(0, 3), [=](int n) { return Decimal::from_raw(most - n); }));
}

TEST(MatcherModel, AnySequenceFiresWhatComparingAllWouldFire) {
    EXPECT_TRUE(rc::check([] {
        Matcher matcher;
        Model model;
        const auto any_alert = [] {
            return alert(*rc::gen::inRange(0U, 60U), *rc::gen::element(Condition::gt, Condition::lt),
                         *numbers(), *rc::gen::element<Ticker>("BTC", "ETH", "DOGE"));
        };
        const int steps = *rc::gen::inRange(0, 150);
        for (int i = 0; i < steps; ++i) {
            const int what = *rc::gen::inRange(0, 20);
            if (what < 9) {
                const ActiveAlert a = any_alert();
                RC_ASSERT(matcher.add(a) == model.add(a));
            } else if (what < 12) {
                const Uuid id = id_of(*rc::gen::inRange(0U, 60U));
                RC_ASSERT(matcher.remove(id) == model.remove(id));
            } else if (what < 13) {
                std::vector<ActiveAlert> piece;
                for (int n = *rc::gen::inRange(0, 20); n > 0; --n) piece.push_back(any_alert());
                matcher.load(piece);
                for (const ActiveAlert& a : piece) model.add(a, false);
            } else if (what < 14) {
                const Ticker ticker = *rc::gen::element<Ticker>("BTC", "ETH", "DOGE");
                matcher.on_price_gone(ticker);
                model.gone(ticker);
            } else {
                const Ticker ticker = *rc::gen::element<Ticker>("BTC", "ETH");
                const Decimal value = *numbers();
                const Model before = model;
                std::vector<Uuid> fired;
                matcher.on_price(ticker, value, fired);
                RC_ASSERT(std::is_sorted(fired.begin(), fired.end(), [&](const Uuid& x, const Uuid& y) {
                    const ActiveAlert &a = before.at(x), &b = before.at(y);
                    if (a.condition != b.condition) return a.condition == Condition::gt;
                    return a.condition == Condition::gt ? a.target < b.target : a.target > b.target;
                }));
                std::sort(fired.begin(), fired.end());
                RC_ASSERT(fired == model.price(ticker, value));
            }
            RC_ASSERT(matcher.size() == model.size());
        }
    }));
}

TEST(MatcherPast, YoungerAlertsThatAPriceWouldFireAreTakenAndCanBePutBack) {
    const Timestamp start{std::chrono::seconds{1'700'000'000}};
    const auto alert = [&](int second, int target, Condition condition) {
        return ActiveAlert{make_uuid(start + std::chrono::seconds{second}), "BTC", condition,
                           Decimal::from_int(target)};
    };
    const ActiveAlert old = alert(1, 100, Condition::gt);
    const ActiveAlert young = alert(3, 100, Condition::gt);
    const ActiveAlert far = alert(3, 1000, Condition::gt);
    const ActiveAlert below = alert(4, 200, Condition::lt);
    Matcher matcher;
    matcher.load(std::vector{old, young, far, below});
    const auto taken = matcher.take_younger("BTC", Decimal::from_int(150), start + std::chrono::seconds{2});
    EXPECT_EQ(taken, (std::vector{young, below}));
    std::vector<Uuid> fired;
    matcher.on_price("BTC", Decimal::from_int(150), fired);
    EXPECT_EQ(fired, (std::vector{old.id}));
    matcher.load(taken);
    fired.clear();
    matcher.on_price("BTC", Decimal::from_int(151), fired);
    EXPECT_EQ(fired, (std::vector{young.id, below.id}));
    EXPECT_EQ(matcher.size(), 1U);
}

}  // namespace
}  // namespace pricewire::alert
