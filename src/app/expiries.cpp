#include "app/expiries.hpp"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "rule/evidence.hpp"
#include "rule/simulate.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_bars = 50'000;  // 30 days of minutes
constexpr std::size_t most_spans = 1000;
// Of those that expire together; the others are not looked into, so that none is told late.
constexpr std::size_t most_at_once = 50;

rule::Past past_of(storage::Storage& storage, std::function<bool()> stop) {
    const auto bars = [&storage](Duration interval) {
        return [&storage, interval](const Ticker& ticker, Timestamp from, Timestamp to) {
            return storage.bars(ticker, interval, from, to, most_bars);
        };
    };
    rule::Past past;
    past.hours = bars(1h);
    past.minutes = bars(1min);
    past.blind = [&storage](const Ticker& ticker, Timestamp from, Timestamp to) {
        std::vector<std::pair<Timestamp, Timestamp>> out;
        for (const BlindSpan& span : storage.blind_spans(ticker, from, most_spans)) {
            if (span.from < to)
                out.emplace_back(std::max(span.from, from), std::min(span.to.value_or(to), to));
        }
        std::ranges::reverse(out);
        return out;
    };
    past.stop = std::move(stop);
    return past;
}

}  // namespace

Expiries::Expiries(storage::Storage& storage, std::function<void(FiringGroup)> done)
    : storage_(storage), done_(std::move(done)), thread_([this] { run(); }) {}

Expiries::~Expiries() {
    groups_.close();
    thread_.join();
}

void Expiries::run() {
    std::vector<FiringGroup> groups;
    while (groups_.drain(groups)) {
        std::size_t looked_into = 0;
        for (FiringGroup& group : groups) {
            for (Expiry& expiry : group.expiries) {
                if (!groups_.closed() && ++looked_into <= most_at_once) complete(expiry);
            }
            done_(std::move(group));
        }
    }
}

// What cannot be read is left out: the alert expires all the same.
void Expiries::complete(Expiry& expiry) {
    try {
        const auto alert = storage_.active_alert(expiry.alert_id);
        auto evidence = rule::parse_evidence(expiry.evidence.empty() ? "{}" : expiry.evidence);
        if (!alert || !alert->ruled || !evidence) return;
        const auto past = past_of(storage_, [this] { return groups_.closed(); });
        evidence->closest = rule::closest(*alert->ruled, expiry.expires_at, past).closest;
        expiry.evidence = rule::to_json(*evidence);
    } catch (const std::exception& e) {
        log::debug("how close an expired alert came is not known", {{"reason", e.what()}});
    }
}

}  // namespace pricewire::app
