// All venues for a while, each with random faults, on a market that moves: at every moment the price is one
// that the market has had within the last seconds; in the end every source streams again and the program holds
// no more memory and no more descriptors than it did after it had started. PRICEWIRE_LONG=1: ten minutes;
// otherwise half a minute. PRICEWIRE_SEED repeats a run's faults.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include "scenarios/all_venues.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const std::vector<std::string> tickers{"BTC", "ETH", "DOGE", "SOL", "BNB"};

// Refusals that rest for an hour are left out: they are in venue_faults_test.
const std::vector<std::string> stream_faults{
    "cut",       "silence",  "deaf",  "garbage",        "shape",      "html",       "503",
    "429:2",     "error200", "stale", "stuck",          "behind:20s", "old",        "batch",
    "duplicate", "wild",     "crash", "factor:1000000", "leaving",    "factor:0.97"};
const std::vector<std::string> rest_faults{"silence", "garbage",  "shape", "503",
                                           "429:2",   "error200", "stale", "wild"};
const std::vector<std::string> symbol_faults{"deaf",    "stale", "stuck", "behind:20s",    "duplicate",
                                             "removed", "wild",  "crash", "unacknowledged"};

// At most this many venues have a fault at once: the others are to outvote them.
constexpr std::size_t most_at_once = 5;
// The price is that of a trade made within this time; the rest is how long we take to look.
constexpr auto within = 5s;
constexpr double within_bp = 60;

struct Usage {
    long kilobytes = 0;
    std::ptrdiff_t descriptors = 0;
};
Usage usage_of(pid_t pid) {
    const std::string root = "/proc/" + std::to_string(pid);
    Usage usage;
    std::ifstream status(root + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) usage.kilobytes = std::atol(line.c_str() + 6);
    }
    usage.descriptors = std::distance(std::filesystem::directory_iterator(root + "/fd"), {});
    return usage;
}

class Soak : public ::testing::Test {
protected:
    struct Running {
        std::string door;
        Clock::time_point until;
    };
    struct Truth {
        Clock::time_point at;
        double price;
    };

    std::uint64_t any(std::uint64_t below) { return random_() % below; }
    std::string any_of(const std::vector<std::string>& list) { return list[any(list.size())]; }

    // Ends faults whose time has come, and begins others.
    void change_faults(bool may_begin) {
        const auto now = Clock::now();
        std::erase_if(faults_, [&](const auto& fault) {
            if (may_begin && now < fault.second.until) return false;
            all_.fault(fault.second.door, "none");
            return true;
        });
        if (!may_begin || now < next_ || faults_.size() >= most_at_once) return;
        next_ = now + std::chrono::milliseconds{500 + any(4000)};
        const std::string venue = any_of(venues_);
        if (faults_.contains(venue)) return;
        const auto kind = any(4);
        const std::string door = venue + (kind == 0 ? ".rest" : ".stream") +
                                 (kind == 1 ? "/" + any_of(tickers) + "USDT" : std::string());
        const std::string fault = any_of(kind == 0 ? rest_faults : kind == 1 ? symbol_faults : stream_faults);
        std::cout << "fault " << door << ' ' << fault << std::endl;
        all_.fault(door, fault);
        faults_[venue] = {door, now + std::chrono::seconds{2 + any(is_long_ ? 40 : 6)}};
        ++begun_;
    }

    void note_truth() {
        const auto before = Clock::now();
        const std::string status = all_.sim_status();
        const std::string prices = status.substr(status.find("\"prices\""));
        for (const std::string& ticker : tickers) {
            auto& truth = truth_[ticker];
            truth.push_back({before, std::stod(json_member(prices, ticker + "USDT").value())});
            while (truth.size() > 2 && before - truth[1].at > within) truth.pop_front();
        }
    }

    void check_prices() {
        note_truth();
        std::map<std::string, net::HttpResult> shown;
        for (const std::string& ticker : tickers) shown[ticker] = all_.rate(ticker);
        note_truth();
        for (const std::string& ticker : tickers) {
            const auto price = json_member(shown[ticker].body, "price");
            ASSERT_TRUE(shown[ticker].status == 200 && price) << shown[ticker].body;
            const auto [low, high] = std::ranges::minmax(truth_[ticker], {}, &Truth::price);
            const double value = std::stod(*price);
            const double away = std::max(low.price / value, value / high.price) - 1;
            worst_bp_ = std::max(worst_bp_, away * 1e4);
            ++looked_;
            EXPECT_LE(away * 1e4, within_bp) << ticker << " from " << low.price << " to " << high.price
                                             << ": " << shown[ticker].body << '\n'
                                             << all_.sim_status();
        }
    }

    const bool is_long_ = std::getenv("PRICEWIRE_LONG") != nullptr;
    const std::vector<std::string> venues_ = AllVenues::names(false);
    std::mt19937_64 random_;
    AllVenues all_{Side::embedded, {"--market", "generated:11", "--noise", "2", "--coingecko-period", "2s"}};
    std::map<std::string, Running> faults_;  // by venue
    Clock::time_point next_;
    std::map<std::string, std::deque<Truth>> truth_;
    double worst_bp_ = 0;
    int looked_ = 0;
    int begun_ = 0;
};

TEST_F(Soak, PricesAreTheMarketsAndNothingLeaksWhileVenuesFail) {
    const char* const given = std::getenv("PRICEWIRE_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::cout << "PRICEWIRE_SEED=" << seed << std::endl;
    random_.seed(seed);
    all_.wait_for_states(venues_, {"streaming"});
    for (const std::string& ticker : tickers) {
        all_.deployment().wait_until("a price of " + ticker, [&] { return all_.rate(ticker).status == 200; });
        all_.deployment().create_alert(all_.account(), ticker, "gt", "1000000000");
        all_.deployment().create_alert(all_.account(), ticker, "lt", "0.000001");
    }
    const pid_t pid = all_.deployment().process("serve").pid();
    const auto length = is_long_ ? 600s : 30s;
    const auto begin = Clock::now();
    Usage early;
    while (Clock::now() - begin < length && !HasFatalFailure()) {
        change_faults(true);
        check_prices();
        if (early.kilobytes == 0 && Clock::now() - begin > length / 4) early = usage_of(pid);
        std::this_thread::sleep_for(200ms);
    }
    change_faults(false);
    // A session's patience after failures in a row is minutes.
    for (int i = 0; i < 4; ++i) {
        try {
            all_.wait_for_states(venues_, {"streaming"});
            break;
        } catch (const std::runtime_error& e) {
            if (i == 3) FAIL() << "a source is stuck: " << e.what();
        }
    }
    all_.wait_for_states(AllVenues::names(true), {"polling"});
    const Usage late = usage_of(pid);
    std::cout << fmt::format(
        "{} faults; {} prices, at worst {:.1f} bp from the market of the last seconds; {} MB then {} MB, {} "
        "then {} "
        "descriptors\n",
        begun_, looked_, worst_bp_, early.kilobytes / 1024, late.kilobytes / 1024, early.descriptors,
        late.descriptors);
    EXPECT_LE(late.kilobytes, early.kilobytes + early.kilobytes / 5 + 8 * 1024);
    EXPECT_LE(late.descriptors, early.descriptors + 20);
    EXPECT_GT(begun_, is_long_ ? 50 : 3);
    for (const ShownAlert& alert : all_.deployment().alerts(all_.account()))
        EXPECT_TRUE(alert.is_active) << alert.ticker;
    EXPECT_TRUE(all_.deployment().received().empty());
}

}  // namespace
}  // namespace pricewire::test
