#include "sim/exchange_sim.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include "base/json_writer.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "sim/protocol.hpp"

namespace pricewire::sim {
namespace {

using namespace std::chrono;

// The most one client may leave unread before the player waits for it (at full speed) or drops it.
constexpr std::size_t max_queued_bytes = 4 * 1024 * 1024;

// How many trades of a symbol a venue may send of the past.
constexpr std::size_t trades_kept = 30;

// Between two looks at what venues send by the clock.
constexpr milliseconds tick_every{500};

struct Client {
    const SimVenue* venue = nullptr;
    std::shared_ptr<net::WsPeer> peer;
    std::unique_ptr<SimStream> stream;
    StreamTimes times;
};

Door stream_door(const SimVenue& venue) {
    return std::string(venue.name) + ".stream";
}
Door rest_door(const SimVenue& venue) {
    return std::string(venue.name) + ".rest";
}

void send(const SimVenue& venue, net::WsPeer& peer, std::string text, bool is_binary = false) {
    if (venue.is_gzip || is_binary) {
        peer.send_binary(venue.is_gzip ? gzipped(text) : std::move(text));
    } else {
        peer.send_text(std::move(text));
    }
}

// A recorded frame of Binance as of now: a client takes a trade of years ago for what it is.
std::string as_of_now(std::string frame) {
    for (const std::string_view field : {R"("E":)", R"("T":)"}) {
        const std::size_t at = frame.find(field);
        if (at == std::string::npos) continue;
        const std::size_t digits = at + field.size();
        frame.replace(digits, frame.find_first_not_of("0123456789", digits) - digits,
                      std::to_string(unix_ms()));
    }
    return frame;
}

class ExchangeSimImpl final : public ExchangeSim {
public:
    ExchangeSimImpl(const SimOptions& options, std::unique_ptr<Tape> tape)
        : options_(options), tape_(std::move(tape)), speed_(options.speed), paused_(options.paused) {}

    ~ExchangeSimImpl() override {
        {
            MutexLock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        if (player_.joinable()) player_.join();
        if (server_) server_->stop(milliseconds{100});
    }

    Result<void> start() {
        net::ServerOptions server;
        server.listen = options_.listen;
        server.threads = 1;
        server.error_response = [](int status, std::string_view detail) {
            return net::ServerResponse{
                .status = status, .content_type = "text/plain", .body = std::string(detail)};
        };
        auto created = net::create_http_server(
            server,
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
        change([this]() REQUIRES(mutex_) { paused_ = false; });
    }
    void pause() override {
        change([this]() REQUIRES(mutex_) { paused_ = true; });
    }
    void set_speed(double speed) override {
        change([&]() REQUIRES(mutex_) {
            speed_ = speed;
            ++timeline_;
        });
    }
    void set_tape(std::unique_ptr<Tape> tape) override {
        change([&]() REQUIRES(mutex_) {
            tape_ = std::move(tape);
            playing_ = nullptr;
            finished_ = false;
            ++timeline_;
        });
    }
    void set_fault(const Door& door, Fault fault) override {
        const bool is_stream = door.ends_with(".stream");
        const bool cuts = is_stream && (fault.kind == Fault::Kind::cut || fault.kind == Fault::Kind::html ||
                                        fault.kind == Fault::Kind::status);
        const bool once = is_stream && fault.kind == Fault::Kind::cut;
        change([&]() REQUIRES(mutex_) {
            frozen_[door] = last_;
            frozen_at_[door] = system_clock::now();
        });
        faults_.set(door, once ? Fault{Fault::Kind::none, 0, {}} : std::move(fault));
        if (cuts) cut_streams(door);
    }
    void trade(const std::string& symbol, Decimal price) override {
        {
            MutexLock lock(mutex_);
            by_hand_.push_back({{}, symbol, price, {}});
        }
        changed_.notify_all();
    }
    bool finished() const override {
        MutexLock lock(mutex_);
        return finished_ && by_hand_.empty();
    }
    std::uint64_t trades_sent() const override { return trades_; }
    std::size_t stream_clients() const override {
        MutexLock lock(mutex_);
        return static_cast<std::size_t>(std::count_if(clients_.begin(), clients_.end(), [](const auto& c) {
            return c.second.stream->is_subscribed();
        }));
    }
    std::string source_settings() const override { return sim::source_settings(options_.venues, address()); }

private:
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

    // The player's thread: sends each trade of the tape when it is due.
    void play_tape() {
        MutexLock lock(mutex_);
        std::optional<TapeTrade> pending;
        std::uint64_t timeline = timeline_ - 1;
        steady_clock::time_point origin;
        while (!stopping_) {
            tick_clients();
            if (!by_hand_.empty()) {
                const TapeTrade trade = std::move(by_hand_.front());
                by_hand_.pop_front();
                const Frames frames = frames_of(trade);
                lock.unlock();
                hand_out(frames);
                lock.lock();
                continue;
            }
            const bool held = paused_ || (options_.wait_for_client && nobody_listens());
            if (held || (finished_ && timeline == timeline_)) {
                changed_.wait_until(lock, steady_clock::now() + tick_every);
                // Time that passes while paused is not tape time.
                if (held) timeline = timeline_ - 1;
                continue;
            }
            if (timeline != timeline_) {
                // A new tape, a new speed or the end of a pause: count from here.
                if (tape_ && tape_.get() != playing_) {
                    playing_ = tape_.get();
                    pending.reset();
                }
                if (!pending) pending = read_tape();
                timeline = timeline_;
                if (pending && speed_ > 0) origin = steady_clock::now() - scaled(pending->at);
            }
            if (!pending) pending = read_tape();
            if (!pending) {
                finished_ = true;
                continue;
            }
            if (speed_ > 0) {
                const auto due = origin + scaled(pending->at);
                if (steady_clock::now() < due) {
                    changed_.wait_until(lock, std::min(due, steady_clock::now() + tick_every));
                    continue;
                }
            }
            const TapeTrade trade = std::move(*pending);
            pending.reset();
            const Frames frames = frames_of(trade);
            lock.unlock();
            hand_out(frames);
            lock.lock();
        }
    }

    std::optional<TapeTrade> read_tape() REQUIRES(mutex_) {
        if (!tape_) return std::nullopt;
        try {
            return tape_->next();
        } catch (const std::runtime_error& e) {
            log::error("the tape is damaged; it ends here", {{"reason", e.what()}});
            return std::nullopt;
        }
    }

    steady_clock::duration scaled(Duration at) const REQUIRES(mutex_) {
        return duration_cast<steady_clock::duration>(
            duration<double, std::micro>(static_cast<double>(at.count()) / speed_));
    }

    bool nobody_listens() const REQUIRES(mutex_) {
        return std::none_of(clients_.begin(), clients_.end(),
                            [](const auto& c) { return c.second.stream->is_subscribed(); });
    }

    // A trade in the protocol of each venue, and to whom it goes.
    struct Frames {
        struct Receiver {
            const SimVenue* venue;
            std::shared_ptr<net::WsPeer> peer;
            std::vector<std::string> frames;
        };
        std::vector<Receiver> receivers;
        bool full_speed = false;
    };
    Frames frames_of(const TapeTrade& trade) REQUIRES(mutex_) {
        const auto now = system_clock::now();
        last_[trade.symbol] = trade.price;
        if (now - coingecko_taken_ >= options_.coingecko_period || !coingecko_.contains(trade.symbol)) {
            if (now - coingecko_taken_ >= options_.coingecko_period) coingecko_taken_ = now;
            coingecko_[trade.symbol] = trade.price;
            if (now == coingecko_taken_) coingecko_ = last_;
        }
        ++trades_;
        Frames frames;
        frames.full_speed = speed_ == 0;
        for (auto& [venue, market] : markets_) record(*venue, market, trade, now);
        for (auto& [id, client] : clients_) {
            if (!client.stream->wants(trade.symbol)) continue;
            auto made = frames_under_fault(client, trade);
            if (made.empty()) continue;
            client.times.last_push = steady_clock::now();
            frames.receivers.push_back({client.venue, client.peer, std::move(made)});
        }
        return frames;
    }

    // The venue makes the trade, at the price that its fault gives it.
    void record(const SimVenue& venue, SimMarket& market, const TapeTrade& trade,
                system_clock::time_point now) REQUIRES(mutex_) {
        const Door door = stream_door(venue);
        const Fault::Kind fault = faults_.at(door).kind;
        Decimal price = trade.price;
        if (fault == Fault::Kind::wild) price = tenfold(price);
        if (fault == Fault::Kind::stale) {
            const auto found = frozen_[door].find(trade.symbol);
            if (found != frozen_[door].end()) price = found->second;
        }
        auto& trades = market.trades[trade.symbol];
        const std::uint64_t id = trades.empty() ? 1 : trades.back().id + 1;
        if (trades.size() == trades_kept) trades.erase(trades.begin());
        trades.push_back({trade.symbol, price, id, now});
        market.prices[trade.symbol] = price;
    }

    // As a client sees it that has just come, or that asks by REST.
    SimMarket market_at(const SimVenue& venue, const Prices& prices, system_clock::time_point at) const {
        SimMarket market{.prices = prices, .currency = venue.currency};
        for (const auto& [symbol, price] : prices) market.trades[symbol] = {{symbol, price, 1, at}};
        return market;
    }

    // Without the lock: at full speed it waits for clients that read slowly.
    void hand_out(const Frames& frames) EXCLUDES(mutex_) {
        for (const auto& [venue, peer, texts] : frames.receivers) {
            while (frames.full_speed && peer->queued_bytes() > max_queued_bytes && !stopping_) {
                std::this_thread::sleep_for(milliseconds{1});
            }
            if (peer->queued_bytes() > max_queued_bytes) {
                peer->abort();  // as an exchange does with a client that does not keep up
                continue;
            }
            for (const std::string& text : texts) send(*venue, *peer, text, venue->is_binary);
        }
    }

    // The player's thread: heartbeats, pings, and the end of clients that do not keep their connection alive.
    void tick_clients() REQUIRES(mutex_) {
        const auto now = steady_clock::now();
        if (now - ticked_ < tick_every) return;
        ticked_ = now;
        for (auto& [id, client] : clients_) {
            if (faults_.at(stream_door(*client.venue)).kind == Fault::Kind::silence) continue;
            client.times.now = now;
            if (client.stream->is_over(client.times)) {
                client.peer->abort();
                continue;
            }
            for (std::string& text : client.stream->tick(client.times)) {
                client.times.last_push = now;
                send(*client.venue, *client.peer, std::move(text));
            }
        }
    }

    // Empty: nothing is sent.
    std::vector<std::string> frames_under_fault(Client& client, const TapeTrade& trade) REQUIRES(mutex_) {
        const SimVenue& venue = *client.venue;
        switch (faults_.at(stream_door(venue)).kind) {
            case Fault::Kind::silence:
                return {};
            case Fault::Kind::garbage:
                return {"\x7f\x01{{{" + trade.symbol};
            case Fault::Kind::shape:
                return {std::string(venue.wrong_frame)};
            case Fault::Kind::html:
                return {html_page()};
            case Fault::Kind::error200:
                return {std::string(venue.error_frame)};
            case Fault::Kind::none:
                if (venue.plays_recordings && !trade.frame.empty()) return {as_of_now(trade.frame)};
                break;
            default:
                break;
        }
        return client.stream->on_trades({markets_[&venue].last(trade.symbol), 1});
    }

    void cut_streams(const Door& door) {
        std::vector<std::shared_ptr<net::WsPeer>> peers;
        {
            MutexLock lock(mutex_);
            for (const auto& [id, client] : clients_) {
                if (stream_door(*client.venue) == door) peers.push_back(client.peer);
            }
        }
        for (const auto& peer : peers) peer->abort();
    }

    net::WsHandler upgrade(const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) {
        net::WsHandler handler;
        const auto venue = std::find_if(
            options_.venues.begin(), options_.venues.end(),
            [&](const SimVenue* v) { return !v->ws_path.empty() && v->ws_path == request.path; });
        if (venue == options_.venues.end()) return handler;
        const Fault fault = faults_.at(stream_door(**venue));
        if (fault.kind == Fault::Kind::html || fault.kind == Fault::Kind::status) {
            handler.refusal = refusal(fault);
            return handler;
        }
        const std::uint64_t id = ++next_client_;
        const auto now = steady_clock::now();
        {
            MutexLock lock(mutex_);
            auto market = markets_.find(*venue);
            if (market == markets_.end())
                market = markets_.emplace(*venue, market_at(**venue, last_, system_clock::now() - 40s)).first;
            auto stream = (*venue)->open(request.query, market->second);
            for (std::string& text : stream->on_open()) send(**venue, *peer, std::move(text));
            clients_.emplace(id, Client{*venue, std::move(peer), std::move(stream), {now, now, now, now}});
        }
        changed_.notify_all();
        handler.on_text = [this, id](std::string_view text) { on_command(id, text); };
        handler.on_close = [this, id] {
            MutexLock lock(mutex_);
            clients_.erase(id);
        };
        return handler;
    }

    void on_command(std::uint64_t id, std::string_view text) {
        const SimVenue* venue = nullptr;
        std::shared_ptr<net::WsPeer> peer;
        std::vector<std::string> answers;
        {
            MutexLock lock(mutex_);
            const auto found = clients_.find(id);
            if (found == clients_.end()) return;
            Client& client = found->second;
            venue = client.venue;
            peer = client.peer;
            client.times.last_text = steady_clock::now();
            if (faults_.at(stream_door(*venue)).kind != Fault::Kind::silence)
                answers = client.stream->on_text(text);
            if (!answers.empty()) client.times.last_push = client.times.last_text;
        }
        changed_.notify_all();
        for (std::string& answer : answers) send(*venue, *peer, std::move(answer));
    }

    // nullopt: never answered.
    std::optional<net::ServerResponse> answer(const net::ServerRequest& request) {
        if (request.path.starts_with("/_sim/")) return control(request);
        for (const SimVenue* venue : options_.venues) {
            const std::string_view path = request.path;
            if (venue->rest == nullptr || !path.starts_with(venue->rest_path)) continue;
            const auto now = market_of(*venue);
            const SimMarket market = market_at(*venue, now.first, now.second);
            auto response = venue->rest({.path = path.substr(venue->rest_path.size()),
                                         .query = request.query,
                                         .market = market,
                                         .taken = now.second,
                                         .method = request.method,
                                         .body = request.body,
                                         .address = address()});
            if (response) return under_fault(*venue, std::move(*response));
        }
        return net::ServerResponse{.status = 404, .content_type = "text/plain", .body = "no such path\n"};
    }

    // The prices that a venue's REST interface shows, and their time.
    std::pair<Prices, system_clock::time_point> market_of(const SimVenue& venue) {
        const Door door = rest_door(venue);
        const Fault::Kind fault = faults_.at(door).kind;
        MutexLock lock(mutex_);
        std::pair out{venue.is_aggregator ? coingecko_ : last_,
                      venue.is_aggregator ? coingecko_taken_ : system_clock::now()};
        if (fault == Fault::Kind::stale) out = {frozen_[door], frozen_at_[door]};
        if (fault == Fault::Kind::wild) {
            for (auto& [symbol, price] : out.first) price = tenfold(price);
        }
        return out;
    }

    std::optional<net::ServerResponse> under_fault(const SimVenue& venue, net::ServerResponse response) {
        const Fault fault = faults_.at(rest_door(venue));
        switch (fault.kind) {
            case Fault::Kind::cut:
            case Fault::Kind::silence:
                return std::nullopt;
            case Fault::Kind::garbage:
                return net::ServerResponse{.body = "\x7f{{[not json"};
            case Fault::Kind::shape:
                return net::ServerResponse{.body = R"([{"unexpected":{"price":[]}}])"};
            case Fault::Kind::html:
                return net::ServerResponse{.content_type = "text/html; charset=UTF-8", .body = html_page()};
            case Fault::Kind::status:
                return refusal(fault);
            case Fault::Kind::error200:
                return net::ServerResponse{.body = std::string(venue.error_body)};
            default:
                return response;
        }
    }

    std::vector<Door> doors() const {
        std::vector<Door> out;
        for (const SimVenue* venue : options_.venues) {
            if (!venue->ws_path.empty()) out.push_back(stream_door(*venue));
            if (venue->rest != nullptr) out.push_back(rest_door(*venue));
        }
        return out;
    }

    // Keeps up to 100 requests open without an answer.
    void hold(net::HttpServer::Respond respond) {
        MutexLock lock(mutex_);
        held_.push_back(std::move(respond));
        if (held_.size() > 100) held_.pop_front();
    }

    net::ServerResponse control(const net::ServerRequest& request) {
        const std::string_view what = std::string_view(request.path).substr(6);
        const auto bad = [](const std::string& text) {
            return net::ServerResponse{.status = 400, .content_type = "text/plain", .body = text + "\n"};
        };
        const net::ServerResponse done{.status = 204, .body = {}};
        if (what == "status") return status();
        if (what == "sources") return {.content_type = "text/plain", .body = source_settings()};
        if (request.method != "POST")
            return {.status = 405, .content_type = "text/plain", .body = "POST, please\n"};
        if (what == "play") return play(), done;
        if (what == "pause") return pause(), done;
        if (what == "speed") {
            const auto factor = Decimal::parse(request.body);
            if (!factor || *factor < Decimal{}) return bad("a speed is a number not below 0");
            return set_speed(factor->to_double()), done;
        }
        if (what == "market") {
            auto market = open_market(request.body);
            if (!market) return bad(market.error().message);
            return set_tape(std::move(*market)), done;
        }
        if (what.starts_with("price/")) {
            const auto price = Decimal::parse(request.body);
            if (!price || !price->is_positive()) return bad("a price is a positive decimal number");
            return trade(std::string(what.substr(6)), *price), done;
        }
        if (what.starts_with("fault/")) {
            const Door door(what.substr(6));
            const auto known = doors();
            auto fault = parse_fault(request.body);
            if (std::find(known.begin(), known.end(), door) == known.end())
                return bad(fmt::format("the doors are {}", fmt::join(known, ", ")));
            if (!fault) return bad(fault.error().message);
            return set_fault(door, std::move(*fault)), done;
        }
        return {.status = 404, .content_type = "text/plain", .body = "no such control\n"};
    }

    net::ServerResponse status() {
        JsonWriter w;
        MutexLock lock(mutex_);
        w.begin_object().field("trades", trades_.load()).field("finished", finished_ && by_hand_.empty());
        w.field("paused", paused_).field("speed", speed_).field("clients", clients_.size());
        w.key("prices").begin_object();
        for (const auto& [symbol, price] : last_) w.field(symbol, price);
        w.end_object().key("faults").begin_object();
        for (const Door& door : doors()) w.field(door, to_string(faults_.at(door)));
        w.end_object().end_object();
        return {.body = std::move(w).str()};
    }

    const SimOptions options_;
    Faults faults_;
    mutable Mutex mutex_;
    CondVar changed_;
    std::unique_ptr<Tape> tape_ GUARDED_BY(mutex_);
    Tape* playing_ GUARDED_BY(mutex_) = nullptr;
    double speed_ GUARDED_BY(mutex_);
    bool paused_ GUARDED_BY(mutex_);
    bool finished_ GUARDED_BY(mutex_) = false;
    std::uint64_t timeline_ GUARDED_BY(mutex_) = 0;
    std::deque<TapeTrade> by_hand_ GUARDED_BY(mutex_);
    std::deque<net::HttpServer::Respond> held_ GUARDED_BY(mutex_);
    Prices last_ GUARDED_BY(mutex_);
    Prices coingecko_ GUARDED_BY(mutex_);
    system_clock::time_point coingecko_taken_ GUARDED_BY(mutex_){};
    std::map<Door, Prices> frozen_ GUARDED_BY(mutex_);
    std::map<Door, system_clock::time_point> frozen_at_ GUARDED_BY(mutex_);
    std::map<const SimVenue*, SimMarket> markets_ GUARDED_BY(mutex_);  // of those that have had a client
    std::map<std::uint64_t, Client> clients_ GUARDED_BY(mutex_);
    std::atomic<std::uint64_t> next_client_ = 0;
    std::atomic<std::uint64_t> trades_ = 0;
    steady_clock::time_point ticked_ GUARDED_BY(mutex_){};
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
