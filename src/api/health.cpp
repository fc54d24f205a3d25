#include <algorithm>

#include "api/handlers.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

// /health uses the same words as a source's condition.
SourceCondition overall(const std::vector<PingResult>& pings,
                        const std::optional<std::vector<SourceReport>>& sources) {
    if (std::any_of(pings.begin(), pings.end(), [](const auto& p) { return p.needed && !p.up; })) {
        return SourceCondition::down;
    }
    const bool all_up = std::all_of(pings.begin(), pings.end(), [](const auto& p) { return p.up; });
    // One working source is enough for prices; each failing source has an entry of its own.
    const bool prices = !sources || std::any_of(sources->begin(), sources->end(), [](const auto& s) {
        return s.condition != SourceCondition::down;
    });
    return all_up && prices ? SourceCondition::ok : SourceCondition::degraded;
}

double seconds(Duration d) {
    return static_cast<double>(std::chrono::floor<std::chrono::milliseconds>(d).count()) / 1000;
}

}  // namespace

net::ServerResponse health_response(const std::vector<PingResult>& pings,
                                    const std::optional<std::vector<SourceReport>>& sources, Timestamp now) {
    const SourceCondition status = overall(pings, sources);
    JsonWriter w;
    w.begin_object()
        .field("status", to_string(status))
        .field("version", PRICEWIRE_VERSION)
        .key("dependencies")
        .begin_object();
    for (const PingResult& ping : pings) {
        w.key(ping.name)
            .begin_object()
            .field("status", ping.up ? "ok" : "down")
            .field("latency_ms", ping.latency_ms);
        if (!ping.detail.empty()) w.field("detail", ping.detail);
        w.end_object();
    }
    if (sources) {
        w.key("sources").begin_object();
        for (const SourceReport& source : *sources) {
            w.key(source.name.view())
                .begin_object()
                .field("status", to_string(source.condition))
                .field("detail", source.detail)
                .key("last_quote_age");
            if (source.last_quote_at) {
                // The age can be negative if the feed's clock is ahead of ours.
                w.value(seconds(std::max(Duration{}, now - *source.last_quote_at)));
            } else {
                w.value(nullptr);
            }
            w.end_object();
        }
        w.end_object();
    }
    w.end_object().end_object();
    return json_response(status == SourceCondition::down ? 503 : 200, std::move(w).str());
}

net::ServerResponse show_live(Services&, Exchange&) {
    return json_response(200, R"({"status":"ok"})");
}

}  // namespace pricewire::api
