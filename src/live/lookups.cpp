#include "live/lookups.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/log.hpp"

namespace pricewire::live {
namespace {

// Beyond this many deliveries of a user, the newest `listed` are read at once.
constexpr std::size_t asked_one_by_one = 32;
constexpr std::size_t listed = 1000;
// Of those not listed at most this many are read one by one, since other users wait for the same thread.
constexpr std::size_t most_one_by_one = 100;
constexpr Duration fired_just_now = std::chrono::minutes{1};

bool changed_since(const DeliveryView& d, Timestamp since) {
    return !is_final(d.state) || d.created_at >= since || (d.finished_at && *d.finished_at >= since);
}

// Nullopt for a row that only a newer version understands: asking again would not help. Logged once, since an
// old process beside a new one may meet any number of them.
template <typename Read>
auto if_understood(bool& logged, Read read) -> decltype(read()) {
    try {
        return read();
    } catch (const storage::UnknownValue& e) {
        if (!std::exchange(logged, true)) {
            log::error("an event is not sent to clients of the live stream; others like it are not logged",
                       {{"reason", e.what()}});
        }
        return std::nullopt;
    }
}

// Adds the deliveries that were asked for to `out`, and the alerts that have just fired to `fired`.
void find_deliveries(storage::Deliveries& storage, Found& out, std::unordered_set<Uuid>& fired,
                     bool& unknown_logged) {
    const Lookup& asked = out.asked;
    std::unordered_map<Uuid, bool> wanted;
    for (const auto& [id, has_fired] : asked.deliveries) wanted[id] |= has_fired;
    out.too_many = asked.more;
    // If the answer to a firing's commit was lost, its delivery is the only sign of it.
    const Timestamp just_now = system_clock().now() - fired_just_now;
    const auto take = [&](DeliveryView view, bool has_fired) {
        if ((has_fired || view.created_at >= just_now) && view.kind == DeliveryKind::alert) {
            fired.insert(view.alert_id);
        }
        out.deliveries.push_back(std::move(view));
    };
    if (asked.since || wanted.size() > asked_one_by_one) {
        storage::DeliveryFilter newest;
        newest.limit = listed;
        std::vector<DeliveryView> views = storage.deliveries(asked.user_id, newest);
        // Older ones may have changed, too.
        if (asked.since && views.size() == listed) out.too_many = true;
        for (DeliveryView& view : views) {
            const auto named = wanted.find(view.id);
            const bool since = asked.since && changed_since(view, *asked.since);
            if (named == wanted.end() && !since) continue;
            const bool has_fired =
                (named != wanted.end() && named->second) || (asked.since && view.created_at >= *asked.since);
            if (named != wanted.end()) wanted.erase(named);
            take(std::move(view), has_fired);
        }
    }
    std::size_t singly = 0;
    for (const auto& [id, has_fired] : wanted) {
        if (++singly > most_one_by_one) {
            out.too_many = true;
            break;
        }
        if (auto view = if_understood(unknown_logged, [&] { return storage.delivery(asked.user_id, id); }))
            take(std::move(*view), has_fired);
    }
    std::sort(out.deliveries.begin(), out.deliveries.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
}

void find_fired(storage::Alerts& storage, Found& out, std::unordered_set<Uuid> fired, bool& unknown_logged) {
    if (fired.size() > asked_one_by_one) {
        storage::AlertFilter newest;
        newest.is_active = false;
        newest.limit = listed;
        for (Alert& alert : storage.alerts(out.asked.user_id, newest)) {
            if (fired.erase(alert.id) > 0) out.fired.push_back(std::move(alert));
        }
    }
    for (const Uuid& id : fired) {
        if (auto alert = if_understood(unknown_logged, [&] { return storage.alert(out.asked.user_id, id); }))
            out.fired.push_back(std::move(*alert));
    }
}

}  // namespace

Lookups::Lookups(storage::Storage& storage, std::function<void(Found)> found,
                 std::function<void(KeyCheck)> checked, std::function<void(AlertTickers)> alert_tickers)
    : storage_(storage),
      found_(std::move(found)),
      checked_(std::move(checked)),
      alert_tickers_(std::move(alert_tickers)),
      thread_([this] { run(); }) {}

Lookups::~Lookups() {
    mailbox_.close();
    thread_.join();
}

void Lookups::run() {
    std::vector<std::variant<Lookup, KeyCheck, AlertTickers>> inbox;
    while (mailbox_.drain(inbox)) {
        for (auto& question : inbox) {
            if (mailbox_.closed()) return;
            std::visit([this](auto& q) { answer(q); }, question);
        }
    }
}

void Lookups::answer(Lookup& lookup) {
    Found out;
    out.asked = std::move(lookup);
    try {
        std::unordered_set<Uuid> fired;
        find_deliveries(storage_, out, fired, unknown_logged_);
        find_fired(storage_, out, std::move(fired), unknown_logged_);
        answered();
    } catch (const std::exception& e) {
        out.failed = true;
        failed(e);
    }
    found_(std::move(out));
}

void Lookups::answer(KeyCheck& check) {
    try {
        const auto user = storage_.user_by_key_hash(check.key_hash);
        check.valid = user && user->is_active;
        answered();
    } catch (const std::exception& e) {
        check.failed = true;
        failed(e);
    }
    checked_(check);
}

void Lookups::answer(AlertTickers& of) {
    try {
        of.tickers = storage_.alert_tickers(of.user_id);
        answered();
    } catch (const std::exception& e) {
        of.failed = true;
        failed(e);
    }
    alert_tickers_(std::move(of));
}

void Lookups::answered() {
    if (std::exchange(failing_, false)) log::info("the live stream sends events again");
}

void Lookups::failed(const std::exception& e) {
    if (std::exchange(failing_, true)) return;
    log::warn("the live stream cannot query the database; events are sent once it can",
              {{"reason", e.what()}});
}

}  // namespace pricewire::live
