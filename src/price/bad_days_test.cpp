// The days of tests/data/bad_days, played through a market. The format is described in tests/fakes/bad_day.hpp.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "fakes/bad_day.hpp"
#include "price/market.hpp"

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

const std::filesystem::path folder = std::filesystem::path(PRICEWIRE_SOURCE_DIR) / "tests/data/bad_days";
constexpr Timestamp start{std::chrono::seconds{1'700'000'000}};

std::vector<std::string> day_names() {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) out.push_back(entry.path().stem());
    std::ranges::sort(out);
    return out;
}

ConsolidationPolicy policy_of(const bad_days::Day& day) {
    ConsolidationPolicy policy;
    for (const bad_days::Source& source : day.sources) {
        policy.sources[SourceName(source.name)] = {.weight = source.weight,
                                                   .owner = SourceName(source.owner)};
        if (source.kind == SourceKind::exchange && source.trades_ticker) ++policy.exchanges;
    }
    return policy;
}

// Plays a day and compares each price, as it is made, with the truth.
class Watcher {
public:
    explicit Watcher(const bad_days::Day& day)
        : day_(day),
          market_(std::vector<Ticker>{Ticker(day.ticker)}, policy_of(day),
                  {.price = [this](const Price& price) { on_price(price.value.to_double()); },
                   .price_gone = [this](const PriceGone&) { on_gone(); },
                   .board = [this](const TickerBoard& board) { on_board(board); }}) {}

    void play(std::uint64_t seed) {
        Timestamp refreshed = start;
        for (const Quote& quote : bad_days::quotes_of(day_, start, seed)) {
            for (; refreshed + 1s <= quote.received_at; refreshed += 1s) {
                now_ = refreshed + 1s;
                market_.refresh(now_);
            }
            now_ = quote.received_at;
            market_.on_quotes({&quote, 1}, now_);
        }
    }

    int prices = 0;
    double worst_bp = 0;
    std::vector<std::string> wrong;

private:
    Duration elapsed() const { return now_ - start; }
    bool counts() const { return elapsed() >= day_.counts_from; }
    void say(std::string text) {
        if (wrong.size() < 5)
            wrong.push_back(fmt::format("{:.3f} s: {}", static_cast<double>(elapsed().count()) / 1e6, text));
    }
    void on_price(double price) {
        if (!counts()) return;
        ++prices;
        const auto [low, high] = day_.truth.range(std::max(elapsed() - 1s, Duration{}), elapsed());
        const double away = std::max({0.0, (low - price) / low, (price - high) / high}) * 10'000;
        worst_bp = std::max(worst_bp, away);
        if (away > day_.within_bp) say(fmt::format("{} is {:.1f} bp from the truth of {}", price, away, low));
    }
    void on_gone() {
        if (counts() && !day_.gaps_allowed) say("there is no price any more");
    }
    void on_board(const TickerBoard& board) {
        if (!counts() || !board.price) return;
        if (board.sources < day_.least_sources && elapsed() > 20s) {
            std::string text = fmt::format("only {} sources:", board.sources);
            for (const JudgedQuote& quote : board.quotes)
                text += fmt::format(" {} {}", quote.quote.source.view(), to_string(quote.verdict));
            say(text);
        }
        if (!board.band || board.band->low > board.price->value || board.band->high < board.price->value)
            say("the band does not hold the price");
    }

    const bad_days::Day& day_;
    Market market_;
    Timestamp now_ = start;
};

class BadDays : public ::testing::TestWithParam<std::string> {};

TEST_P(BadDays, ThePriceStaysNearTheTruth) {
    const bad_days::Day day = bad_days::read(folder / (GetParam() + ".txt"));
    for (const std::uint64_t seed : {1, 2}) {
        Watcher watcher(day);
        watcher.play(seed);
        EXPECT_GT(watcher.prices, 50);
        for (const std::string& line : watcher.wrong) ADD_FAILURE() << "seed " << seed << ", " << line;
        RecordProperty("worst_bp", static_cast<int>(watcher.worst_bp * 10));
        if (::testing::Test::HasFailure()) break;
    }
}

INSTANTIATE_TEST_SUITE_P(All, BadDays, ::testing::ValuesIn(day_names()), [](const auto& test) {
    std::string name = test.param;
    std::ranges::replace(name, '-', '_');
    return name;
});

}  // namespace
}  // namespace pricewire::price
