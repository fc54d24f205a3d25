#include "live/live.hpp"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/json_writer.hpp"
#include "base/mailbox.hpp"
#include "live/lookups.hpp"
#include "live/market_view.hpp"
#include "live/user_log.hpp"

namespace pricewire::live {
namespace {

using namespace std::chrono_literals;
using namespace live;

constexpr std::size_t mailbox_capacity = std::size_t{1} << 16;
// What was told a little before a client's last event may have been written a little after it.
constexpr Duration resume_overlap = 5s;
// Who was away for longer loads the lists anew.
constexpr Duration resume_at_most = std::chrono::hours{24};
constexpr Duration retry_lookup_after = 1s;
// Clients are given events in steps, so that one who reads them misses none of a great many.
constexpr std::size_t events_a_step = 64;
// Deliveries of one user that are asked for at once: the alerts that a user may have by default.
constexpr std::size_t asked_at_once = 1000;

struct Join {
    Live::ClientId id;
    LiveClient client;
};
struct Choose {
    Live::ClientId id;
    std::optional<std::vector<Ticker>> tickers;
};
struct Leave {
    Live::ClientId id;
};
struct Notices {
    std::vector<DeliveryNotice> notices;
};
struct Missed {
    Timestamp since;
};
struct UserChanged {
    std::optional<Uuid> user_id;
};
using Event = std::variant<Join, Choose, Leave, Notices, Missed, UserChanged, Found, KeyCheck>;

struct Client {
    std::shared_ptr<net::StreamPeer> peer;
    Format format = Format::websocket;
    Uuid user_id;
    Sha256 key_hash{};
    bool check_key = false;
    TickerSet wanted;
    MarketView::Version prices_seen = 0;
    MarketView::Version quotes_seen = 0;
    MarketView::Version sources_seen = 0;
    std::uint64_t next_event = 1;
    MonoTime told_at;

    void send(const Message& message, MonoTime now) {
        peer->send(message.in(format));
        told_at = now;
    }
};

struct User {
    User(UserLog l, Timestamp now) : log(std::move(l)), known_since(now) {}
    UserLog log;
    Timestamp known_since;  // from then on its notices are followed
    std::vector<Live::ClientId> clients;
    std::unordered_map<Uuid, bool>
        dirty;                       // deliveries to be asked for, and whether they have just been fired
    bool more = false;               // than are asked for one by one
    std::optional<Timestamp> since;  // likewise, everything from then on
    bool asking = false;
    MonoTime ask_at;
    MonoTime left_at;  // when the last client went
};

class LiveThread final : public Live {
public:
    LiveThread(LiveOptions options, LiveJson json, storage::Storage& storage, const bus::PriceBus& bus,
               const Clock& clock)
        : options_(std::move(options)),
          json_(std::move(json)),
          clock_(clock),
          run_(std::random_device{}()),
          market_(bus, options_.tickers, json_.quotes),
          mailbox_(mailbox_capacity),
          lookups_(std::make_unique<Lookups>(
              storage, [this](Found found) { mailbox_.push(std::move(found)); },
              [this](KeyCheck checked) { mailbox_.push(std::move(checked)); })),
          thread_([this] { run(); }) {}

    ~LiveThread() override {
        mailbox_.close();
        thread_.join();
        lookups_.reset();
        for (auto& [id, client] : clients_) client.peer->close();
    }

    ClientId add(LiveClient client) override {
        const ClientId id = next_client_.fetch_add(1);
        // From now on no notice is passed over.
        joining_.fetch_add(1);
        mailbox_.push(Join{id, std::move(client)});
        return id;
    }
    void choose(ClientId id, std::optional<std::vector<Ticker>> tickers) override {
        mailbox_.push(Choose{id, std::move(tickers)});
    }
    void remove(ClientId id) override { mailbox_.push(Leave{id}); }
    void on_notices(std::span<const DeliveryNotice> notices) override {
        if (users_.load() == 0 && joining_.load() == 0) return;
        if (!mailbox_.try_push(Notices{{notices.begin(), notices.end()}})) dropped_notices_.store(true);
    }
    void on_missed(Timestamp since) override { mailbox_.push(Missed{since}); }
    void on_user_changed(std::optional<Uuid> user_id) override { mailbox_.push(UserChanged{user_id}); }
    std::size_t clients() const override { return client_count_.load(std::memory_order_relaxed); }

private:
    void run() {
        std::vector<Event> inbox;
        while (mailbox_.drain(inbox, next_look()) || !mailbox_.closed()) {
            for (Event& event : inbox) {
                std::visit([this](auto& e) { on(e); }, event);
            }
            if (dropped_notices_.exchange(false)) ask_everybody(clock_.now() - resume_overlap);
            const MonoTime now = clock_.mono();
            if (now >= look_at_) look(now);
            client_count_.store(clients_.size(), std::memory_order_relaxed);
            users_.store(known_.size());
        }
    }

    std::optional<MonoTime> next_look() const {
        if (clients_.empty() && known_.empty()) return std::nullopt;
        return look_at_;
    }

    void on(Join& join) {
        const MonoTime now = clock_.mono();
        const auto it =
            known_
                .try_emplace(join.client.user_id,
                             UserLog(run_, options_.events_kept, options_.event_bytes_kept), clock_.now())
                .first;
        users_.store(known_.size());
        joining_.fetch_sub(1);
        User& user = it->second;
        if (user.clients.size() >= options_.streams_per_user) {
            join.client.peer->send(
                error_message(429, "Too many streams are open with this key; close one first.")
                    .in(join.client.format));
            join.client.peer->close(closed_too_many, "too many streams");
            return;
        }
        user.clients.push_back(join.id);
        Client client{.peer = std::move(join.client.peer),
                      .format = join.client.format,
                      .user_id = join.client.user_id,
                      .key_hash = join.client.key_hash,
                      // It may have been revoked since it was looked at, when this was not yet a client.
                      .check_key = true,
                      .wanted = set_of(join.client.tickers)};
        client.next_event = user.log.next();
        client.send(ready(user), now);
        if (join.client.last_event_id) resume(client, user, *join.client.last_event_id, now);
        Client& added = clients_.emplace(join.id, std::move(client)).first->second;
        pump(added, user, now);
        ask(it->first, user, now);
        // It is shown what is there now, not with the next look.
        if (clients_.size() == 1) look(now);
        show_market(added, now, true);
    }

    // Where its last event is one of ours, it goes on behind it; else it is told what may have changed since.
    void resume(Client& client, User& user, const std::string& last, MonoTime now) {
        const auto id = EventId::parse(last);
        const Timestamp time = clock_.now();
        if (!id || id->time > time + resume_overlap || id->time < time - resume_at_most) {
            client.send(missed_, now);
            return;
        }
        if (id->run == run_ && id->time >= user.known_since && id->number < user.log.next() &&
            user.log.complete_from(id->number + 1)) {
            client.next_event = id->number + 1;
            return;
        }
        client.next_event = 1;
        need(user, id->time - resume_overlap);
    }

    void on(Choose& choice) {
        const auto it = clients_.find(choice.id);
        if (it == clients_.end()) return;
        it->second.wanted = set_of(choice.tickers);
        it->second.prices_seen = it->second.quotes_seen = 0;
        show_market(it->second, clock_.mono(), true);
    }

    void on(const Leave& leave) {
        const auto it = clients_.find(leave.id);
        if (it == clients_.end()) return;
        leave_user(it->second.user_id, leave.id);
        clients_.erase(it);
    }

    void leave_user(const Uuid& user_id, ClientId id) {
        const auto user = known_.find(user_id);
        if (user == known_.end()) return;
        std::erase(user->second.clients, id);
        user->second.left_at = clock_.mono();
    }

    void on(const Notices& told) {
        for (const DeliveryNotice& notice : told.notices) {
            const auto user = known_.find(notice.user_id);
            if (user == known_.end()) continue;
            add_dirty(user->second, notice);
            touched_.push_back(notice.user_id);
        }
        ask_touched();
    }

    // Beyond so many a user's clients are told that they have missed something.
    static void add_dirty(User& user, const DeliveryNotice& notice) {
        if (user.dirty.size() < asked_at_once || user.dirty.contains(notice.delivery_id)) {
            user.dirty[notice.delivery_id] |= notice.fired;
        } else {
            user.more = true;
        }
    }

    void on(const Missed& missed) { ask_everybody(missed.since - resume_overlap); }

    void ask_everybody(Timestamp since) {
        const MonoTime now = clock_.mono();
        for (auto& [id, user] : known_) {
            need(user, since);
            ask(id, user, now);
        }
    }

    static void need(User& user, Timestamp since) {
        user.since = user.since ? std::min(*user.since, since) : since;
    }

    void ask_touched() {
        const MonoTime now = clock_.mono();
        for (const Uuid& id : touched_) {
            const auto user = known_.find(id);
            if (user != known_.end()) ask(id, user->second, now);
        }
        touched_.clear();
    }

    // One question a user at a time: what comes meanwhile is put together into the next.
    void ask(const Uuid& id, User& user, MonoTime now) {
        if (user.asking || now < user.ask_at || (user.dirty.empty() && !user.since)) return;
        if (!lookups_->ask(Lookup{id, {user.dirty.begin(), user.dirty.end()}, user.since, user.more})) {
            user.ask_at = now + retry_lookup_after;
            return;
        }
        user.dirty.clear();
        user.since.reset();
        user.more = false;
        user.asking = true;
    }

    void on(Found& found) {
        const auto it = known_.find(found.asked.user_id);
        if (it == known_.end()) return;
        User& user = it->second;
        const MonoTime now = clock_.mono();
        user.asking = false;
        if (found.failed) {
            for (const auto& [id, fired] : found.asked.deliveries) {
                add_dirty(user, {found.asked.user_id, id, fired});
            }
            user.more |= found.asked.more;
            if (found.asked.since) need(user, *found.asked.since);
            user.ask_at = now + retry_lookup_after;
            return;
        }
        tell(user, found, now);
        ask(it->first, user, now);
    }

    void tell(User& user, const Found& found, MonoTime now) {
        const Timestamp time = clock_.now();
        std::size_t added = 0;
        const auto add = [&](std::string_view type, std::string_view member, const Uuid& subject,
                             const std::string& body) {
            if (user.log.add(type, member, subject, body, time) && ++added % events_a_step == 0) {
                pump(user, now);
            }
        };
        std::unordered_map<Uuid, const Alert*> fired;
        for (const Alert& alert : found.fired) fired.emplace(alert.id, &alert);
        for (const DeliveryView& delivery : found.deliveries) {
            // The firing stands before what comes of it.
            if (const auto alert = fired.find(delivery.alert_id); alert != fired.end()) {
                add("alert_fired", "alert", alert->first, json_.alert(*alert->second));
                fired.erase(alert);
            }
            add("delivery", "delivery", delivery.id, json_.delivery(delivery));
        }
        pump(user, now);
        if (found.too_many) {
            for (const ClientId id : user.clients) clients_.at(id).send(missed_, now);
        }
    }

    void pump(User& user, MonoTime now) {
        for (const ClientId id : user.clients) pump(clients_.at(id), user, now);
    }

    // Hands over events for as long as the client reads them.
    void pump(Client& client, const User& user, MonoTime now) const {
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

    void on(const UserChanged& change) {
        for (auto& [id, client] : clients_) {
            if (!change.user_id || client.user_id == *change.user_id) check_key(id, client);
        }
    }

    void check_key(ClientId id, Client& client) {
        client.check_key = !lookups_->ask(KeyCheck{.client = id, .key_hash = client.key_hash});
    }

    void on(const KeyCheck& checked) {
        const auto it = clients_.find(checked.client);
        if (it == clients_.end()) return;
        Client& client = it->second;
        client.check_key = checked.failed;
        if (checked.failed || checked.valid) return;
        client.peer->send(error_message(401, "Invalid or inactive API Key").in(client.format));
        client.peer->close(closed_unauthorized, "invalid or inactive API key");
        on(Leave{checked.client});
    }

    // What the clock brings.
    void look(MonoTime now) {
        look_at_ = now + options_.prices_every;
        const bool slow = now >= quotes_at_;
        if (!clients_.empty()) {
            market_.look_at_prices();
            if (slow) {
                market_.look_at_quotes();
                market_.look_at_sources();
            }
        }
        for (auto& [id, client] : clients_) show_market(client, now, slow);
        if (!slow) return;
        quotes_at_ = now + options_.quotes_every;
        for (auto& [id, client] : clients_) {
            if (client.check_key) check_key(id, client);
            if (client.format == Format::server_sent_events &&
                now - client.told_at >= options_.comment_every) {
                client.peer->send(comment_);
                client.told_at = now;
            }
        }
        for (auto& [id, user] : known_) {
            if (!user.clients.empty()) pump(user, now);
            ask(id, user, now);
        }
        forget_users(now);
    }

    void show_market(Client& client, MonoTime now, bool slow) {
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

    void forget_users(MonoTime now) {
        std::size_t idle = 0;
        for (auto it = known_.begin(); it != known_.end();) {
            const bool alone = it->second.clients.empty();
            if (alone && (now - it->second.left_at >= options_.kept_for || ++idle > options_.users_kept)) {
                it = known_.erase(it);
            } else {
                ++it;
            }
        }
    }

    // Its id is where a client goes on that is cut off before its first event.
    Message ready(const User& user) const {
        const std::string last = user.log.last_id(clock_.now()).to_string();
        JsonWriter w;
        w.begin_object().field("type", "ready").field("last_event_id", last).end_object();
        return {"ready", std::move(w).str(), last};
    }

    TickerSet set_of(const std::optional<std::vector<Ticker>>& tickers) const {
        const auto& all = market_.tickers();
        TickerSet out(all.size(), !tickers);
        if (!tickers) return out;
        for (std::size_t i = 0; i < all.size(); ++i) {
            out[i] = std::find(tickers->begin(), tickers->end(), all[i]) != tickers->end();
        }
        return out;
    }

    const LiveOptions options_;
    const LiveJson json_;
    const Clock& clock_;
    const std::uint32_t run_;
    const Message missed_{"missed", R"({"type":"missed"})"};
    const std::shared_ptr<const std::string> comment_ = std::make_shared<const std::string>(": ping\n\n");
    std::atomic<ClientId> next_client_{1};
    std::atomic<bool> dropped_notices_{false};
    std::atomic<std::size_t> client_count_{0};
    std::atomic<std::size_t> users_{0};
    std::atomic<std::size_t> joining_{0};

    // The thread's own.
    MarketView market_;
    std::unordered_map<ClientId, Client> clients_;
    std::unordered_map<Uuid, User> known_;  // with a client, or a moment ago
    std::vector<Uuid> touched_;
    MonoTime look_at_{};
    MonoTime quotes_at_{};

    Mailbox<Event> mailbox_;
    std::unique_ptr<Lookups> lookups_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Live> start_live(LiveOptions options, LiveJson json, storage::Storage& storage,
                                 const bus::PriceBus& bus, const Clock& clock) {
    return std::make_unique<LiveThread>(std::move(options), std::move(json), storage, bus, clock);
}

}  // namespace pricewire::live
