// Frames a second on one core, from the bytes of a venue's stream to quotes, as a session reads them, and on to the
// consolidated price. A frame holds one trade (at Bitfinex half of one: it
// sends each twice); they are the simulator's.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "cpu_seconds.hpp"
#include "feed/frame_reader.hpp"
#include "feed/venue.hpp"
#include "price/market.hpp"
#include "report.hpp"
#include "sim/protocol.hpp"
#include "sim/venues/venue.hpp"

namespace {

using namespace pricewire;

const std::vector<Ticker> tickers{"BTC", "ETH", "DOGE", "SOL", "BNB"};
constexpr std::array prices{"65000.15", "3100.2", "0.1423", "142.8", "580.01"};

// What the simulated venue sends; `stream` is subscribed to all symbols.
std::vector<std::string> make_frames(const sim::SimVenue& venue, sim::SimStream& stream) {
    std::vector<std::string> frames;
    for (std::uint64_t id = 1; id <= 2000; ++id) {
        for (std::size_t i = 0; i < tickers.size(); ++i) {
            const Decimal step = Decimal::from_raw(Decimal::one_raw / 10'000 * static_cast<int>(id % 10));
            const sim::SimTrade trade{std::string(tickers[i].view()) + "USDT",
                                      *Decimal::parse(prices[i]) + step, id,
                                      std::chrono::system_clock::now()};
            for (std::string& frame : stream.on_trades({&trade, 1}))
                frames.push_back(venue.is_gzip ? sim::gzipped(frame) : std::move(frame));
        }
    }
    return frames;
}

// How many frames `take` takes in a second of a core, whatever else the machine does.
template <typename Take>
double per_second(const std::vector<std::string>& frames, Take take) {
    std::uint64_t taken = 0;
    const double start = perf::cpu_seconds();
    double passed = 0;
    while ((passed = perf::cpu_seconds() - start) < 1) {
        for (const std::string& frame : frames) take(frame);
        taken += frames.size();
    }
    return static_cast<double>(taken) / passed;
}

// A connection to a simulated venue without a socket, opened at the address that the venue hands out, where it does:
// `venue` needs both addresses for that, and any will do.
std::unique_ptr<sim::SimStream> open_simulated(const feed::Venue& venue, const sim::SimVenue& simulated,
                                               const sim::SimMarket& market) {
    const auto asked = venue.address_request();
    if (!asked) return simulated.open("", market);
    const std::string path = asked->url.substr(asked->url.find('/', asked->url.find("://") + 3));
    const auto answer = simulated.rest({.path = path,
                                        .query = {},
                                        .market = market,
                                        .taken = std::chrono::system_clock::now(),
                                        .method = asked->post ? "POST" : "GET",
                                        .address = "127.0.0.1:1"});
    const auto address = answer ? venue.parse_address(answer->body) : std::unexpected(feed::ParseError{});
    if (!address) throw std::runtime_error("the simulated venue hands out no address");
    return simulated.open(address->substr(address->find('?') + 1), market);
}

void measure(const feed::VenueType& type, const sim::SimVenue& simulated) {
    std::vector<feed::Instrument> instruments;
    for (const Ticker ticker : tickers) instruments.push_back({ticker, *type.symbol_of(ticker)});
    const auto venue =
        type.create(std::move(instruments), {.ws_url = "ws://127.0.0.1:1", .rest_url = "http://127.0.0.1:1"});
    feed::FrameReader reader(*venue);
    const sim::SimMarket empty;
    const auto stream = open_simulated(*venue, simulated, empty);
    feed::StreamOutput output;
    const Timestamp now = system_clock().now();
    const auto read = [&](const std::string& frame, bool is_binary) {
        output.clear();
        if (!reader.read(frame, is_binary, now, output)) std::abort();
    };
    for (const std::string& frame : stream->on_open()) read(frame, false);
    // Some venues answer only once a connection has been open for a while.
    const auto opened = std::chrono::steady_clock::now();
    stream->tick({.now = opened + std::chrono::seconds{2},
                  .opened = opened,
                  .last_push = opened,
                  .last_text = opened});
    const std::size_t many = type.stream.symbols_per_message;
    for (std::size_t i = 0; many > 0 && i < tickers.size(); i += many) {
        std::vector<std::size_t> asked(std::min(many, tickers.size() - i));
        std::iota(asked.begin(), asked.end(), i);
        for (const std::string& answer :
             stream->on_text(venue->subscribe_message(asked, {.number = i + 1, .now = now})))
            read(answer, false);
    }
    const auto frames = make_frames(simulated, *stream);
    const bool is_binary = simulated.is_gzip || simulated.is_binary;
    std::uint64_t quotes = 0;
    const double to_quotes = per_second(frames, [&](const std::string& frame) {
        read(frame, is_binary);
        quotes += output.quotes.size();
    });
    std::uint64_t made = 0;
    price::Market market(tickers, {},
                         {.price = [&](const Price&) { ++made; },
                          .price_gone = [](const PriceGone&) {},
                          .board = [](const TickerBoard&) {}});
    const std::uint64_t before = quotes;
    const double to_prices = per_second(frames, [&](const std::string& frame) {
        read(frame, is_binary);
        quotes += output.quotes.size();
        market.on_quotes(output.quotes, now);
    });
    if (before == 0 || made != quotes - before) std::abort();
    const bool is_text = type.stream.encoding == feed::Encoding::text;
    perf::row("frames to quotes on a core, " + std::string(type.title),
              fmt::format("{:.0f} k/s", to_quotes / 1000), is_text ? ">= 1000 k/s" : "");
    perf::row("  to prices", fmt::format("{:.0f} k/s", to_prices / 1000));
}

}  // namespace

int main() {
    for (const feed::VenueType* type : feed::venue_types()) {
        for (const sim::SimVenue* simulated : sim::sim_venues()) {
            if (simulated->name == type->name.view() && simulated->open != nullptr)
                measure(*type, *simulated);
        }
    }
    return 0;
}
