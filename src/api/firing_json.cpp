#include "api/firing_json.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "api/responses.hpp"
#include "domain/late_json.hpp"
#include "rule/canonical.hpp"
#include "rule/evidence.hpp"
#include "rule/words.hpp"

namespace pricewire::api {
namespace {

std::optional<std::int64_t> milliseconds(const std::optional<Timestamp>& from,
                                         const std::optional<Timestamp>& to) {
    if (!from || !to) return std::nullopt;
    return std::chrono::floor<std::chrono::milliseconds>(*to - *from).count();
}

// For an alert in the plain form nothing else is stored.
rule::Evidence plain_evidence(const FiringView& firing) {
    const bool is_gt = firing.said.condition == Condition::gt;
    rule::RuleSeen seen{.is = is_gt ? Word::above : Word::below, .level = {.value = firing.said.level}};
    seen.value = firing.price;
    seen.is_true = true;
    return {.rules = {std::move(seen)}};
}

}  // namespace

void write_firing(JsonWriter& w, const FiringView& firing, const Ticker& ticker, DeliveryKind kind) {
    const DeliveredFiring& said = firing.said;
    const Terms terms = said.terms ? *said.terms : rule::plain_terms(ticker, said.condition, said.level);
    const auto evidence =
        said.evidence.empty() ? std::optional(plain_evidence(firing)) : rule::parse_evidence(said.evidence);
    const Timestamp moment = firing.price_time.value_or(firing.fired_at);
    const bool has_reason = evidence && kind != DeliveryKind::expired;
    w.begin_object()
        .field("number", said.number)
        .field("fired_at", firing.fired_at)
        .field("late_ms", milliseconds(firing.price_time, firing.fired_at))
        .field("price", firing.price)
        .field("price_time", firing.price_time)
        .field("because", text_or_null(has_reason ? rule::because(terms, *evidence, moment) : std::string()));
    rule::write_members(w, evidence.value_or(rule::Evidence{}));
    if (firing.late) write_late(w, *firing.late, "told_by");
    w.key("sources")
        .raw(firing.board.empty() ? "[]" : firing.board)
        .field("sources_as_of_ms", milliseconds(firing.price_time, firing.board_at))
        .field("revision", said.revision)
        .field("delivery_id", firing.delivery_id)
        .end_object();
}

std::string firing_json(const FiringView& firing, const Ticker& ticker) {
    JsonWriter w;
    write_firing(w, firing, ticker);
    return std::move(w).str();
}

}  // namespace pricewire::api
