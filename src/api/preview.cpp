// What an alert would have done.
#include <fmt/format.h>

#include "api/alert_body.hpp"
#include "api/handlers.hpp"
#include "api/stored_past.hpp"
#include "api/watching.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

using namespace std::chrono_literals;

constexpr Duration most_preview_time = 2s;

std::string preview_json(const rule::Simulated& s) {
    JsonWriter w;
    w.begin_object()
        .key("covers")
        .begin_object()
        .field("from", s.from)
        .field("to", s.to)
        .field("blind", spelled_out(s.blind))
        .field("bars", "1m")
        .end_object()
        .key("would_have_fired")
        .begin_object()
        .field("least", s.least)
        .field("most", s.most)
        .end_object()
        .field("true_now", s.true_now)
        .key("firings")
        .begin_array();
    for (const rule::SimulatedFiring& firing : s.firings) {
        w.begin_object()
            .field("time", firing.time)
            .field("within", "1m")
            .key("price")
            .begin_object()
            .field("from", firing.from)
            .field("to", firing.to)
            .end_object()
            .field("sure", firing.sure)
            .end_object();
    }
    w.end_array().field("more", s.more).key("notes").begin_array();
    for (const std::string& note : s.notes) w.value(note);
    w.end_array().end_object();
    return std::move(w).str();
}

net::ServerResponse took_too_long(Duration over) {
    const auto days = std::chrono::floor<std::chrono::days>(over);
    const std::string less = days >= std::chrono::days{2} ? fmt::format("{}d", days.count() / 2) : "1h";
    return unavailable(
        fmt::format("The preview took longer than {}. Ask for a shorter time, such as \"over\": \"{}\", or "
                    "for fewer rules; levels that are numbers are the quickest.",
                    format_duration(most_preview_time), less),
        1);
}

}  // namespace

net::ServerResponse preview_alert(Services& services, Exchange& exchange) {
    const KnownTickers known = known_tickers(services);
    const Timestamp now = services.use.clock.now();
    const auto body = parse_preview_body(exchange.request.body, {known, services.options.url_policy, now});
    if (!body) return validation_response(body.error());
    for (const Ticker& ticker : tickers_of(body->terms)) look_at(services, exchange, ticker);
    const auto simulated =
        rule::simulate(body->terms, now - body->over, now, stored_past(services, most_preview_time));
    if (!simulated) return took_too_long(body->over);
    return json_response(200, preview_json(*simulated));
}

}  // namespace pricewire::api
