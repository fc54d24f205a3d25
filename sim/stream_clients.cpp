#include "sim/stream_clients.hpp"

#include <algorithm>
#include <utility>

#include "sim/protocol.hpp"

namespace pricewire::sim {
namespace {

using Kind = Fault::Kind;

// The most one client may leave unread before the player waits for it; twice as much, and it is dropped.
constexpr std::size_t max_queued_bytes = 4 * 1024 * 1024;

// From a venue's notice that it leaves to its leaving.
constexpr std::chrono::seconds notice_time{2};

bool wants_coins(const SimStream& stream) {
    return stream.wants("USDTUSDT") || stream.wants("USDCUSDT");
}

}  // namespace

void StreamClients::send(const Client& client, std::string text, bool is_trade) {
    if (client.venue->is_gzip) {
        client.peer->send_binary(gzipped(text));
    } else if (client.venue->is_binary && is_trade) {
        client.peer->send_binary(std::move(text));
    } else {
        client.peer->send_text(std::move(text));
    }
}

void StreamClients::say(Client& client, std::string_view frame, bool and_leave) {
    if (!frame.empty()) send(client, std::string(frame));
    if (!and_leave) return;
    client.cut_at = std::chrono::steady_clock::now();
    if (!frame.empty()) *client.cut_at += notice_time;
}

void StreamClients::add(std::uint64_t id, const SimVenue& venue, std::shared_ptr<net::WsPeer> peer,
                        std::string_view query, const SimMarket& market) {
    const auto now = std::chrono::steady_clock::now();
    Client client{&venue, std::move(peer), venue.open(query, market), {now, now, now, now}, {}};
    const Fault fault = faults_.at(stream_door(venue));
    if (fault.kind != Kind::silence)
        for (std::string& text : client.stream->on_open()) send(client, std::move(text));
    if (fault.kind == Kind::maintenance) say(client, venue.maintenance_frame, false);
    clients_.emplace(id, std::move(client));
    ++opened_[std::string(venue.name)];
}

bool StreamClients::on_text(std::uint64_t id, std::string_view text) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return false;
    Client& client = found->second;
    client.times.last_text = std::chrono::steady_clock::now();
    if (faults_.at(stream_door(*client.venue)).kind == Kind::silence) return false;
    const bool wanted_coins = wants_coins(*client.stream);
    auto answers = client.stream->on_text(text);
    leave_unanswered(*client.venue, text, answers);
    if (!answers.empty()) client.times.last_push = client.times.last_text;
    for (std::string& answer : answers) send(client, std::move(answer));
    return wants_coins(*client.stream) && !wanted_coins;
}

// Takes out the answers about symbols with the fault `unacknowledged`; all of them where none is named.
void StreamClients::leave_unanswered(const SimVenue& venue, std::string_view text,
                                     std::vector<std::string>& answers) const {
    const Door door = stream_door(venue);
    for (const auto& [at, fault] : faults_.all()) {
        if (fault.kind != Kind::unacknowledged || !is_within(at, door)) continue;
        if (at == door) {
            answers.clear();
            continue;
        }
        const std::string base = base_of(at.substr(door.size() + 1));
        if (!mentions(text, base)) continue;
        const auto is_named = [&](const std::string& answer) { return mentions(answer, base); };
        if (std::any_of(answers.begin(), answers.end(), is_named)) {
            std::erase_if(answers, is_named);
        } else {
            answers.clear();
        }
    }
}

void StreamClients::tell(const SimVenue& venue, const VenuePlayer::Telling& telling) {
    for (auto& [id, client] : clients_) {
        if (client.venue != &venue || !client.stream->wants(telling.trades.front().symbol)) continue;
        if (client.peer->queued_bytes() > 2 * max_queued_bytes) {
            client.peer->abort();  // as an exchange does with a client that does not keep up
            continue;
        }
        client.times.last_push = std::chrono::steady_clock::now();
        for (std::string& frame : frames(client, telling)) send(client, std::move(frame), true);
    }
}

std::vector<std::string> StreamClients::frames(Client& client, const VenuePlayer::Telling& telling) const {
    const SimVenue& venue = *client.venue;
    switch (faults_.at(stream_door(venue)).kind) {
        case Kind::silence:
        case Kind::maintenance:
            return {};
        case Kind::garbage:
            return {"\x7f\x01{{{" + telling.trades.front().symbol};
        case Kind::shape:
            return {std::string(venue.wrong_frame)};
        case Kind::error200:
            return {std::string(venue.error_frame)};
        default:
            break;
    }
    if (!telling.frame.empty()) return {telling.frame};
    return client.stream->on_trades(telling.trades);
}

void StreamClients::tick(Time now) {
    for (auto& [id, client] : clients_) {
        if (client.cut_at && now >= *client.cut_at) client.peer->abort();
        if (faults_.at(stream_door(*client.venue)).kind == Kind::silence) continue;
        client.times.now = now;
        if (client.stream->is_over(client.times)) {
            client.peer->abort();
            continue;
        }
        for (std::string& text : client.stream->tick(client.times)) {
            client.times.last_push = now;
            send(client, std::move(text));
        }
    }
}

void StreamClients::fault_changed(const Door& door, const Fault& before, const Fault& now) {
    for (auto& [id, client] : clients_) {
        if (!is_within(door, stream_door(*client.venue))) continue;
        const SimVenue& venue = *client.venue;
        if (cuts(now)) client.peer->abort();
        if (now.kind == Kind::leaving) say(client, venue.leaving_frame, true);
        if (now.kind == Kind::maintenance)
            say(client, venue.maintenance_frame, venue.resumed_frame.empty());
        else if (before.kind == Kind::maintenance)
            say(client, venue.resumed_frame, false);
    }
}

void StreamClients::write(JsonWriter& w, const Prices& symbols) const {
    w.field("clients", clients_.size()).key("subscribed").begin_object();
    for (const auto& [symbol, price] : symbols) {
        const auto count = std::count_if(clients_.begin(), clients_.end(),
                                         [&](const auto& c) { return c.second.stream->wants(symbol); });
        if (count > 0) w.field(symbol, static_cast<std::uint64_t>(count));
    }
    w.end_object().key("opened").begin_object();
    for (const auto& [venue, count] : opened_) w.field(venue, count);
    w.end_object();
}

std::size_t StreamClients::subscribed() const {
    return static_cast<std::size_t>(std::count_if(
        clients_.begin(), clients_.end(), [](const auto& c) { return c.second.stream->is_subscribed(); }));
}

bool StreamClients::is_somebody_slow() const {
    return std::any_of(clients_.begin(), clients_.end(),
                       [](const auto& c) { return c.second.peer->queued_bytes() > max_queued_bytes; });
}

}  // namespace pricewire::sim
