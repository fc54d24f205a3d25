#include "app/expiries.hpp"

#include <exception>
#include <utility>
#include <vector>

#include "api/stored_past.hpp"
#include "base/log.hpp"
#include "rule/evidence.hpp"
#include "rule/simulate.hpp"

namespace pricewire::app {
namespace {

// To see how close those came that expire together. The others are passed on without it, so that no webhook is late.
constexpr std::size_t most_at_once = 50;
constexpr Duration most_time = std::chrono::seconds{2};

}  // namespace

Expiries::Expiries(storage::Storage& storage, const Clock& clock, std::function<void(FiringGroup)> done)
    : storage_(storage), clock_(clock), done_(std::move(done)), thread_([this] { run(); }) {}

Expiries::~Expiries() {
    groups_.close();
    thread_.join();
}

void Expiries::run() {
    std::vector<FiringGroup> groups;
    while (groups_.drain(groups)) {
        std::size_t looked_into = 0;
        const auto until = clock_.mono() + most_time;
        for (FiringGroup& group : groups) {
            for (Expiry& expiry : group.expiries) {
                const bool is_time = !groups_.closed() && clock_.mono() < until;
                if (is_time && ++looked_into <= most_at_once) complete(expiry, until);
            }
            done_(std::move(group));
        }
    }
}

// What cannot be read is left out: the alert expires all the same.
void Expiries::complete(Expiry& expiry, MonoTime until) {
    try {
        const auto alert = storage_.active_alert(expiry.alert_id);
        auto evidence = rule::parse_evidence(expiry.evidence.empty() ? "{}" : expiry.evidence);
        if (!alert || !alert->ruled || !evidence) return;
        rule::Past past = api::stored_past(storage_);
        past.stop = [this, until] { return groups_.closed() || clock_.mono() >= until; };
        evidence->closest = rule::closest(*alert->ruled, expiry.expires_at, past).closest;
        expiry.evidence = rule::to_json(*evidence);
    } catch (const std::exception& e) {
        log::debug("how close an expired alert came is not known", {{"reason", e.what()}});
    }
}

}  // namespace pricewire::app
