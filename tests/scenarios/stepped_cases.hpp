#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rule/vectors_fixture.hpp"
#include "scenarios/expect_webhooks.hpp"
#include "scenarios/stepped_world.hpp"

namespace pricewire::test {

// A worked case on tickers of its own. It may be played with all times divided by `faster`, and its windows too.
struct SteppedCase {
    rule::AlertVector vector;
    int faster = 1;
    std::string alert = {};  // its id

    std::string own(const Ticker& ticker) const {
        return "V" + std::to_string(vector.number) + std::string(ticker.view());
    }
    // Exchanges tell times in milliseconds.
    Duration scaled(Duration at) const { return std::chrono::floor<std::chrono::milliseconds>(at / faster); }
    std::set<std::string> tickers() const {
        std::set<std::string> out;
        for (const rule::VectorPrice& price : vector.prices) out.insert(own(price.ticker));
        return out;
    }
    std::string members() const {
        std::string out = R"("ticker":")" + std::string(vector.ticker.view()) + R"(","when":)" + vector.when;
        if (!vector.hold.empty()) out += R"(,"for":)" + vector.hold;
        if (!vector.repeat.empty()) out += R"(,"repeat":)" + vector.repeat;
        for (const auto& [name, at] :
             {std::pair("starts_at", vector.starts_at), std::pair("expires_at", vector.expires_at),
              std::pair("snoozed_until", vector.snoozed_until)}) {
            if (at)
                out +=
                    R"(,")" + std::string(name) + R"(":")" + format_rfc3339(SteppedWorld::origin + *at) + '"';
        }
        for (const char* ticker : {"BTC", "ETH"})
            replace(out, '"' + std::string(ticker) + '"', '"' + own(Ticker(ticker)) + '"');
        if (faster > 1) replace(out, R"("1h")", '"' + std::to_string(60 / faster) + R"(m")");
        return out;
    }

private:
    static void replace(std::string& text, const std::string& what, const std::string& with) {
        for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
            text.replace(at, what.size(), with);
    }
};

// Plays cases side by side, each at its moments.
class SteppedCases {
public:
    static std::vector<std::string> tickers(const std::vector<SteppedCase>& cases) {
        std::vector<std::string> out;
        for (const SteppedCase& one : cases) std::ranges::copy(one.tickers(), std::back_inserter(out));
        return out;
    }

    SteppedCases(SteppedWorld& world, std::vector<SteppedCase> cases)
        : world_(world), cases_(std::move(cases)) {
        for (SteppedCase& one : cases_) {
            plan(one);
            events_.emplace(std::pair(Duration{}, 1), [&] { one.alert = world_.alert(one.members()); });
        }
    }
    SteppedCase& of(int number) {
        return *std::ranges::find(cases_, number, [](const auto& one) { return one.vector.number; });
    }

    // What was traded before the world begins is stored as minutes.
    void store_past() { world_.store(past_); }
    // Everything up to that moment, and what is due by then.
    void play_to(Duration until) {
        while (!events_.empty() && events_.begin()->first.first <= until) {
            const auto [at, order] = events_.begin()->first;
            world_.step_to(at);
            while (!events_.empty() && events_.begin()->first.first == at) {
                events_.begin()->second();
                events_.erase(events_.begin());
            }
            world_.settle();
        }
        world_.step_to(until - std::chrono::milliseconds{1});
        world_.live_to(until);
    }

    // The same while those who judge are stopped.
    void play_unjudged_to(Duration until) {
        for (; !events_.empty() && events_.begin()->first.first <= until; events_.erase(events_.begin())) {
            world_.sleep_to(events_.begin()->first.first);
            events_.begin()->second();
            world_.wait_until_traded();
        }
    }

    void check() {
        for (SteppedCase& one : cases_) {
            SCOPED_TRACE(one.vector.number);
            check(one);
        }
    }

private:
    void plan(const SteppedCase& one) {
        std::map<std::string, std::optional<Decimal>> before;  // in effect when the world begins
        std::map<std::string, Decimal> believed;
        std::map<std::string, std::vector<std::pair<Duration, Decimal>>> old;
        for (const rule::VectorPrice& price : one.vector.prices) {
            const std::string ticker = one.own(price.ticker);
            const Duration at = one.scaled(price.at);
            if (at < world_.now()) {
                before[ticker] = price.price;
                if (price.price) old[ticker].emplace_back(at, *price.price);
            } else if (!price.price) {
                at_time(at, [this, ticker] { world_.lose_price(ticker); });
            } else {
                if (before.contains(ticker)) begin_with(ticker, before.extract(ticker).mapped(), believed);
                add(ticker, at, *price.price, believed);
            }
        }
        for (const auto& [ticker, price] : before) begin_with(ticker, price, believed);
        for (const auto& [ticker, prices] : old) store(ticker, prices);
    }
    void begin_with(const std::string& ticker, const std::optional<Decimal>& price,
                    std::map<std::string, Decimal>& believed) {
        if (price) add(ticker, world_.now(), *price, believed);
    }
    void add(const std::string& ticker, Duration at, Decimal price,
             std::map<std::string, Decimal>& believed) {
        const auto last = believed.find(ticker);
        if (last != believed.end() && SteppedWorld::is_jump(last->second, price)) {
            at_time(at - std::chrono::seconds{3}, [this, ticker, price] { world_.announce(ticker, price); });
        }
        believed.insert_or_assign(ticker, price);
        at_time(at, [this, ticker, price] { world_.set_price(ticker, price); });
    }
    // Before an alert is made at that moment.
    void at_time(Duration at, std::function<void()> event) {
        events_.emplace(std::pair(at, 0), std::move(event));
    }
    void store(const std::string& ticker, const std::vector<std::pair<Duration, Decimal>>& prices) {
        std::size_t next = 0;
        Decimal last = prices[0].second;
        const auto first = std::chrono::floor<std::chrono::minutes>(prices[0].first);
        for (Duration minute = first; minute < world_.now(); minute += std::chrono::minutes{1}) {
            Bar bar{Ticker(ticker), SteppedWorld::origin + minute, last, last, last, last};
            for (; next < prices.size() && prices[next].first < minute + std::chrono::minutes{1}; ++next) {
                last = prices[next].second;
                bar.high = std::max(bar.high, last);
                bar.low = std::min(bar.low, last);
                bar.close = last;
            }
            past_.push_back(bar);
        }
    }

    void check(const SteppedCase& one) {
        const rule::AlertVector& vector = one.vector;
        const auto firings = world_.firings(one.alert);
        std::vector<std::string> expected, seen;
        for (const rule::VectorFiring& firing : vector.fires)
            expected.push_back(text_of(expected.size() + 1, one.scaled(firing.at), firing.value));
        int left_out = 0;
        for (const ShownFiring& firing : firings) {
            // One of the plain form that fires when it is made tells when its price came.
            const Duration at = std::max(firing.price_time - SteppedWorld::origin, Duration{});
            seen.push_back(text_of(static_cast<std::size_t>(firing.number), at, firing.price));
            left_out += firing.left_out;
        }
        EXPECT_EQ(seen, expected) << world_.get("/alerts/" + one.alert + "/firings") << '\n'
                                  << world_.state(one.alert);
        EXPECT_EQ(left_out, vector.left_out);
        EXPECT_EQ(status_of(one.alert), vector.status);
        expect_webhooks(world_.deployment(), one.alert, firings);
    }
    // An alert of the plain form is shown without one.
    std::string status_of(const std::string& alert) {
        const std::string shown = world_.shown(alert);
        const bool is_active = json_member(shown, "is_active") == "true";
        return json_member(shown, "status").value_or(is_active ? "active" : "fired");
    }
    static std::string text_of(std::size_t number, Duration at, Decimal price) {
        return std::to_string(number) + ": " + std::to_string(at.count()) + " us @ " + price.to_string();
    }

    SteppedWorld& world_;
    std::vector<SteppedCase> cases_;
    std::multimap<std::pair<Duration, int>, std::function<void()>> events_;
    std::vector<Bar> past_;
};

}  // namespace pricewire::test
