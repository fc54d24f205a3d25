#include "storage/postgres/listener.hpp"

#include <poll.h>

#include <map>
#include <utility>

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "storage/postgres/changes.hpp"
#include "storage/sql/alert_rows.hpp"

namespace pricewire::storage::postgres {
namespace {

// A connection that is silent for this long is probed: behind a network that drops everything, or with a
// stopped server, a dead connection looks like an idle one.
constexpr Duration ask_every = std::chrono::seconds{2};
constexpr Duration answer_within = std::chrono::seconds{3};
constexpr BackoffPolicy reconnect_policy{std::chrono::milliseconds{50}, std::chrono::seconds{2}};

}  // namespace

// Listens while it lives; its connection must outlive it.
class Listener::Receiver final : public pqxx::notification_receiver {
public:
    Receiver(pqxx::connection_base& connection, Listener& listener)
        : notification_receiver(connection, changes_channel), listener_(listener) {}
    void operator()(const std::string& payload, int) override { listener_.payloads_.push_back(payload); }

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
    payloads_.clear();
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
                "lost the connection that listens to the database; changes of alerts and users arrive "
                "when it is back",
                {{"reason", reason(e)}});
        }
        if (!stop_.is_set() && events_.alerts_unheard) events_.alerts_unheard();
        if (stop_.is_set() || !reconnect()) return;
        log::info("listening to the database again");
        report_possible_misses();
    }
}

void Listener::follow() {
    while (wait(ask_every)) {
        if (connection_->raw().get_notifs() == 0) {
            connection_->execute("SELECT 1");
            // What came with the answer does not make the socket readable again.
            connection_->raw().get_notifs();
        }
        while (!payloads_.empty()) {
            report_received();
            connection_->raw().get_notifs();
        }
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
            // The loss and the recovery are logged once each, at a higher level.
            log::debug("cannot listen to the database yet", {{"reason", e.what()}});
        }
    }
    return false;
}

void Listener::report_received() {
    for (const std::string& payload : std::exchange(payloads_, {})) report(payload);
}

void Listener::report(const std::string& payload) {
    auto received = parse_payload(payload);
    if (!received) {
        log::warn("a notification of the database cannot be understood; all alerts are reloaded");
        report_possible_misses();
        return;
    }
    if (!received->rows.empty()) read_rows(*received);
    if (!received->unknown_alerts.empty()) skip(received->unknown_alerts);
    for (const Change& change : received->changes) {
        if (const auto* alert = std::get_if<AlertChange>(&change)) {
            if (events_.alert_changed) events_.alert_changed(*alert);
        } else if (events_.user_changed) {
            events_.user_changed(std::get<UserChange>(change).user_id);
        }
    }
}

void Listener::read_rows(ReceivedChanges& received) {
    Array ids;
    for (const Uuid& id : received.rows) ids.add(id);
    std::map<Uuid, ActiveAlert> active;
    for (const Row row : connection_->run("alerts_active_of", ids)) {
        try {
            active.emplace(row.id(0), sql::read_active_alert(row));
        } catch (const StorageError&) {
            received.unknown_alerts.push_back(row.id(0));
        }
    }
    for (Change& change : received.changes) {
        auto* alert = std::get_if<AlertChange>(&change);
        if (alert == nullptr || alert->kind == AlertChange::Kind::deleted ||
            !received.rows.contains(alert->alert.id))
            continue;
        const auto row = active.find(alert->alert.id);
        if (row == active.end()) {
            alert->kind = AlertChange::Kind::deleted;
        } else {
            alert->alert = row->second;
        }
    }
}

void Listener::skip(const std::vector<Uuid>& unknown) {
    // Loading the alerts would skip them too, so nothing is missed.
    for (std::size_t i = 0; events_.row_skipped && i < unknown.size(); ++i)
        events_.row_skipped("notification");
    log::error("changes of alerts of a kind that this version does not know are skipped",
               {{"alerts", std::to_string(unknown.size())}, {"first", unknown[0].to_string()}});
}

void Listener::report_possible_misses() {
    if (events_.alerts_missed) events_.alerts_missed();
    if (events_.user_changed) events_.user_changed(std::nullopt);
}

bool Listener::wait(Duration patience) {
    pollfd fds[2] = {{stop_.fd(), POLLIN, 0}, {connection_->socket(), POLLIN, 0}};
    poll(fds, 2, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(patience).count()));
    return !stop_.is_set();
}

}  // namespace pricewire::storage::postgres
