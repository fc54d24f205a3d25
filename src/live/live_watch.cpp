// The part of the live stream about tickers that are watched on demand.
#include <fmt/format.h>

#include <utility>

#include "base/json_writer.hpp"
#include "live/changed_tickers.hpp"
#include "live/live_core.hpp"

namespace pricewire::live {
namespace {

using namespace std::chrono_literals;

// More often than a look is forgotten.
constexpr Duration look_every = 30s;

void write_state(JsonWriter& w, const WatchState& state) {
    w.field("state", to_string(state.why)).field("reason", state.reason).field("since", state.since);
}

}  // namespace

void LiveCore::on_watch(ClientId id, std::vector<Ticker> tickers, Moment now) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;
    Client& client = found->second;
    client.watching = std::move(tickers);
    seat(client);
    client.prices_seen = client.quotes_seen = 0;
    client.watch_sent = "nothing";  // so that it is answered in any case
    show_market(client, now, true);
    send_watch(client, now);
}

// Takes places in the market view for what the client wants now, and gives up the others.
void LiveCore::seat(Client& client) {
    const auto before = std::exchange(client.seats, {});
    client.wanted.assign(market_.pinned(), !client.chosen);
    std::vector<Ticker> named = client.watching;
    if (client.chosen) named.insert(named.end(), client.chosen->begin(), client.chosen->end());
    std::size_t seated = 0;
    for (const Ticker& ticker : named) {
        if (client.seats.contains(ticker)) continue;
        auto place = market_.place_of(ticker);
        if (!place || *place >= market_.pinned()) {
            const Seat seat = seat_of(client, ticker, seated);
            client.seats.emplace(ticker, seat);
            if (seat != Seat::watched) continue;
            ++seated;
            place = market_.hold(ticker);
        }
        if (client.wanted.size() <= *place) client.wanted.resize(*place + 1);
        client.wanted[*place] = true;
    }
    // Last, so that no place is given up and taken again.
    for (const auto& [ticker, seat] : before) {
        if (seat == Seat::watched) market_.drop(ticker);
    }
}

void LiveCore::leave_seats(Client& client) {
    for (const auto& [ticker, seat] : std::exchange(client.seats, {})) {
        if (seat == Seat::watched) market_.drop(ticker);
    }
}

LiveCore::Seat LiveCore::seat_of(const Client& client, const Ticker& ticker, std::size_t seated) {
    const LiveDemand& demand = options_.demand;
    if (!demand.on_demand) return Seat::switched_off;
    if (demand.is_listed && !demand.is_listed(ticker)) return Seat::unlisted;
    if (seated >= options_.watched_per_client) return Seat::refused;
    return !demand.look || demand.look(ticker, client.user_id) ? Seat::watched : Seat::refused;
}

void LiveCore::look_again(MonoTime now) {
    if (now - looked_again_at_ < look_every) return;
    looked_again_at_ = now;
    if (!options_.demand.look) return;
    for (const auto& [id, client] : clients_) {
        for (const auto& [ticker, seat] : client.seats) {
            if (seat == Seat::watched) options_.demand.look(ticker, client.user_id);
        }
    }
}

std::shared_ptr<const std::vector<WatchState>> LiveCore::unwatched() const {
    static const auto none = std::make_shared<const std::vector<WatchState>>();
    return options_.demand.unwatched ? options_.demand.unwatched() : none;
}

// What a client watches, and whether prices of it come.
void LiveCore::send_watch(Client& client, Moment now) {
    if (client.seats.empty() && client.watch_sent.empty()) return;
    const auto states = unwatched();
    JsonWriter w;
    w.begin_object().field("type", "watch").key("tickers").begin_object();
    for (const auto& [ticker, seat] : client.seats)
        w.key(ticker.view()).raw(state_json(ticker, seat, find_state(*states, ticker)));
    w.end_object().end_object();
    std::string text = std::move(w).str();
    if (text == client.watch_sent || client.peer->queued_bytes() > options_.max_unread_prices) return;
    client.send(Message("watch", text), now);
    client.watch_sent = std::move(text);
}

std::string LiveCore::state_json(const Ticker& ticker, Seat seat, const WatchState* state) const {
    JsonWriter w;
    w.begin_object();
    const auto place = market_.place_of(ticker);
    if (seat == Seat::switched_off) {
        w.field("watched", false)
            .field("state", to_string(Unwatchable::switched_off))
            .field("reason", only_pinned_reason);
    } else if (seat == Seat::unlisted) {
        w.field("watched", false)
            .field("state", to_string(Unwatchable::unlisted))
            .field("reason", "No source that is read here lists it.");
    } else if (seat == Seat::refused) {
        w.field("watched", false)
            .field("state", "too_many")
            .field(
                "reason",
                fmt::format(
                    "A client, and a user within ten minutes, may watch {} tickers beside the pinned ones.",
                    options_.watched_per_client));
    } else if (place && market_.has_price(*place)) {
        w.field("watched", true);
    } else if (state != nullptr) {
        w.field("watched", false);
        write_state(w, *state);
    } else if (place && market_.is_watched(*place)) {
        w.field("watched", true);
    } else {
        w.field("watched", false)
            .field("state", "starting")
            .field("reason", "It will be watched in a moment.");
    }
    w.end_object();
    return std::move(w).str();
}

// Active alerts that cannot fire.

void LiveCore::ask_alert_tickers(const Uuid& id, User& user) {
    if (!user.ask_alert_tickers || user.clients.empty()) return;
    // Nothing to report or to take back.
    if (unwatched_seen_->empty() && user.unwatched.empty()) {
        user.ask_alert_tickers = false;
        return;
    }
    user.ask_alert_tickers = !questions_.alert_tickers({.user_id = id});
}

void LiveCore::on_alert_tickers(const AlertTickers& found, Moment now) {
    const auto it = users_.find(found.user_id);
    if (it == users_.end()) return;
    User& user = it->second;
    if (found.failed) {
        user.ask_alert_tickers = true;
        return;
    }
    user.unwatched.clear();
    const auto states = unwatched();
    for (const Ticker& ticker : found.tickers) {
        const WatchState* state = find_state(*states, ticker);
        // Where two feeds differ, the one that watches it is right.
        if (state != nullptr && !market_.has_price_now(ticker)) user.unwatched.emplace(ticker, *state);
    }
    for (const ClientId id : user.clients) send_unwatched_alerts(clients_.at(id), user, now);
}

// What has changed since the last such message.
void LiveCore::send_unwatched_alerts(Client& client, const User& user, Moment now) {
    if (client.alerts_sent == user.unwatched) return;
    client.send(changed_tickers("unwatched", client.alerts_sent, user.unwatched, write_state), now);
    client.alerts_sent = user.unwatched;
}

}  // namespace pricewire::live
