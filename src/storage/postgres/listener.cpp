#include "storage/postgres/listener.hpp"

#include <poll.h>

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "storage/postgres/changes.hpp"

namespace pricewire::storage::postgres {
namespace {

// A connection that says nothing for so long is asked whether it is there: behind a network that drops all,
// or a server that is stopped, silence looks like peace.
constexpr Duration ask_every = std::chrono::seconds{2};
constexpr Duration answer_within = std::chrono::seconds{3};
constexpr BackoffPolicy reconnect_policy{std::chrono::milliseconds{50}, std::chrono::seconds{2}};

}  // namespace

// Listens for as long as it lives, which must be less than its connection does.
class Listener::Receiver final : public pqxx::notification_receiver {
public:
    Receiver(pqxx::connection& connection, Listener& listener)
        : notification_receiver(connection, changes_channel), listener_(listener) {}
    void operator()(const std::string& payload, int) override { listener_.hear(payload); }

private:
    Listener& listener_;
};

Listener::Listener(const ConnectionOptions& options, StorageEvents events, Watchdog& watchdog)
    : options_(options), events_(std::move(events)), watchdog_(watchdog) {
    listen();
    thread_ = std::thread([this] { run(); });
}

Listener::~Listener() {
    stop_.set();
    thread_.join();
    hang_up();
}

void Listener::listen() {
    hang_up();
    auto fresh = std::make_unique<Connection>(options_, watchdog_);
    fresh->set_patience(answer_within);
    const Watchdog::Watch watch(watchdog_, fresh->socket(), answer_within);
    translate([&] { receiver_ = std::make_unique<Receiver>(fresh->raw(), *this); });
    connection_ = std::move(fresh);
}

void Listener::hang_up() {
    if (!connection_) return;
    {
        const Watchdog::Watch watch(watchdog_, connection_->socket(), answer_within);
        receiver_.reset();
    }
    connection_.reset();
}

void Listener::run() {
    while (!stop_.is_set()) {
        try {
            follow();
        } catch (const pqxx::failure& e) {
            log::warn(
                "the database is not listened to any more; changes of alerts and users are taken up when it "
                "is",
                {{"reason", reason(e)}});
        }
        if (!stop_.is_set() && events_.alerts_unheard) events_.alerts_unheard();
        if (stop_.is_set() || !reconnect()) return;
        log::info("the database is listened to again");
        tell_what_may_be_missed();
    }
}

void Listener::follow() {
    while (wait(ask_every)) {
        if (connection_->raw().get_notifs() > 0) continue;
        connection_->execute("SELECT 1");
        // What came with the answer makes the socket readable no more.
        connection_->raw().get_notifs();
    }
}

bool Listener::reconnect() {
    Backoff backoff(reconnect_policy);
    hang_up();
    while (!stop_.wait_for(backoff.next())) {
        try {
            listen();
            return true;
        } catch (const StorageError& e) {
            // Told once when it was lost; its end is told when it is there again.
            log::debug("the database cannot be listened to yet", {{"reason", e.what()}});
        }
    }
    return false;
}

void Listener::hear(const std::string& payload) {
    const auto changes = parse_payload(payload);
    if (!changes) {
        // A newer program's, or a stranger's: what it said can be looked up.
        log::warn(
            "the database told of a change that this program does not understand; all alerts are loaded "
            "anew");
        tell_what_may_be_missed();
        return;
    }
    for (const Change& change : *changes) {
        if (const auto* alert = std::get_if<AlertChange>(&change)) {
            if (events_.alert_changed) events_.alert_changed(*alert);
        } else if (events_.user_changed) {
            events_.user_changed(std::get<UserChange>(change).user_id);
        }
    }
}

void Listener::tell_what_may_be_missed() {
    if (events_.alerts_missed) events_.alerts_missed();
    if (events_.user_changed) events_.user_changed(std::nullopt);
}

bool Listener::wait(Duration patience) {
    pollfd fds[2] = {{stop_.fd(), POLLIN, 0}, {connection_->socket(), POLLIN, 0}};
    poll(fds, 2, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(patience).count()));
    return !stop_.is_set();
}

}  // namespace pricewire::storage::postgres
