#include "live/live_core.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_writer.hpp"

// What each message does to a client
//
// join            "ready"; what came since the last event id, if it has one; its user's events; the whole
//                 market. If its user has too many streams: an error, and it is closed with 4429
// choice          all prices and quotes of its tickers
// watch           the state of what it watches, and its prices and quotes
// leave           it is forgotten; its user's events are kept for a while
// user changed    its key is checked; if that cannot be asked, at the next slow look
// key checked     valid: nothing. Invalid: an error, and it is closed with 4401. Failed: checked again at the
//                 next slow look
// found           its user's events, as long as it reads them
// alert tickers   which of them have no prices, and which have them again
// alert counts    which of its user's tickers are blind, and which are not any more
// look            prices that have changed, unless too much is unread
// slow look       likewise quotes and sources; events that it was not reading before; a comment, if it is a
//                 server-sent stream that has been sent nothing for a while; the state of what it watches, and
//                 which of its user's tickers are blind, if that has changed
//
// What each message does to a user's lookup; only one is under way at a time
//
// message              idle                    asking                          resting
// -------------------  ----------------------  ------------------------------  -----------------------------
// notice, missed,      looked up: → asking;    noted for the next lookup       noted for the next lookup
// resume               if it is not taken,
//                      → resting
// found                –                       events are added: → idle, and   –
//                                              what was noted is looked up
// found, but failed    –                       all of it is noted again:       –
//                                              → resting
// slow look            what was noted is       nothing                         after the rest what was noted
//                      looked up                                               is looked up
//
// Why no change is missed
//
// A notice carries no state: what a client is sent is read from the database afterwards, so that a notice
// that is doubled or late does no harm. Notices are followed from the moment a client is announced
// (Live::add()) and until a while after its user's last client has left. What may have been lost is covered
// by looking up everything that has changed since a time, a little earlier than necessary.

namespace pricewire::live {
namespace {

using namespace std::chrono_literals;

// What was sent a little before a client's last event may have been written a little after it.
constexpr Duration resume_overlap = 5s;
// A client that was away for longer must load the lists again.
constexpr Duration resume_at_most = std::chrono::hours{24};
constexpr Duration lookup_rest = 1s;
// Events are sent in steps, so that a client that reads them misses none of a great many.
constexpr std::size_t events_a_step = 64;
// Deliveries and alerts of a user that are looked up at once: the alerts that a user may have by default.
constexpr std::size_t ids_a_lookup = 1000;

}  // namespace

LiveCore::LiveCore(LiveOptions options, LiveJson json, const bus::PriceBus& bus, std::uint32_t run,
                   LiveQuestions questions)
    : options_(std::move(options)),
      json_(std::move(json)),
      run_(run),
      questions_(std::move(questions)),
      market_(bus, options_.tickers, json_.quotes),
      blindness_(bus, options_.blind_after, json_.why_unpriced) {}

// Clients.

void LiveCore::on_join(ClientId id, LiveClient joining, Moment now) {
    UserLog log(run_, options_.events_kept, options_.event_bytes_kept);
    auto& [user_id, user] = *users_.try_emplace(joining.user_id, std::move(log), now.wall).first;
    if (user.clients.size() >= options_.streams_per_user) return refuse(joining);
    user.clients.push_back(id);
    user.ask_alert_tickers = true;
    Client& client = clients_
                         .emplace(id, Client{.peer = std::move(joining.peer),
                                             .format = joining.format,
                                             .user_id = joining.user_id,
                                             .key_hash = joining.key_hash,
                                             // It may have been revoked before this was a client.
                                             .check_key = true,
                                             .chosen = std::move(joining.tickers),
                                             .watching = std::move(joining.watching),
                                             .next_event = user.log.next()})
                         .first->second;
    seat(client);
    client.send(ready(user, now.wall), now);
    if (joining.last_event_id) resume(client, user, *joining.last_event_id, now);
    send_events(client, user, now);
    look_up(user_id, user, now);
    // The market as it is now, not as of the last look.
    if (clients_.size() == 1) look(now);
    show_market(client, now, true);
    send_watch(client, now);
    send_unwatched_alerts(client, user, now);
    send_blind(client, user, now);
}

void LiveCore::refuse(const LiveClient& client) {
    client.peer->send(
        error_message(429, "Too many streams are open with this key; close one first.").in(client.format));
    client.peer->close(closed_too_many, "too many streams");
}

// If its last event was sent by this process and what followed is kept, the client continues there; else
// everything that may have changed since is looked up.
void LiveCore::resume(Client& client, User& user, const std::string& last, Moment now) {
    const auto id = EventId::parse(last);
    if (!id || id->time > now.wall + resume_overlap || id->time < now.wall - resume_at_most) {
        client.send(missed_, now);
        return;
    }
    if (id->run == run_ && id->time >= user.known_since && id->number < user.log.next() &&
        user.log.complete_from(id->number + 1)) {
        client.next_event = id->number + 1;
        return;
    }
    client.next_event = 1;
    note_since(user, id->time - resume_overlap);
}

void LiveCore::on_choice(ClientId id, const std::optional<std::vector<Ticker>>& tickers, Moment now) {
    const auto client = clients_.find(id);
    if (client == clients_.end()) return;
    client->second.chosen = tickers;
    seat(client->second);
    client->second.prices_seen = client->second.quotes_seen = 0;
    show_market(client->second, now, true);
    send_watch(client->second, now);
}

void LiveCore::on_leave(ClientId id, Moment now) {
    const auto client = clients_.find(id);
    if (client == clients_.end()) return;
    if (const auto user = users_.find(client->second.user_id); user != users_.end()) {
        std::erase(user->second.clients, id);
        user->second.left_at = now.mono;
        if (user->second.clients.empty()) user->second.blind.clear();
    }
    leave_seats(client->second);
    clients_.erase(client);
}

void LiveCore::close_all() {
    for (auto& [id, client] : clients_) client.peer->close();
}

// Keys.

void LiveCore::on_user_changed(const std::optional<Uuid>& user_id) {
    for (auto& [id, client] : clients_) {
        if (!user_id || client.user_id == *user_id) check_key(id, client);
    }
}

void LiveCore::check_key(ClientId id, Client& client) {
    client.check_key = !questions_.check_key(KeyCheck{.client = id, .key_hash = client.key_hash});
}

void LiveCore::on_key_checked(const KeyCheck& checked, Moment now) {
    const auto it = clients_.find(checked.client);
    if (it == clients_.end()) return;
    Client& client = it->second;
    client.check_key = checked.failed;
    if (checked.failed || checked.valid) return;
    client.peer->send(error_message(401, "Invalid or inactive API Key").in(client.format));
    client.peer->close(closed_unauthorized, "invalid or inactive API key");
    on_leave(checked.client, now);
}

// Lookups.

void LiveCore::on_notices(std::span<const DeliveryNotice> notices, Moment now) {
    std::vector<Uuid> noted;
    for (const DeliveryNotice& notice : notices) {
        const auto user = users_.find(notice.user_id);
        if (user == users_.end()) continue;
        note(user->second, notice);
        noted.push_back(notice.user_id);
    }
    for (const Uuid& id : noted) look_up(id, users_.at(id), now);
}

void LiveCore::on_missed(Timestamp since, Moment now) {
    for (auto& [id, user] : users_) {
        note_since(user, since - resume_overlap);
        look_up(id, user, now);
    }
}

// Beyond the bound the user's clients are sent "missed".
void LiveCore::note(User& user, const DeliveryNotice& notice) {
    if (user.ids.size() < ids_a_lookup || user.ids.contains(notice.id)) {
        user.ids[notice.id] |= notice.is_new;
    } else {
        user.more = true;
    }
}

void LiveCore::note_since(User& user, Timestamp since) {
    user.since = user.since ? std::min(*user.since, since) : since;
}

void LiveCore::look_up(const Uuid& id, User& user, Moment now) {
    if (user.ids.empty() && !user.since) return;
    if (user.asking == Asking::asking) return;
    if (user.asking == Asking::resting && now.mono < user.rest_until) return;
    Lookup lookup{id, {user.ids.begin(), user.ids.end()}, user.since, user.more};
    if (!questions_.look_up(std::move(lookup))) return rest(user, now);
    user.asking = Asking::asking;
    user.ids.clear();
    user.since.reset();
    user.more = false;
}

void LiveCore::rest(User& user, Moment now) {
    user.asking = Asking::resting;
    user.rest_until = now.mono + lookup_rest;
}

void LiveCore::on_found(const Found& found, Moment now) {
    const auto it = users_.find(found.asked.user_id);
    if (it == users_.end()) return;
    User& user = it->second;
    if (found.failed) {
        for (const auto& [id, is_new] : found.asked.ids) note(user, {it->first, id, is_new});
        user.more |= found.asked.more;
        if (found.asked.since) note_since(user, *found.asked.since);
        return rest(user, now);
    }
    user.asking = Asking::idle;
    add_events(user, found, now);
    look_up(it->first, user, now);
}

// Events.

void LiveCore::add_events(User& user, const Found& found, Moment now) {
    std::size_t added = 0;
    const auto add = [&](std::string_view type, const Uuid& subject, std::span<const EventPart> parts) {
        if (user.log.add(type, subject, parts, now.wall) && ++added % events_a_step == 0) {
            send_events(user, now);
        }
    };
    const auto add_alert = [&](std::string_view type, const Alert& alert) {
        const EventPart part{"alert", json_.alert(alert)};
        add(type, alert.id, {&part, 1});
    };
    // An alert may have fired, or been changed, before it was found.
    for (const Alert& alert : found.created) {
        add_alert(user.log.has("alert_created", alert.id) ? "alert_changed" : "alert_created", alert);
    }
    std::unordered_map<Uuid, const Alert*> fired;
    for (const Alert& alert : found.fired) fired.emplace(alert.id, &alert);
    for (const DeliveryView& delivery : found.deliveries) {
        // The firing comes before its delivery.
        const auto alert = fired.find(delivery.alert_id);
        if (alert != fired.end() && delivery.firing) {
            add_firing(user, found, delivery, *alert->second, add);
        } else if (alert != fired.end()) {
            add_alert("alert_fired", *alert->second);
            fired.erase(alert);
        }
        const EventPart part{"delivery", json_.delivery(delivery)};
        add("delivery", delivery.id, {&part, 1});
    }
    for (const Alert& alert : found.changed) add_alert("alert_changed", alert);
    for (const Uuid& id : found.deleted) {
        const EventPart part{"alert_id", fmt::format("\"{}\"", id.to_string())};
        add("alert_deleted", id, {&part, 1});
    }
    for (const CaughtEvent& caught : found.caught) {
        const EventPart part{"request", caught.json};
        add("caught", caught.id, {&part, 1});
    }
    send_events(user, now);
    if (!found.created.empty() || !found.changed.empty() || !found.deleted.empty()) {
        // Others of its tickers may be without prices now.
        user.ask_alert_tickers = true;
        user.counted_at.reset();
    }
    if (found.too_many) {
        for (const ClientId id : user.clients) clients_.at(id).send(missed_, now);
    }
}

// An alert with terms may fire again before this is sent: each of its firings is an event of its own, which does not
// change.
template <typename Add>
void LiveCore::add_firing(const User& user, const Found& found, const DeliveryView& delivery,
                          const Alert& alert, const Add& add) {
    if (!found.new_firings.contains(delivery.id) || user.log.has("alert_fired", delivery.id)) return;
    const EventPart parts[] = {{"alert", json_.alert(alert)},
                               {"firing", json_.firing(*delivery.firing, delivery.ticker)}};
    add("alert_fired", delivery.id, parts);
}

void LiveCore::send_events(User& user, Moment now) {
    for (const ClientId id : user.clients) send_events(clients_.at(id), user, now);
}

// As many as the client reads.
void LiveCore::send_events(Client& client, const User& user, Moment now) const {
    while (client.next_event < user.log.next()) {
        if (client.peer->queued_bytes() > options_.max_unread_events) return;
        if (!user.log.complete_from(client.next_event)) {
            client.send(missed_, now);
            client.next_event = user.log.next();
            return;
        }
        const auto entry = user.log.at_or_after(client.next_event);
        if (!entry) return;
        client.send(entry->message, now);
        client.next_event = entry->number + 1;
    }
}

// Looks.

std::optional<MonoTime> LiveCore::next_look() const {
    if (clients_.empty() && users_.empty()) return std::nullopt;
    return look_at_;
}

void LiveCore::on_time(Moment now) {
    if (now.mono >= look_at_) look(now);
}

void LiveCore::look(Moment now) {
    look_at_ = now.mono + options_.prices_every;
    const bool slow = now.mono >= look_slowly_at_;
    if (!clients_.empty()) {
        market_.look_at_prices();
        if (slow) {
            market_.look_at_quotes();
            market_.look_at_sources();
        }
    }
    for (auto& [id, client] : clients_) {
        show_market(client, now, slow);
        if (slow) send_watch(client, now);
    }
    if (slow) look_slowly(now);
}

void LiveCore::look_slowly(Moment now) {
    look_slowly_at_ = now.mono + options_.quotes_every;
    for (auto& [id, client] : clients_) {
        if (client.check_key) check_key(id, client);
        if (client.format == Format::server_sent_events &&
            now.mono - client.sent_at >= options_.comment_every) {
            client.peer->send(comment_);
            client.sent_at = now.mono;
        }
    }
    look_again(now.mono);
    const auto unwatched_now = unwatched();
    blindness_.look(*unwatched_now, now.wall);
    const bool changed = std::exchange(unwatched_seen_, unwatched_now) != unwatched_now;
    for (auto& [id, user] : users_) {
        send_events(user, now);
        look_up(id, user, now);
        user.ask_alert_tickers |= changed;
        ask_alert_tickers(id, user);
        look_for_blind(id, user, now);
    }
    forget_users(now.mono);
}

void LiveCore::show_market(Client& client, Moment now, bool slow) {
    const bool prices = client.prices_seen < market_.prices_version();
    const bool quotes = slow && client.quotes_seen < market_.quotes_version();
    const bool sources = slow && client.sources_seen < market_.sources_version();
    if (!prices && !quotes && !sources) return;
    if (client.peer->queued_bytes() > options_.max_unread_prices) return;
    if (prices) {
        if (const auto m = market_.prices(client.wanted, client.prices_seen)) client.send(*m, now);
        client.prices_seen = market_.prices_version();
    }
    if (quotes) {
        if (const auto m = market_.quotes(client.wanted, client.quotes_seen)) client.send(*m, now);
        client.quotes_seen = market_.quotes_version();
    }
    if (sources) {
        client.send(market_.sources(), now);
        client.sources_seen = market_.sources_version();
    }
}

void LiveCore::forget_users(MonoTime now) {
    std::size_t idle = 0;
    std::erase_if(users_, [&](const auto& entry) {
        const User& user = entry.second;
        return user.clients.empty() &&
               (now - user.left_at >= options_.kept_for || ++idle > options_.users_kept);
    });
}

// Its id lets a client that is cut off before its first event resume.
Message LiveCore::ready(const User& user, Timestamp now) const {
    const std::string last = user.log.last_id(now).to_string();
    JsonWriter w;
    w.begin_object().field("type", "ready").field("last_event_id", last).end_object();
    return {"ready", std::move(w).str(), last};
}

}  // namespace pricewire::live
