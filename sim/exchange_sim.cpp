#include "sim/exchange_sim.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <random>
#include <thread>
#include <utility>

#include "base/json_writer.hpp"
#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "sim/coin_market.hpp"
#include "sim/control.hpp"
#include "sim/limits.hpp"
#include "sim/past.hpp"
#include "sim/protocol.hpp"
#include "sim/stream_clients.hpp"
#include "sim/timeline.hpp"
#include "sim/venue_player.hpp"

namespace pricewire::sim {
namespace {

using namespace std::chrono;
using Kind = Fault::Kind;

// Between two looks at what venues send by the clock.
constexpr milliseconds tick_every{500};

// As many coins as a tape is expected to trade.
constexpr std::size_t tape_coins = 5;

// Between two trades of the dollar coins.
constexpr seconds coins_every{5};

// In a time that passes at once: between two trades of each coin that trades by the clock.
constexpr seconds coins_skip{20};

class ExchangeSimImpl final : public ExchangeSim {
public:
    ExchangeSimImpl(const SimOptions& options, std::unique_ptr<Tape> tape)
        : options_(options),
          past_(std::make_shared<Past>(options.has_past, options.seed, options.noise_bp)),
          limits_(options.enforces_limits),
          coin_market_(tape == nullptr ? 0 : tape_coins, options.coins == 0 ? 0 : options.coins + tape_coins,
                       options.coin_trades_per_second, *past_, options.seed),
          timeline_(std::move(tape), options.speed, options.paused),
          rng_(options.seed) {
        state_.noise_bp = options.noise_bp;
        for (const TapeTrade& coin : coin_market_.all(sim::now())) last_[coin.symbol] = coin.price;
    }

    ~ExchangeSimImpl() override {
        {
            MutexLock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        if (player_.joinable()) player_.join();
        if (server_) server_->stop(milliseconds{100});
        move_clock(-skipped_);
    }

    Result<void> start() {
        auto created = net::create_http_server(
            server_options(options_.listen),
            [this](net::ServerRequest&& request, net::HttpServer::Respond respond) {
                if (auto response = answer(request)) {
                    respond(std::move(*response));
                } else {
                    hold(std::move(respond));
                }
            },
            [this](const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) {
                return upgrade(request, std::move(peer));
            });
        if (!created) return std::unexpected(created.error());
        server_ = std::move(*created);
        player_ = std::thread([this] { play_tape(); });
        return {};
    }

    std::uint16_t port() const override { return server_->port(); }
    void play() override {
        change([this]() REQUIRES(mutex_) { timeline_.set_paused(false); });
    }
    void pause() override {
        change([this]() REQUIRES(mutex_) { timeline_.set_paused(true); });
    }
    void set_speed(double speed) override {
        change([&]() REQUIRES(mutex_) { timeline_.set_speed(speed); });
    }
    void set_tape(std::unique_ptr<Tape> tape) override {
        change([&]() REQUIRES(mutex_) { timeline_.set_tape(std::move(tape)); });
    }
    void set_noise(double basis_points) override {
        change([&]() REQUIRES(mutex_) { state_.noise_bp = basis_points; });
    }
    void set_rate(std::string_view coin, double dollars) override {
        change([&]() REQUIRES(mutex_) {
            dollar_coins_.set(coin, dollars);
            move_coins(0);
            coins_traded_ = {};
            ticked_ = {};
        });
    }
    void set_fault(const Door& door, Fault fault) override {
        change([&]() REQUIRES(mutex_) { apply(door, fault); });
    }
    void trade(const std::string& symbol, Decimal price, std::string venue) override {
        change([&]() REQUIRES(mutex_) {
            by_hand_.push_back({.symbol = symbol, .price = price, .venue = std::move(venue)});
        });
    }
    void set_listing(std::string_view venue, const std::string& symbol, const ListingState& state) override {
        change([&]() REQUIRES(mutex_) {
            for (const SimVenue* v : options_.venues) {
                if (v->name == venue) player_of(*v).list(symbol, state);
            }
        });
    }
    void skip(Duration time) override {
        change([&]() REQUIRES(mutex_) {
            for (; !by_hand_.empty(); by_hand_.pop_front()) play_trade(by_hand_.front(), true);
            const SimTime end = sim::now() + time;
            const auto mono = steady_clock::now();
            timeline_.skip(mono, time);
            while (const auto trade = timeline_.speed() > 0 ? timeline_.take(mono) : std::nullopt) {
                ++trades_;
                trade_unheard(*trade, end - duration_cast<microseconds>(mono - timeline_.was_due()));
            }
            for (SimTime at = end - time; at < end; at += coins_skip) {
                for (const TapeTrade& trade : coin_market_.all(at)) trade_unheard(trade, at);
                if (options_.no_coins) continue;
                for (const TapeTrade& trade : dollar_coins_.trades()) trade_unheard(trade, at);
            }
            move_clock(time);
            skipped_ += time;
        });
    }
    bool finished() const override {
        MutexLock lock(mutex_);
        return is_finished();
    }
    std::uint64_t trades_sent() const override { return trades_; }
    std::size_t stream_clients() const override {
        MutexLock lock(mutex_);
        return clients_.subscribed();
    }
    std::string source_settings() const override { return sim::source_settings(options_.venues, address()); }

    std::string status() const override {
        JsonWriter w;
        MutexLock lock(mutex_);
        w.begin_object().field("trades", trades_.load()).field("finished", is_finished());
        w.field("paused", timeline_.paused()).field("speed", timeline_.speed());
        w.key("prices").begin_object();
        for (const auto& [symbol, price] : last_) w.field(symbol, price);
        w.end_object().key("rates").begin_object();
        w.field("USDT", to_price(state_.rates.usdt)).field("USDC", to_price(state_.rates.usdc)).end_object();
        clients_.write(w, last_);
        w.field("clock", iso_time(sim::now()));
        limits_.write(w);
        w.key("faults").begin_object();
        for (const Door& door : doors(options_.venues)) w.field(door, to_string(faults_.at(door)));
        for (const auto& [door, fault] : faults_.all()) {
            if (door.find('/') != std::string::npos) w.field(door, to_string(fault));
        }
        w.end_object().end_object();
        return std::move(w).str();
    }

private:
    struct Due {
        const SimVenue* venue;
        VenuePlayer::Telling telling;
    };

    std::string address() const {
        return options_.listen.substr(0, options_.listen.rfind(':')) + ":" + std::to_string(port());
    }

    template <typename F>
    void change(F&& f) {
        {
            MutexLock lock(mutex_);
            f();
        }
        changed_.notify_all();
    }

    bool is_finished() const REQUIRES(mutex_) {
        return timeline_.finished() && by_hand_.empty() && due_.empty();
    }

    // ---- The player's thread

    // Sends each trade of the tape when it is due.
    void play_tape() {
        MutexLock lock(mutex_);
        while (!stopping_) {
            tick();
            const auto now = steady_clock::now();
            if (!by_hand_.empty()) {
                const TapeTrade next = std::move(by_hand_.front());
                by_hand_.pop_front();
                ++trades_;
                play_trade(next, true);
                continue;
            }
            if (!due_.empty() && due_.begin()->first <= now) {
                Due due = std::move(due_.begin()->second);
                due_.erase(due_.begin());
                tell(*due.venue, players_.at(due.venue), std::move(due.telling));
                continue;
            }
            if (options_.wait_for_client && clients_.subscribed() == 0) {
                timeline_.hold();
                changed_.wait_until(lock, now + tick_every);
                continue;
            }
            if (timeline_.speed() == 0 && clients_.is_somebody_slow()) {
                lock.unlock();
                std::this_thread::sleep_for(milliseconds{1});
                lock.lock();
                continue;
            }
            if (!timeline_.paused()) {
                if (const auto trade = coin_market_.take(now)) {
                    ++trades_;
                    play_trade(*trade, false);
                    continue;
                }
            }
            if (const auto trade = timeline_.take(now)) {
                ++trades_;
                play_trade(*trade, false);
                continue;
            }
            auto until =
                std::min(now + tick_every, timeline_.due().value_or(steady_clock::time_point::max()));
            if (!timeline_.paused()) until = std::min(until, coin_market_.due().value_or(until));
            if (!due_.empty()) until = std::min(until, due_.begin()->first);
            changed_.wait_until(lock, until);
        }
    }

    void tell(const SimVenue& venue, VenuePlayer& player, VenuePlayer::Telling telling) REQUIRES(mutex_) {
        player.tell(telling);
        clients_.tell(venue, telling);
    }

    void note(const TapeTrade& trade, SimTime at) REQUIRES(mutex_) {
        if (!trade.venue.empty()) return;
        last_[trade.symbol] = trade.price;
        past_->record(trade.symbol, trade.price, at - trade.age);
        take_figures(trade, at);
    }

    // A trade of the past, which no client is sent.
    void trade_unheard(const TapeTrade& trade, SimTime at) REQUIRES(mutex_) {
        note(trade, at);
        for (auto& [venue, player] : players_) player.make(trade, state_, at, false);
    }

    // Each venue's part in a trade of the tape, at once or later.
    void play_trade(const TapeTrade& trade, bool by_hand) REQUIRES(mutex_) {
        const auto now = sim::now();
        note(trade, now);
        for (auto& [venue, player] : players_) {
            for (VenuePlayer::Telling& telling : player.make(trade, state_, now, by_hand)) {
                if (telling.delay == Duration{}) {
                    tell(*venue, player, std::move(telling));
                } else {
                    due_.emplace(steady_clock::now() + telling.delay, Due{venue, std::move(telling)});
                }
            }
        }
    }

    // The aggregators' figures are as old as coingecko_period.
    void take_figures(const TapeTrade& trade, system_clock::time_point now) REQUIRES(mutex_) {
        if (now - figures_taken_ >= options_.coingecko_period) {
            figures_taken_ = now;
            figures_ = last_;
        }
        figures_.try_emplace(trade.symbol, trade.price);
    }

    // What happens by the clock.
    void tick() REQUIRES(mutex_) {
        const auto now = steady_clock::now();
        if (now - ticked_ < tick_every) return;
        move_coins(std::min(1.0, duration<double>(now - ticked_).count()));
        ticked_ = now;
        clients_.tick(now);
        if (options_.no_coins || now - coins_traded_ < coins_every) return;
        coins_traded_ = now;
        for (const TapeTrade& trade : dollar_coins_.trades()) play_trade(trade, false);
    }

    void move_coins(double passed_seconds) REQUIRES(mutex_) {
        dollar_coins_.move(passed_seconds, state_.noise_bp, rng_);
        state_.rates = dollar_coins_.rates();
        past_->set_rates(state_.rates);
    }

    // ---- Faults

    void apply(const Door& door, const Fault& fault) REQUIRES(mutex_) {
        const Kind kind = fault.kind;
        const Fault before = faults_.at(door);
        frozen_[door] = {last_, sim::now()};
        const bool is_once = kind == Kind::leaving || (kind == Kind::cut && !door.ends_with(".rest"));
        faults_.set(door, is_once ? Fault{} : fault);
        for (auto& [venue, player] : players_) {
            if (!is_within(door, stream_door(*venue))) continue;
            player.faults_changed();
            // What waits to be told has been overtaken.
            std::erase_if(due_, [&, v = venue](const auto& due) { return due.second.venue == v; });
            if (kind != Kind::old) continue;
            for (VenuePlayer::Telling& telling : player.old_trades(sim::now())) {
                if (door.find('/') == Door::npos || door.ends_with("/" + telling.trades.front().symbol))
                    tell(*venue, player, std::move(telling));
            }
        }
        clients_.fault_changed(door, before, fault);
    }

    // ---- The server's thread

    net::WsHandler upgrade(const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) {
        net::WsHandler handler;
        const auto found = std::find_if(
            options_.venues.begin(), options_.venues.end(),
            [&](const SimVenue* v) { return !v->ws_path.empty() && v->ws_path == request.path; });
        if (found == options_.venues.end()) return handler;
        const SimVenue& venue = **found;
        const Fault fault = faults_.at(stream_door(venue));
        const bool is_closed = fault.kind == Kind::maintenance && venue.resumed_frame.empty();
        if (refuses_upgrade(fault) || is_closed) {
            handler.refusal = refusal(is_closed ? Fault{Kind::status, 503, {}} : fault);
            return handler;
        }
        limits_.on_connection(venue, steady_clock::now());
        const std::uint64_t id = ++next_client_;
        {
            MutexLock lock(mutex_);
            VenuePlayer& player = player_of(venue);
            clients_.add(id, venue, std::move(peer), request.query, player.market());
        }
        changed_.notify_all();
        handler.on_text = [this, id, &venue](std::string_view text) {
            limits_.on_message(venue, id, text, steady_clock::now());
            on_command(id, text);
        };
        handler.on_close = [this, id] {
            MutexLock lock(mutex_);
            clients_.erase(id);
        };
        return handler;
    }

    SimMarket market_at(const SimVenue& venue, const Prices& dollars, SimTime at) const REQUIRES(mutex_) {
        SimMarket market = market_of(venue, dollars, state_, at);
        market.unlisted = coin_market_.unlisted_at(venue);
        market.past = past_->of(venue);
        return market;
    }

    // From its first client on a venue has a market of its own.
    VenuePlayer& player_of(const SimVenue& venue) REQUIRES(mutex_) {
        auto found = players_.find(&venue);
        if (found == players_.end()) {
            // What has traded before has done so a while ago.
            SimMarket market = market_at(venue, last_, sim::now() - seconds{40});
            past_->begin_own(venue);
            found = players_
                        .emplace(std::piecewise_construct, std::forward_as_tuple(&venue),
                                 std::forward_as_tuple(venue, faults_, std::move(market), options_.seed,
                                                       past_.get()))
                        .first;
        }
        return found->second;
    }

    void on_command(std::uint64_t id, std::string_view text) {
        {
            MutexLock lock(mutex_);
            // A client that has just come need not wait for the next trade of the dollar coins.
            if (clients_.on_text(id, text)) coins_traded_ = {};
        }
        changed_.notify_all();
    }

    // nullopt: never answered.
    std::optional<net::ServerResponse> answer(const net::ServerRequest& request) {
        if (request.path.starts_with("/_sim/")) return control(*this, options_.venues, request);
        for (const SimVenue* venue : options_.venues) {
            const std::string_view path = request.path;
            if (venue->rest == nullptr || !path.starts_with(venue->rest_path)) continue;
            if (venue->rest_path.empty() && !path.starts_with("/api/")) continue;
            const std::string_view path_of_venue = path.substr(venue->rest_path.size());
            const auto [market, taken] = shown_by_rest(*venue);
            auto response = venue->rest(
                {path_of_venue, request.query, market, taken, request.method, request.body, address()});
            if (!response) continue;
            if (auto refused = limits_.on_request(*venue, path_of_venue, steady_clock::now())) return refused;
            return under_fault(*venue, faults_.at(rest_door(*venue)), std::move(*response));
        }
        return net::ServerResponse{.status = 404, .content_type = "text/plain", .body = "no such path\n"};
    }

    // The market that a venue's REST interface shows, and its time.
    std::pair<SimMarket, system_clock::time_point> shown_by_rest(const SimVenue& venue) const {
        const Door door = rest_door(venue);
        const auto now = sim::now();
        MutexLock lock(mutex_);
        SimMarket market;
        auto taken = venue.is_aggregator ? figures_taken_ : now;
        if (const auto player = players_.find(&venue); player != players_.end()) {
            market = player->second.shown_by_rest();
        } else {
            market = market_at(venue, venue.is_aggregator ? figures_ : last_, taken);
        }
        const auto frozen = frozen_.find(door);
        if (faults_.at(door).kind == Kind::stale && frozen != frozen_.end()) {
            taken = frozen->second.second;
            market = market_at(venue, frozen->second.first, taken);
        }
        for (auto& [symbol, price] : market.prices) {
            const double factor = faults_.at(door, symbol).factor();
            if (factor == 1) continue;
            price = times(price, factor);
            market.factors[symbol] = factor;
        }
        for (const auto& [at, fault] : faults_.all()) {
            if (fault.kind == Kind::removed && at.starts_with(door + "/"))
                market.removed.insert(at.substr(door.size() + 1));
        }
        for (const auto* gone : {&market.removed, &market.unlisted}) {
            for (const std::string& symbol : *gone) market.prices.erase(symbol);
        }
        return {std::move(market), taken};
    }

    // Keeps up to 100 requests open without an answer.
    void hold(net::HttpServer::Respond respond) {
        MutexLock lock(mutex_);
        held_.push_back(std::move(respond));
        if (held_.size() > 100) held_.pop_front();
    }

    const SimOptions options_;
    const std::shared_ptr<Past> past_;
    Limits limits_;
    Faults faults_;
    mutable Mutex mutex_;
    CondVar changed_;
    CoinMarket coin_market_ GUARDED_BY(mutex_);
    Timeline timeline_ GUARDED_BY(mutex_);
    Duration skipped_ GUARDED_BY(mutex_){};
    std::mt19937_64 rng_ GUARDED_BY(mutex_);
    MarketState state_ GUARDED_BY(mutex_);
    DollarCoins dollar_coins_ GUARDED_BY(mutex_);
    std::deque<TapeTrade> by_hand_ GUARDED_BY(mutex_);
    std::deque<net::HttpServer::Respond> held_ GUARDED_BY(mutex_);
    std::multimap<steady_clock::time_point, Due> due_ GUARDED_BY(mutex_);
    // In dollars: what has been traded, and what the aggregators know of it.
    Prices last_ GUARDED_BY(mutex_);
    Prices figures_ GUARDED_BY(mutex_);
    system_clock::time_point figures_taken_ GUARDED_BY(mutex_){};
    std::map<Door, std::pair<Prices, system_clock::time_point>> frozen_ GUARDED_BY(mutex_);
    std::map<const SimVenue*, VenuePlayer> players_ GUARDED_BY(mutex_);  // of venues that have had a client
    StreamClients clients_ GUARDED_BY(mutex_){faults_};
    std::atomic<std::uint64_t> next_client_ = 0;
    std::atomic<std::uint64_t> trades_ = 0;
    steady_clock::time_point ticked_ GUARDED_BY(mutex_){};
    steady_clock::time_point coins_traded_ GUARDED_BY(mutex_){};
    std::atomic<bool> stopping_ = false;
    std::unique_ptr<net::HttpServer> server_;
    std::thread player_;
};

}  // namespace

Result<std::unique_ptr<ExchangeSim>> create_exchange_sim(const SimOptions& options,
                                                         std::unique_ptr<Tape> tape) {
    auto sim = std::make_unique<ExchangeSimImpl>(options, std::move(tape));
    if (auto started = sim->start(); !started) return std::unexpected(started.error());
    return sim;
}

}  // namespace pricewire::sim
