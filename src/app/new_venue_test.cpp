// A venue is one struct and one line: one that is made up here, with its simulation, gets configuration keys,
// prices, health and metrics without any other change.
#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "app/market_thread.hpp"
#include "app/options.hpp"
#include "bus/in_process/in_process_bus.hpp"
#include "metrics/instruments.hpp"
#include "ops/config_load.hpp"
#include "sim/exchange_sim.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

// ---- The venue: subscribed by "give BTC", it acknowledges by "yes BTC" and trades by "BTC 100".

class ToyParser final : public feed::StreamParser {
public:
    explicit ToyParser(const feed::Venue& venue) : venue_(venue) {}
    feed::ParseResult parse(std::string_view bytes, Timestamp received_at, feed::StreamOutput& out) override {
        const std::size_t space = bytes.find(' ');
        const std::string_view first = bytes.substr(0, space);
        const std::string_view second = bytes.substr(space + 1);
        if (const auto instrument = venue_.find(second); instrument && first == "yes") {
            out.events.push_back(feed::Acknowledged{*instrument});
        } else if (const auto traded = venue_.find(first)) {
            out.quotes.push_back(venue_.quote(*traded, *Decimal::parse(second), received_at, received_at));
        }
        return feed::Parsed{};
    }

private:
    const feed::Venue& venue_;
};

class ToyVenue final : public feed::Venue {
public:
    using Venue::Venue;
    std::string subscribe_message(std::span<const std::size_t> asked,
                                  const feed::SubscribeMessage&) const override {
        return "give " + instruments()[asked.front()].symbol;
    }
    std::unique_ptr<feed::StreamParser> create_parser() const override {
        return std::make_unique<ToyParser>(*this);
    }
    std::string rest_url(std::span<const std::size_t>) const override { return {}; }
    feed::ParseResult parse_answer(std::string_view, Timestamp, std::vector<Quote>&) override {
        return feed::Parsed{};
    }
};

const feed::VenueType toy_type{
    .name = "toy",
    .title = "Toy",
    .stream = {.url = "wss://toy.example/stream", .symbols_per_message = 1, .ack_within = 10s},
    .rest = {.url = "https://toy.example"},
    .symbol_of = [](Ticker ticker) { return std::optional(std::string(ticker.view())); },
    .is_symbol = [](std::string_view symbol) { return is_ticker(symbol); },
    .currency_of = [](std::string_view) { return Currency("USDT"); },
    .create = [](std::vector<feed::Instrument> instruments,
                 feed::Endpoints endpoints) -> std::unique_ptr<feed::Venue> {
        return std::make_unique<ToyVenue>(toy_type, std::move(instruments), std::move(endpoints));
    },
};

// ---- Its simulation

class ToyStream final : public sim::SimStream {
public:
    std::vector<std::string> on_text(std::string_view text) override {
        symbol_ = std::string(text.substr(text.find(' ') + 1));
        return {"yes " + symbol_};
    }
    bool wants(std::string_view symbol) const override { return symbol == symbol_ + "USDT"; }
    bool is_subscribed() const override { return !symbol_.empty(); }
    std::vector<std::string> on_trades(std::span<const sim::SimTrade> trades) override {
        const sim::SimTrade& last = trades.back();
        return {last.symbol.substr(0, last.symbol.size() - 4) + " " + last.price.to_string()};
    }

private:
    std::string symbol_;
};

const sim::SimVenue toy_sim{
    .name = "toy",
    .ws_path = "/toy",
    .open = [](std::string_view, const sim::SimMarket&) -> std::unique_ptr<sim::SimStream> {
        return std::make_unique<ToyStream>();
    },
};

// ---- The lines that register them

constexpr std::array<const feed::VenueType*, 1> venues{&toy_type};
constexpr std::array<const sim::SimVenue*, 1> simulated{&toy_sim};

struct NoBars final : history::BarWriter {
    void write(std::vector<Bar>) override {}
    bool flush() override { return true; }
    void stop() override {}
};

// "NAME=value" lines.
std::map<std::string, std::string> variables(const std::string& text) {
    std::map<std::string, std::string> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find('=');
        out[line.substr(0, equals)] = line.substr(equals + 1);
    }
    return out;
}

TEST(NewVenue, HasConfigurationKeysPricesHealthAndMetricsByItsTypeAlone) {
    const ops::ConfigKeys keys = config_keys(venues);
    for (const char* key : {"enabled", "ws_url", "rest_url", "poll_interval", "weight"})
        EXPECT_NE(keys.find(std::string("sources.toy.") + key), nullptr) << key;
    EXPECT_EQ(keys.nearest("sources.toy.wieght"), "sources.toy.weight");
    EXPECT_EQ(keys.defaults().sources.at("toy").ws_url, "wss://toy.example/stream");

    const auto sim = sim::create_exchange_sim({.paused = true, .venues = simulated}, nullptr).value();
    const auto settings = variables(sim->source_settings());
    ASSERT_TRUE(settings.contains("PRICEWIRE_SOURCES_TOY_WS_URL"));
    const auto loaded = ops::load_config({.environment = settings, .directory = ::testing::TempDir()}, keys);
    ASSERT_TRUE(loaded) << loaded.error().front();
    ops::Config config = loaded->config;
    config.market.tickers = {"BTC"};

    const auto bus = bus::create_in_process_bus({"BTC"});
    NoBars bars;
    const auto market = create_market_thread(config, *bus, bars, system_clock(), venues);
    metrics::Instruments instruments({.name = "feed"}, system_clock());
    instruments.watch_feed(
        market->meters(), market->rate_meters(), [&] { return market->sources(); },
        std::vector<Ticker>{"BTC"});
    market->start();
    while (bus->rates_json()->find("65000.5") == std::string::npos) {
        sim->trade("BTCUSDT", *Decimal::parse("65000.5"));
        std::this_thread::sleep_for(10ms);
    }
    const auto is_ok = [&] {
        const auto sources = bus->sources();  // what /health shows
        return sources.size() == 1 && sources[0].name == SourceName("toy") &&
               sources[0].condition == SourceCondition::ok && sources[0].detail == "streaming";
    };
    while (!is_ok()) std::this_thread::sleep_for(10ms);
    market->stop();
    const std::string text = *instruments.registry().text();
    EXPECT_NE(text.find(R"(source="toy",state=)"), std::string::npos) << text;
    EXPECT_NE(text.find(R"(pricewire_quotes_total{)"), std::string::npos) << text;
    EXPECT_EQ(text.find("binance"), std::string::npos) << "no venue but those of the table";
}

TEST(Venues, AreAllSimulated) {
    for (const feed::VenueType* venue : feed::venue_types()) {
        const auto all = sim::sim_venues();
        const auto found =
            std::find_if(all.begin(), all.end(), [&](auto* s) { return s->name == venue->name.view(); });
        ASSERT_NE(found, all.end()) << venue->name.view()
                                    << ": add it to sim/venues, so that no test contacts it";
        EXPECT_EQ((*found)->ws_path.empty(), venue->stream.url.empty()) << venue->name.view();
        EXPECT_NE((*found)->rest, nullptr) << venue->name.view();
    }
}

}  // namespace
}  // namespace pricewire::app
