#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "bus/price_bus.hpp"
#include "live/blindness.hpp"
#include "live/live.hpp"
#include "live/lookups.hpp"
#include "live/market_view.hpp"
#include "live/user_log.hpp"

namespace pricewire::live {

// Where the core's questions to the database go. Each returns false if too many are waiting; else the answer
// comes as on_found(), on_key_checked(), on_alert_tickers() or on_alert_counts().
struct LiveQuestions {
    std::function<bool(Lookup)> look_up;
    std::function<bool(KeyCheck)> check_key;
    std::function<bool(AlertTickers)> alert_tickers;
    std::function<bool(AlertCounts)> alert_counts;
};

// The live stream without its thread: what each message does to clients and users. The tables are in
// live_core.cpp. Pure: events come with the time, messages go to the clients' peers, questions to
// LiveQuestions. One thread owns it.
class LiveCore {
public:
    using ClientId = Live::ClientId;

    // `run` names this run of the process in the ids of events. `bus` outlives it.
    LiveCore(LiveOptions options, LiveJson json, const bus::PriceBus& bus, std::uint32_t run,
             LiveQuestions questions);

    void on_join(ClientId id, LiveClient client, Moment now);
    void on_choice(ClientId id, const std::optional<std::vector<Ticker>>& tickers, Moment now);
    void on_watch(ClientId id, std::vector<Ticker> tickers, Moment now);
    void on_leave(ClientId id, Moment now);
    void on_notices(std::span<const DeliveryNotice> notices, Moment now);
    // Notices since then may have been lost.
    void on_missed(Timestamp since, Moment now);
    // nullopt: any user.
    void on_user_changed(const std::optional<Uuid>& user_id);
    void on_found(const Found& found, Moment now);
    void on_key_checked(const KeyCheck& checked, Moment now);
    void on_alert_tickers(const AlertTickers& found, Moment now);
    void on_alert_counts(const AlertCounts& found, Moment now);
    // Looks at the market, and at everything that waits for its time, if that is due.
    void on_time(Moment now);
    // When on_time() has something to do; nullopt: not before a client joins.
    std::optional<MonoTime> next_look() const;
    void close_all();

    std::size_t clients() const { return clients_.size(); }
    // Users whose notices matter: with a client, or with one until a moment ago.
    std::size_t users() const { return users_.size(); }

private:
    // watched       it is held in the market view, and its user looks at it
    // switched_off  only pinned tickers are watched
    // unlisted      nobody lists it
    // refused       its client or user watches too many
    enum class Seat : std::uint8_t { watched, switched_off, unlisted, refused };

    struct Client {
        std::shared_ptr<net::StreamPeer> peer;
        Format format = Format::websocket;
        Uuid user_id;
        Sha256 key_hash{};
        bool check_key = false;
        std::optional<std::vector<Ticker>> chosen;
        std::vector<Ticker> watching;
        std::map<Ticker, Seat> seats;  // of those that are not pinned
        TickerSet wanted;
        std::string watch_sent;                    // the last message about what it watches
        std::map<Ticker, WatchState> alerts_sent;  // those of User::unwatched that it knows
        std::map<Ticker, BlindTicker> blind_sent;  // those of User::blind that it knows
        MarketView::Version prices_seen = 0;
        MarketView::Version quotes_seen = 0;
        MarketView::Version sources_seen = 0;
        std::uint64_t next_event = 1;
        MonoTime sent_at;

        void send(const Message& message, Moment now) {
            peer->send(message.in(format));
            sent_at = now.mono;
        }
    };

    // idle     nothing is being looked up
    // asking   a lookup is under way
    // resting  a lookup failed, or was not taken: the next one waits until rest_until
    enum class Asking : std::uint8_t { idle, asking, resting };

    struct User {
        User(UserLog l, Timestamp now) : log(std::move(l)), known_since(now) {}
        UserLog log;
        Timestamp known_since;  // its notices are followed from then on
        std::vector<ClientId> clients;
        Asking asking = Asking::idle;
        MonoTime rest_until;
        // What to look up next: deliveries and alerts, and whether each is new; whether there are more than these; and
        // if set, everything that has changed from then on.
        std::unordered_map<Uuid, bool> ids;
        bool more = false;
        std::optional<Timestamp> since;
        MonoTime left_at;  // when the last client left
        bool ask_alert_tickers = false;
        std::map<Ticker, WatchState> unwatched;  // tickers of its alerts that have no prices
        // How many active alerts it has on each ticker, as of counted_at, and which of these are blind.
        std::map<Ticker, std::size_t> alert_counts;
        std::optional<MonoTime> counted_at;
        bool counting = false;
        std::map<Ticker, BlindTicker> blind;
    };

    void refuse(const LiveClient& client);
    void resume(Client& client, User& user, const std::string& last, Moment now);
    void note(User& user, const DeliveryNotice& notice);
    static void note_since(User& user, Timestamp since);
    void look_up(const Uuid& id, User& user, Moment now);
    void rest(User& user, Moment now);
    void add_events(User& user, const Found& found, Moment now);
    template <typename Add>
    void add_firing(const User& user, const Found& found, const DeliveryView& delivery, const Alert& alert,
                    const Add& add);
    void send_events(User& user, Moment now);
    void send_events(Client& client, const User& user, Moment now) const;
    void check_key(ClientId id, Client& client);
    void look(Moment now);
    void look_slowly(Moment now);
    void show_market(Client& client, Moment now, bool slow);
    void forget_users(MonoTime now);
    Message ready(const User& user, Timestamp now) const;
    // live_watch.cpp
    void seat(Client& client);
    void leave_seats(Client& client);
    Seat seat_of(const Client& client, const Ticker& ticker, std::size_t seated);
    void look_again(MonoTime now);
    std::string state_json(const Ticker& ticker, Seat seat, const WatchState* state) const;
    std::shared_ptr<const std::vector<WatchState>> unwatched() const;
    void send_watch(Client& client, Moment now);
    void send_unwatched_alerts(Client& client, const User& user, Moment now);
    void ask_alert_tickers(const Uuid& id, User& user);
    // live_blind.cpp
    void look_for_blind(const Uuid& id, User& user, Moment now);
    void update_blind(User& user, Moment now);
    void send_blind(Client& client, const User& user, Moment now);

    const LiveOptions options_;
    const LiveJson json_;
    const std::uint32_t run_;
    const LiveQuestions questions_;
    const Message missed_{"missed", R"({"type":"missed"})"};
    const std::shared_ptr<const std::string> comment_ = std::make_shared<const std::string>(": ping\n\n");
    MarketView market_;
    Blindness blindness_;
    std::unordered_map<ClientId, Client> clients_;
    std::unordered_map<Uuid, User> users_;
    MonoTime look_at_{};
    MonoTime look_slowly_at_{};
    MonoTime looked_again_at_{};
    std::shared_ptr<const std::vector<WatchState>> unwatched_seen_;
};

}  // namespace pricewire::live
