#include "live/lookups.hpp"

#include <algorithm>
#include <exception>
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
// What was deleted longer ago is forgotten; see Alerts::deleted_alerts().
constexpr Duration resumable = storage::keep_deleted_alerts;

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

// Answers one lookup.
class Finder {
public:
    Finder(storage::Storage& storage, Timestamp now, Found& out, bool& unknown_logged)
        : storage_(storage), out_(out), unknown_logged_(unknown_logged), just_now_(now - fired_just_now) {
        out.too_many = asked().more;
        for (const auto& [id, is_new] : asked().ids) wanted_[id] |= is_new;
    }

    void find() {
        if (asked().since || wanted_.size() > asked_one_by_one) take_newest();
        if (wanted_.size() > asked_one_by_one) take_newest_alerts();
        take_one_by_one();
        std::ranges::sort(out_.deliveries, {}, &DeliveryView::id);
        find_alerts(fired_, out_.fired);
        if (asked().since) take_since(*asked().since);
        for (const auto* known : {&out_.created, &out_.changed}) {
            for (const Alert& alert : *known) ended_.erase(alert.id);
        }
        find_alerts(ended_, out_.changed);
    }

    // What the catcher has kept. If it does not answer, nothing is missing that the API would not say.
    void find_caught(const std::function<std::vector<CaughtEvent>(const Uuid&)>& caught) {
        if (wanted_.empty() && !asked().since) return;
        try {
            for (CaughtEvent& event : caught(asked().user_id)) {
                if (wanted_.contains(event.id) || (asked().since && event.at >= *asked().since))
                    out_.caught.push_back(std::move(event));
            }
        } catch (const std::exception& e) {
            log::debug("what the catcher has kept is not sent to clients", {{"reason", e.what()}});
        }
        std::ranges::reverse(out_.caught);
    }

private:
    const Lookup& asked() const { return out_.asked; }
    std::optional<DeliveryView> delivery(const Uuid& id) {
        return if_understood(unknown_logged_, [&] { return storage_.delivery(asked().user_id, id); });
    }
    std::optional<Alert> alert(const Uuid& id) {
        return if_understood(unknown_logged_, [&] { return storage_.alert(asked().user_id, id); });
    }

    void take_newest() {
        storage::DeliveryFilter newest;
        newest.limit = listed;
        std::vector<DeliveryView> views = storage_.deliveries(asked().user_id, newest);
        // Older ones may have changed, too.
        if (asked().since && views.size() == listed) out_.too_many = true;
        for (DeliveryView& view : views) {
            const auto named = wanted_.find(view.id);
            const bool since = asked().since && changed_since(view, *asked().since);
            if (named == wanted_.end() && !since) continue;
            const bool is_new = (named != wanted_.end() && named->second) ||
                                (asked().since && view.created_at >= *asked().since);
            if (named != wanted_.end()) wanted_.erase(named);
            take(std::move(view), is_new);
        }
    }

    // Alerts made, changed or deleted by the hundred, in a few queries.
    void take_newest_alerts() {
        for (const bool is_active : {true, false}) {
            for (Alert& alert : newest_alerts(is_active, listed)) {
                const auto named = wanted_.find(alert.id);
                if (named == wanted_.end()) continue;
                take(std::move(alert), named->second);
                wanted_.erase(named);
            }
        }
        take_deleted();
    }

    void take_one_by_one() {
        std::size_t singly = 0;
        bool any_missing = false;
        for (auto it = wanted_.begin(); it != wanted_.end();) {
            if (++singly > most_one_by_one) {
                out_.too_many = true;
                break;
            }
            if (auto view = delivery(it->first)) {
                take(std::move(*view), it->second);
            } else if (auto known = alert(it->first)) {
                take(std::move(*known), it->second);
            } else {
                any_missing = true;
                ++it;
                continue;
            }
            it = wanted_.erase(it);
        }
        if (any_missing) take_deleted();
    }

    // Those that are wanted. Only the latest can be: more than are listed are more than may be noted.
    void take_deleted() {
        for (const Uuid& id : storage_.deleted_alerts(asked().user_id, just_now_ - resumable, listed)) {
            if (wanted_.erase(id) > 0) out_.deleted.push_back(id);
        }
    }

    void take_since(Timestamp since) {
        std::unordered_set<Uuid> known;
        for (const Alert& alert : out_.created) known.insert(alert.id);
        std::vector<Alert> newest = newest_alerts(std::nullopt, most_one_by_one);
        if (newest.size() == most_one_by_one && newest.back().created_at >= since) out_.too_many = true;
        for (Alert& alert : newest) {
            if (alert.created_at >= since && known.insert(alert.id).second)
                out_.created.push_back(std::move(alert));
        }
        for (const Alert& alert : out_.changed) known.insert(alert.id);
        std::vector<Alert> changed = storage_.changed_alerts(asked().user_id, since, most_one_by_one);
        if (changed.size() == most_one_by_one) out_.too_many = true;
        for (Alert& alert : changed) {
            if (known.insert(alert.id).second) out_.changed.push_back(std::move(alert));
        }
        const std::vector<Uuid> deleted = storage_.deleted_alerts(asked().user_id, since, listed);
        if (deleted.size() == listed) out_.too_many = true;
        const std::unordered_set<Uuid> told(out_.deleted.begin(), out_.deleted.end());
        for (const Uuid& id : deleted) {
            if (!told.contains(id)) out_.deleted.push_back(id);
        }
    }

    std::vector<Alert> newest_alerts(std::optional<bool> is_active, std::size_t limit) {
        storage::AlertFilter newest;
        newest.is_active = is_active;
        newest.limit = limit;
        return storage_.alerts(asked().user_id, newest);
    }

    // If the answer to a firing's commit was lost, its delivery is the only sign of it.
    void take(DeliveryView view, bool is_new) {
        if (is_new || view.created_at >= just_now_) {
            if (view.kind == DeliveryKind::expired) ended_.insert(view.alert_id);
            if (view.kind == DeliveryKind::alert) {
                fired_.insert(view.alert_id);
                out_.new_firings.insert(view.id);
            }
        }
        out_.deliveries.push_back(std::move(view));
    }
    void take(Alert alert, bool is_new) {
        (is_new ? out_.created : out_.changed).push_back(std::move(alert));
    }

    void find_alerts(std::unordered_set<Uuid> wanted, std::vector<Alert>& found) {
        // Most of those that have fired are not active any more.
        for (const bool is_active : {false, true}) {
            if (wanted.size() <= asked_one_by_one) break;
            for (Alert& alert : newest_alerts(is_active, listed)) {
                if (wanted.erase(alert.id) > 0) found.push_back(std::move(alert));
            }
        }
        for (const Uuid& id : wanted) {
            if (auto known = alert(id)) found.push_back(std::move(*known));
        }
    }

    storage::Storage& storage_;
    Found& out_;
    bool& unknown_logged_;
    const Timestamp just_now_;
    std::unordered_map<Uuid, bool> wanted_;
    std::unordered_set<Uuid> fired_, ended_;  // alerts
};

}  // namespace

Lookups::Lookups(storage::Storage& storage, const Clock& clock,
                 std::function<std::vector<CaughtEvent>(const Uuid&)> caught,
                 std::function<void(std::span<DeliveryView>)> explain, std::function<void(Found)> found,
                 std::function<void(KeyCheck)> checked, std::function<void(AlertTickers)> alert_tickers,
                 std::function<void(AlertCounts)> alert_counts)
    : storage_(storage),
      clock_(clock),
      caught_(std::move(caught)),
      explain_(std::move(explain)),
      found_(std::move(found)),
      checked_(std::move(checked)),
      alert_tickers_(std::move(alert_tickers)),
      alert_counts_(std::move(alert_counts)),
      thread_([this] { run(); }) {}

Lookups::~Lookups() {
    mailbox_.close();
    thread_.join();
}

void Lookups::run() {
    std::vector<std::variant<Lookup, KeyCheck, AlertTickers, AlertCounts>> inbox;
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
    out.failed = !query([&] {
        Finder finder(storage_, clock_.now(), out, unknown_logged_);
        finder.find();
        if (explain_) explain_(out.deliveries);
        if (caught_) finder.find_caught(caught_);
    });
    found_(std::move(out));
}

void Lookups::answer(KeyCheck& check) {
    check.failed = !query([&] {
        const auto user = storage_.user_by_key_hash(check.key_hash);
        check.valid = user && user->is_active;
    });
    checked_(check);
}

void Lookups::answer(AlertTickers& of) {
    of.failed = !query([&] { of.tickers = storage_.alert_tickers(of.user_id); });
    alert_tickers_(std::move(of));
}

void Lookups::answer(AlertCounts& of) {
    of.failed = !query([&] { of.counts = storage_.alert_counts(of.user_id); });
    alert_counts_(std::move(of));
}

bool Lookups::query(const std::function<void()>& call) {
    try {
        call();
    } catch (const std::exception& e) {
        if (!std::exchange(failing_, true)) {
            log::warn("the live stream cannot query the database; events are sent once it can",
                      {{"reason", e.what()}});
        }
        return false;
    }
    if (std::exchange(failing_, false)) log::info("the live stream sends events again");
    return true;
}

}  // namespace pricewire::live
