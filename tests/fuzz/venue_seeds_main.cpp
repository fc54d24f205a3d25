// Writes what the simulated venues send and answer as seeds for the venues' fuzzers: FOLDER/VENUE/…
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "feed/venue.hpp"
#include "sim/past.hpp"
#include "sim/protocol.hpp"

namespace {

using namespace pricewire;
namespace fs = std::filesystem;

const std::vector<std::string> symbols{"BTCUSDT", "ETHUSDT"};

struct Seeds {
    fs::path folder;
    int number = 0;
    void add(const std::string& bytes) {
        std::ofstream(folder / std::to_string(++number), std::ios::binary) << bytes;
    }
};

sim::SimMarket make_market(const sim::SimVenue& simulated) {
    sim::SimMarket market;
    market.currency = simulated.currency;
    for (const std::string& symbol : symbols) {
        for (std::uint64_t id = 1; id <= 3; ++id) {
            market.prices[symbol] = Decimal::from_int(static_cast<int>(3000 + id));
            market.trades[symbol].push_back(
                {symbol, market.prices[symbol], id, std::chrono::system_clock::now()});
        }
    }
    return market;
}

void write_stream(const feed::Venue& venue, const sim::SimVenue& simulated, const sim::SimMarket& market,
                  Seeds& seeds) {
    std::string all;
    const auto add = [&](const std::vector<std::string>& frames) {
        for (const std::string& frame : frames) {
            const std::string bytes = simulated.is_gzip ? sim::gzipped(frame) : frame;
            all += (all.empty() ? "" : "\n--\n") + bytes;
            seeds.add(frame);
            if (simulated.is_gzip) seeds.add(bytes);
        }
    };
    const auto stream = simulated.open("", market);
    add(stream->on_open());
    const std::size_t many = venue.type().stream.symbols_per_message;
    std::vector<std::size_t> asked{0, 1};
    if (many == 1) asked.pop_back();
    if (many > 0)
        add(stream->on_text(venue.subscribe_message(asked, {.number = 1, .now = system_clock().now()})));
    add(stream->on_text(venue.keep_alive_text(system_clock().now())));
    for (const std::string& symbol : symbols) add(stream->on_trades(market.trades.at(symbol)));
    const auto later = std::chrono::steady_clock::now();
    const auto then = later - std::chrono::minutes{1};
    add(stream->tick({.now = later, .opened = then, .last_push = then, .last_text = then}));
    for (const std::string_view frame :
         {simulated.error_frame, simulated.wrong_frame, simulated.leaving_frame, simulated.maintenance_frame,
          simulated.resumed_frame}) {
        if (!frame.empty()) add({std::string(frame)});
    }
    seeds.add(all);
}

// What it answers to a request for `url`.
void add_answer(std::string_view url, const sim::SimVenue& simulated, const sim::SimMarket& market,
                Seeds& seeds) {
    const std::string_view query = url.substr(std::min(url.size(), url.find('?') + 1));
    const std::string_view path = url.substr(0, url.find('?'));
    if (const auto answer = simulated.rest(
            {.path = path, .query = query, .market = market, .taken = std::chrono::system_clock::now()}))
        seeds.add(answer->body);
}

void write_past(const feed::VenueType& type, const sim::SimVenue& simulated, sim::SimMarket market,
                Seeds& seeds) {
    const auto past = std::make_shared<sim::Past>(true, 1, 0);
    for (const std::string& symbol : symbols) past->record(symbol, Decimal::from_int(3000), sim::now());
    market.past = past->of(simulated);
    if (type.listings.parse != nullptr) add_answer(type.listings.path, simulated, market, seeds);
    const Timestamp now = std::chrono::floor<std::chrono::minutes>(system_clock().now());
    const feed::PastRequest request{
        .symbol = *type.symbol_of("BTC"), .from = now - std::chrono::minutes{5}, .to = now, .now = now};
    if (type.past.candles_url != nullptr)
        add_answer(type.past.candles_url(request), simulated, market, seeds);
    if (type.past.trades_url != nullptr) add_answer(type.past.trades_url(request), simulated, market, seeds);
}

void write_rest(const feed::Venue& venue, const sim::SimVenue& simulated, const sim::SimMarket& market,
                Seeds& seeds) {
    seeds.add(std::string(simulated.error_body));
    for (const std::vector<std::size_t>& asked : {std::vector<std::size_t>{0}, {0, 1}}) {
        const std::string url = venue.rest_url(asked);
        add_answer(std::string_view(url).substr(std::string_view("https://v").size()), simulated, market,
                   seeds);
    }
}

void write_seeds(const feed::VenueType& type, const sim::SimVenue& simulated, const fs::path& folder) {
    Seeds seeds{folder / type.name.view()};
    fs::create_directories(seeds.folder);
    const auto venue = type.create({{"BTC", *type.symbol_of("BTC")}, {"ETH", *type.symbol_of("ETH")}},
                                   {"wss://v", "https://v"});
    const sim::SimMarket market = make_market(simulated);
    if (simulated.open != nullptr) write_stream(*venue, simulated, market, seeds);
    if (simulated.rest != nullptr) {
        write_rest(*venue, simulated, market, seeds);
        write_past(type, simulated, market, seeds);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: venue_seeds FOLDER\n";
        return 2;
    }
    for (const feed::VenueType* type : feed::venue_types()) {
        for (const sim::SimVenue* simulated : sim::sim_venues()) {
            if (simulated->name == type->name.view()) write_seeds(*type, *simulated, argv[1]);
        }
    }
    return 0;
}
