// Frames a second on one core, from the bytes of a venue's stream to the consolidated price: decompression
// where there is any, the parser and the market. A frame holds one trade; they are the simulator's.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "feed/detail/inflate.hpp"
#include "feed/venue.hpp"
#include "price/market.hpp"
#include "report.hpp"
#include "sim/protocol.hpp"

namespace {

using namespace pricewire;
using Clock = std::chrono::steady_clock;

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

void measure(const feed::VenueType& type, const sim::SimVenue& simulated) {
    std::vector<feed::Instrument> instruments;
    for (const Ticker ticker : tickers) instruments.push_back({ticker, *type.symbol_of(ticker)});
    const auto venue = type.create(std::move(instruments), {});
    const auto parser = venue->create_parser();
    const sim::SimMarket empty;
    const auto stream = simulated.open("", empty);
    feed::detail::Inflater inflater;
    feed::StreamOutput output;
    const std::size_t many = type.stream.symbols_per_message;
    for (std::size_t i = 0; many > 0 && i < tickers.size(); i += many) {
        std::vector<std::size_t> asked(std::min(many, tickers.size() - i));
        std::iota(asked.begin(), asked.end(), i);
        const std::string message =
            venue->subscribe_message(asked, {.number = i + 1, .now = system_clock().now()});
        for (const std::string& answer : stream->on_text(message))
            if (!parser->parse(answer, system_clock().now(), output)) std::abort();
    }
    const auto frames = make_frames(simulated, *stream);
    std::uint64_t made = 0;
    price::Market market(tickers, {},
                         {.price = [&](const Price&) { ++made; },
                          .price_gone = [](const PriceGone&) {},
                          .board = [](const TickerBoard&) {}});
    const Timestamp now = system_clock().now();
    std::uint64_t parsed = 0;
    const auto start = Clock::now();
    while (Clock::now() - start < std::chrono::seconds{1}) {
        for (const std::string& frame : frames) {
            output.clear();
            const std::string_view bytes = simulated.is_gzip ? inflater.inflate(frame).value() : frame;
            if (!parser->parse(bytes, now, output)) std::abort();
            market.on_quotes(output.quotes, now);
        }
        parsed += frames.size();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (made != parsed) std::abort();
    perf::row("frames to prices on a core, " + std::string(type.title),
              fmt::format("{:.0f} k/s", static_cast<double>(parsed) / seconds / 1000));
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
