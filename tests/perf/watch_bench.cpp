// A thousand tickers at all exchanges: what watching one more costs, how long a venue's own limits make it take until
// all are subscribed, and the share of a core and the memory that 20,000 trades a second need. Feed, market and bus are
// the program's; sockets, time and venues are played, so that nothing else is measured.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "bus/in_process/in_process_bus.hpp"
#include "cpu_seconds.hpp"
#include "fakes/hand_loop.hpp"
#include "feed/binance/binance.hpp"
#include "feed/feed.hpp"
#include "feed/venue.hpp"
#include "price/market.hpp"
#include "report.hpp"
#include "sim/protocol.hpp"
#include "sim/venues/venue.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;

constexpr std::size_t many = 1000;
constexpr std::size_t trades_per_second = 20'000;
constexpr int measured_seconds = 10;

double resident_megabytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total = 0, resident = 0;
    statm >> total >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024 * 1024);
}

// The connections to one simulated venue.
struct Played {
    const feed::VenueType* type = nullptr;
    const sim::SimVenue* simulated = nullptr;
    sim::SimMarket market;
    struct Connection {
        net::WsClientHandler handler;
        std::unique_ptr<sim::SimStream> stream;
        bool is_open = false;
    };
    std::deque<Connection> connections;
    MonoTime last_message;  // that changed what is subscribed
    std::optional<MonoTime> complete_at = {};
    std::vector<Connection*> by_ticker;
};

std::string ticker_name(std::size_t i) {
    return fmt::format("TK{:03}", i);
}
std::string symbol_on_tape(std::size_t i) {
    return ticker_name(i) + "USDT";
}

class Bench {
public:
    Bench() : bus_(bus::create_in_process_bus({})) {
        for (const feed::VenueType* type : feed::venue_types()) {
            for (const sim::SimVenue* simulated : sim::sim_venues()) {
                if (simulated->name != type->name.view() || simulated->open == nullptr) continue;
                if (type == &feed::binance_us_type || type->stream.url.empty()) continue;
                venues_.push_back({.type = type, .simulated = simulated});
            }
        }
        feed::FeedOptions options;
        std::vector<SourceName> names;
        for (Played& venue : venues_) {
            for (std::size_t i = 0; i < many; ++i) {
                venue.market.prices[symbol_on_tape(i)] = Decimal::from_int(100);
                venue.market.trades[symbol_on_tape(i)] = {
                    {symbol_on_tape(i), Decimal::from_int(100), 1, sim::now() - 1h}};
            }
            venue.market.currency = venue.simulated->currency;
            names.push_back(venue.type->name);
            options.sources.push_back({.name = std::string(venue.type->name.view()),
                                       .ws_url = fmt::format("ws://{}/x", venue.type->name.view()),
                                       .rest_url = fmt::format("http://{}", venue.type->name.view()),
                                       .poll_interval = venue.type->rest.poll_interval});
        }
        options.open_websocket = [this](net::EventLoop&, const net::WsClientOptions& ws,
                                        net::WsClientHandler handler) {
            return open(ws.url, std::move(handler));
        };
        market_.emplace(
            std::vector<Ticker>{}, price::ConsolidationPolicy{},
            price::MarketSinks{.price =
                                   [this](const Price& price) {
                                       ++prices_;
                                       bus_->publish(price);
                                   },
                               .price_gone = [this](const PriceGone& gone) { bus_->publish_gone(gone); },
                               .board = [this](const TickerBoard& b) { bus_->publish_board(b); }},
            names);
        feed_ =
            create_feed(loop_, http_, loop_.clock, std::move(options), [this](std::span<const Quote> quotes) {
                quotes_ += quotes.size();
                market_->on_quotes(quotes, loop_.clock.now());
            });
        loop_.clock.advance(std::chrono::floor<Duration>(sim::now() - loop_.clock.now()));
        loop_.every(1s, "judging", [this] { market_->refresh(loop_.clock.now()); });
        loop_.every(500ms, "the venues", [this] { tick(); });
        feed_->start();
    }

    void measure() {
        const double before = resident_megabytes();
        std::map<std::size_t, double> cost;  // of ten tickers from the n-th
        for (std::size_t i = 0; i < many; ++i) {
            const double start = perf::cpu_seconds();
            watch(i);
            const double passed = perf::cpu_seconds() - start;
            for (const std::size_t from : {std::size_t{0}, std::size_t{10}, std::size_t{100}, many - 10})
                if (i >= from && i < from + 10) cost[from] += passed;
        }
        for (const auto& [from, seconds] : cost) {
            perf::row(fmt::format("watching one more ticker at {} exchanges, tickers {} to {}",
                                  venues_.size(), from + 1, from + 10),
                      fmt::format("{:.0f} us", seconds / 10 * 1e6));
        }
        const MonoTime began = loop_.clock.mono();
        for (int i = 0; i < 60; ++i) {
            loop_.wait(10s);
            trade_once();
            for (Played& venue : venues_) {
                if (!venue.complete_at && find_connections(venue)) venue.complete_at = venue.last_message;
            }
        }
        for (Played& venue : venues_) {
            if (!find_connections(venue)) give_up(venue);
            perf::row(fmt::format("  all {} subscribed by {}'s limits, on {} connections", many,
                                  venue.type->title, venue.connections.size()),
                      fmt::format("{:.0f} s",
                                  std::chrono::duration<double>(venue.complete_at.value() - began).count()));
        }
        trade_a_while(2, false);
        trade_a_while(measured_seconds, true);
        perf::row("  memory for it", fmt::format("{:.0f} MB", resident_megabytes() - before));
        one_more();
    }

private:
    // Answers KuCoin's request for an address; no other is answered.
    class PlayedHttp final : public net::HttpClient {
    public:
        explicit PlayedHttp(Bench& bench) : bench_(bench) {}
        void start(net::HttpRequest request, Done done) override {
            if (request.method != "POST") return;
            bench_.loop_.post([this, url = request.url, done = std::move(done)]() mutable {
                for (Played& venue : bench_.venues_) {
                    const std::string base = fmt::format("http://{}", venue.type->name.view());
                    if (!url.starts_with(base)) continue;
                    const std::string path = url.substr(base.size());
                    const auto answer = venue.simulated->rest({.path = path,
                                                               .query = {},
                                                               .market = venue.market,
                                                               .taken = sim::now(),
                                                               .method = "POST",
                                                               .address = "kucoin"});
                    if (!answer) std::abort();
                    net::HttpResult result;
                    result.status = 200;
                    result.body = answer->body;
                    done(std::move(result));
                }
            });
        }
        std::size_t not_begun() const override { return 0; }

    private:
        Bench& bench_;
    };
    class Client final : public net::WsClient {
    public:
        Client(Bench& bench, Played& venue, Played::Connection& connection)
            : bench_(bench), venue_(venue), connection_(connection) {}
        ~Client() override { connection_.is_open = false; }
        void send_text(std::string text) override {
            if (text.find("ubscri") != std::string::npos || text.find("UBSCRI") != std::string::npos ||
                text.find("\"sub\"") != std::string::npos)
                venue_.last_message = bench_.loop_.clock.mono();
            bench_.deliver(venue_, connection_, connection_.stream->on_text(text));
        }
        void send_ping() override {
            bench_.loop_.post([&c = connection_] {
                if (c.is_open) c.handler.on_ping();
            });
        }

    private:
        Bench& bench_;
        Played& venue_;
        Played::Connection& connection_;
    };

    std::unique_ptr<net::WsClient> open(const std::string& url, net::WsClientHandler handler) {
        const auto venue = std::ranges::find_if(venues_, [&](const Played& v) {
            return url.starts_with(fmt::format("ws://{}/", v.type->name.view()));
        });
        if (venue == venues_.end()) std::abort();
        auto& connection = venue->connections.emplace_back();
        connection.handler = std::move(handler);
        connection.stream =
            venue->simulated->open(url.substr(std::min(url.find('?') + 1, url.size())), venue->market);
        connection.is_open = true;
        loop_.post([this, &v = *venue, &connection] {
            connection.handler.on_open();
            deliver(v, connection, connection.stream->on_open());
        });
        return std::make_unique<Client>(*this, *venue, connection);
    }
    void deliver(Played& venue, Played::Connection& connection, std::vector<std::string> texts,
                 bool are_trades = false) {
        const bool is_binary = venue.simulated->is_gzip || (are_trades && venue.simulated->is_binary);
        for (std::string& text : texts) {
            loop_.post(
                [is_binary, &connection, frame = venue.simulated->is_gzip ? sim::gzipped(text) : text] {
                    if (!connection.is_open) return;
                    if (is_binary) {
                        connection.handler.on_binary(frame);
                    } else {
                        connection.handler.on_text(frame);
                    }
                });
        }
    }
    void tick() {
        const auto at = std::chrono::steady_clock::time_point(loop_.clock.mono().time_since_epoch());
        for (Played& venue : venues_) {
            for (auto& connection : venue.connections) {
                if (connection.is_open)
                    deliver(venue, connection,
                            connection.stream->tick(
                                {.now = at, .opened = at - 1h, .last_push = at, .last_text = at}));
            }
        }
    }
    void watch(std::size_t i) {
        const Ticker ticker(ticker_name(i));
        std::vector<feed::FoundAt> found;
        for (const Played& venue : venues_)
            found.push_back({venue.type->name, venue.type->symbol_of(ticker).value()});
        market_->watch(ticker);
        feed_->watch(ticker, found);
    }
    sim::SimTrade trade_of(std::size_t i, int tick) {
        return {symbol_on_tape(i),
                Decimal::from_int(100) + Decimal::from_raw(Decimal::one_raw / 10'000 * tick), ++id_,
                std::chrono::system_clock::time_point(loop_.clock.now().time_since_epoch())};
    }
    // Each connection trades, so that none is given up as deaf.
    void trade_once() {
        for (Played& venue : venues_) {
            for (auto& connection : venue.connections) {
                for (std::size_t i = 0; connection.is_open && i < many; ++i) {
                    if (!connection.stream->wants(symbol_on_tape(i))) continue;
                    const sim::SimTrade trade = trade_of(i, 0);
                    deliver(venue, connection, connection.stream->on_trades({&trade, 1}), true);
                    break;
                }
            }
        }
        loop_.turn();
    }
    // Whether each ticker has one.
    static bool find_connections(Played& venue) {
        venue.by_ticker.assign(many, nullptr);
        for (std::size_t i = 0; i < many; ++i) {
            for (auto& connection : venue.connections) {
                if (connection.is_open && connection.stream->wants(symbol_on_tape(i)))
                    venue.by_ticker[i] = &connection;
            }
            if (venue.by_ticker[i] == nullptr) return false;
        }
        return true;
    }
    [[noreturn]] static void give_up(const Played& venue) {
        fmt::print("{} has not subscribed all\n", venue.type->title);
        std::exit(1);
    }
    // What the venues send in a second: a few coins make most of the trades.
    std::vector<std::tuple<Played*, Played::Connection*, std::string>> make_frames() {
        std::vector<std::tuple<Played*, Played::Connection*, std::string>> frames;
        std::exponential_distribution<double> coin(1.0 / 100);
        std::uniform_int_distribution<std::size_t> place(0, venues_.size() - 1);
        std::uniform_int_distribution<int> tick(-50, 50);
        for (std::size_t n = 0; n < trades_per_second; ++n) {
            const auto i = std::min(static_cast<std::size_t>(coin(rng_)), many - 1);
            Played& venue = venues_[place(rng_)];
            const sim::SimTrade trade = trade_of(i, tick(rng_));
            for (std::string& frame : venue.by_ticker[i]->stream->on_trades({&trade, 1}))
                frames.emplace_back(&venue, venue.by_ticker[i],
                                    venue.simulated->is_gzip ? sim::gzipped(frame) : std::move(frame));
        }
        return frames;
    }
    void trade_a_while(int seconds, bool is_measured) {
        double busy = 0;
        const std::uint64_t quotes_before = quotes_;
        for (int s = 0; s < seconds; ++s) {
            const auto frames = make_frames();
            const std::size_t part = frames.size() / 100;
            const double start = perf::cpu_seconds();
            for (std::size_t n = 0; n < frames.size(); ++n) {
                const auto& [venue, connection, frame] = frames[n];
                if (venue->simulated->is_gzip || venue->simulated->is_binary) {
                    connection->handler.on_binary(frame);
                } else {
                    connection->handler.on_text(frame);
                }
                if (n % part == part - 1) loop_.wait(10ms);
            }
            busy += perf::cpu_seconds() - start;
        }
        if (!is_measured) return;
        if (quotes_ - quotes_before < trades_per_second * static_cast<std::size_t>(seconds) / 2) {
            fmt::print(stderr, "only {} of the trades were taken\n", quotes_ - quotes_before);
            std::exit(1);
        }
        perf::row(fmt::format("{} tickers, {} exchanges, {} trades/s: share of a core", many, venues_.size(),
                              trades_per_second),
                  fmt::format("{:.0f} %", busy / seconds * 100), "< 100 %");
    }
    // A ticker that goes and comes back while all others are watched.
    void one_more() {
        feed_->unwatch(Ticker(ticker_name(many / 2)));
        loop_.wait(1min);
        const MonoTime asked = loop_.clock.mono();
        for (Played& venue : venues_) venue.last_message = asked;
        watch(many / 2);
        loop_.wait(30s);
        for (Played& venue : venues_) {
            if (!find_connections(venue)) give_up(venue);
            slowest_ = std::max(slowest_, venue.last_message - asked);
        }
        perf::row("  one more is subscribed everywhere within",
                  fmt::format("{:.1f} s", std::chrono::duration<double>(slowest_).count()), "< 5 s");
    }

    fakes::HandLoop loop_;
    PlayedHttp http_{*this};
    std::deque<Played> venues_;
    std::unique_ptr<bus::PriceBus> bus_;
    std::optional<price::Market> market_;
    std::unique_ptr<feed::Feed> feed_;
    std::mt19937 rng_{7};
    std::uint64_t id_ = 1'000'000;
    std::uint64_t quotes_ = 0;
    std::uint64_t prices_ = 0;
    MonoTime::duration slowest_{};
};

}  // namespace

int main() {
    Bench().measure();
    return 0;
}
