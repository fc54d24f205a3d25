// The part of the live stream about tickers that have been without a price for a while: a user is sent one message about
// each, however many alerts wait for it.
#include "live/changed_tickers.hpp"
#include "live/live_core.hpp"

namespace pricewire::live {

void LiveCore::look_for_blind(const Uuid& id, User& user, Moment now) {
    if (user.clients.empty() || (!blindness_.any() && user.blind.empty())) return;
    const bool due = !user.counted_at || now.mono - *user.counted_at >= options_.count_every;
    if (blindness_.any() && due && !user.counting) user.counting = questions_.alert_counts({.user_id = id});
    update_blind(user, now);
}

void LiveCore::on_alert_counts(const AlertCounts& found, Moment now) {
    const auto it = users_.find(found.user_id);
    if (it == users_.end()) return;
    User& user = it->second;
    user.counting = false;
    if (found.failed) return;
    user.counted_at = now.mono;
    user.alert_counts.clear();
    for (const auto& [ticker, alerts] : found.counts) user.alert_counts.emplace(ticker, alerts);
    if (!user.clients.empty()) update_blind(user, now);
}

void LiveCore::update_blind(User& user, Moment now) {
    user.blind.clear();
    for (const auto& [ticker, alerts] : user.alert_counts) {
        const auto& blind = blindness_.of(ticker);
        if (!blind) continue;
        user.blind.emplace(ticker, *blind).first->second.alerts = alerts;
    }
    for (const ClientId id : user.clients) send_blind(clients_.at(id), user, now);
}

// What has changed since the last such message, once the client reads.
void LiveCore::send_blind(Client& client, const User& user, Moment now) {
    if (client.blind_sent == user.blind || client.peer->queued_bytes() > options_.max_unread_prices) return;
    const auto write = [](JsonWriter& w, const BlindTicker& blind) {
        w.field("since", blind.since).field("reason", blind.reason).field("alerts", blind.alerts);
    };
    client.send(changed_tickers("blind", client.blind_sent, user.blind, write), now);
    client.blind_sent = user.blind;
}

}  // namespace pricewire::live
