#include "api/gap_reasons.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "rule/evidence.hpp"

namespace pricewire::api {
namespace {

constexpr std::size_t most_spans = 1000;  // of a ticker, the newest
// A time in which feeds ran and heard exchanges is not stored as blind.
constexpr std::string_view none_valid = "no source had a valid price";
// What a blind time was is stored this long after its end, at the latest.
constexpr Duration stored_within = std::chrono::seconds{15};

using Spans = std::map<Ticker, std::vector<BlindSpan>>;

// The reason of each span within the gap, once; empty if it is not known yet.
std::string reason_of(const rule::BlindGap& gap, const std::vector<Ticker>& tickers, const Spans& spans,
                      Timestamp now) {
    std::vector<std::string_view> reasons;
    for (const Ticker& ticker : tickers) {
        const auto& known = spans.at(ticker);
        for (auto span = known.rbegin(); span != known.rend(); ++span) {
            const bool overlaps = span->from < gap.to && (!span->to || *span->to > gap.from);
            if (overlaps && std::ranges::find(reasons, span->reason) == reasons.end())
                reasons.emplace_back(span->reason);
        }
    }
    if (reasons.empty() && now - gap.to >= stored_within) reasons.emplace_back(none_valid);
    return fmt::format("{}", fmt::join(reasons, "; "));
}

}  // namespace

void tell_gap_reasons(storage::BlindSpans& blind, const std::vector<std::pair<FiringView*, Ticker>>& firings,
                      Timestamp now) {
    struct Unexplained {
        FiringView* firing;
        rule::Evidence evidence;
        std::vector<Ticker> tickers;
    };
    std::vector<Unexplained> all;
    std::map<Ticker, Timestamp> since;
    for (const auto& [firing, ticker] : firings) {
        const DeliveredFiring& said = firing->said;
        auto evidence = rule::parse_evidence(said.evidence.empty() ? "{}" : said.evidence);
        if (!evidence || evidence->blind.empty()) continue;
        Unexplained one{firing, std::move(*evidence),
                        said.terms ? tickers_of(*said.terms) : std::vector{ticker}};
        for (const Ticker& watched : one.tickers) {
            Timestamp& first = since.try_emplace(watched, Timestamp::max()).first->second;
            for (const rule::BlindGap& gap : one.evidence.blind) first = std::min(first, gap.from);
        }
        all.push_back(std::move(one));
    }
    Spans spans;
    for (const auto& [ticker, from] : since) spans[ticker] = blind.blind_spans(ticker, from, most_spans);
    for (Unexplained& one : all) {
        for (rule::BlindGap& gap : one.evidence.blind) {
            if (gap.reason.empty()) gap.reason = reason_of(gap, one.tickers, spans, now);
        }
        one.firing->said.evidence = rule::to_json(one.evidence);
    }
}

void tell_gap_reasons(storage::BlindSpans& blind, std::span<DeliveryView> deliveries, Timestamp now) {
    std::vector<std::pair<FiringView*, Ticker>> firings;
    for (DeliveryView& delivery : deliveries) {
        if (delivery.firing) firings.emplace_back(&*delivery.firing, delivery.ticker);
    }
    tell_gap_reasons(blind, firings, now);
}

}  // namespace pricewire::api
