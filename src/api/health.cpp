#include <algorithm>

#include "api/handlers.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

std::string_view to_string(HealthStatus status) {
    switch (status) {
        case HealthStatus::ok:
            return "ok";
        case HealthStatus::degraded:
            return "degraded";
        case HealthStatus::down:
            return "down";
    }
    return "down";
}

HealthStatus overall(const std::vector<PingResult>& pings, const std::vector<SourceHealth>& sources) {
    if (std::any_of(pings.begin(), pings.end(), [](const auto& p) { return p.needed && !p.up; })) {
        return HealthStatus::down;
    }
    const bool all_up = std::all_of(pings.begin(), pings.end(), [](const auto& p) { return p.up; });
    // One good source is enough for prices, and a source that fails is seen in its own place.
    const bool prices = sources.empty() || std::any_of(sources.begin(), sources.end(), [](const auto& s) {
                            return s.status != HealthStatus::down;
                        });
    return all_up && prices ? HealthStatus::ok : HealthStatus::degraded;
}

double seconds(Duration d) {
    return static_cast<double>(std::chrono::floor<std::chrono::milliseconds>(d).count()) / 1000;
}

}  // namespace

net::ServerResponse health_response(const std::vector<PingResult>& pings,
                                    const std::vector<SourceHealth>& sources) {
    const HealthStatus status = overall(pings, sources);
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
    w.key("sources").begin_object();
    for (const SourceHealth& source : sources) {
        w.key(source.name)
            .begin_object()
            .field("status", to_string(source.status))
            .field("detail", source.detail)
            .key("last_quote_age");
        if (source.last_quote_age) {
            w.value(seconds(*source.last_quote_age));
        } else {
            w.value(nullptr);
        }
        w.end_object();
    }
    w.end_object().end_object().end_object();
    return json_response(status == HealthStatus::down ? 503 : 200, std::move(w).str());
}

net::ServerResponse show_live(Services&, Exchange&) {
    return json_response(200, R"({"status":"ok"})");
}

}  // namespace pricewire::api
