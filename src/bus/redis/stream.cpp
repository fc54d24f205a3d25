#include "bus/redis/stream.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "base/text.hpp"

namespace pricewire::bus {
namespace {

constexpr std::size_t longest_feed = 64;

bool is_feed(std::string_view text) {
    return !text.empty() && text.size() <= longest_feed;
}

void append_heard(std::string& out, const StreamEntry& entry) {
    const auto to = std::back_inserter(out);
    fmt::format_to(to, "{} {} {}", entry.number, to_micros(entry.heard->time), entry.feed);
    char before = ' ';
    for (const Unheard& unheard : entry.heard->unheard) {
        fmt::format_to(to, "{}{}", std::exchange(before, ','), unheard.ticker.view());
        if (unheard.since) fmt::format_to(to, ":{}", to_micros(*unheard.since));
    }
}

std::optional<Unheard> parse_unheard(std::string_view text) {
    const bool is_timed = text.find(':') != std::string_view::npos;
    const std::string_view ticker = take_part(text, ':');
    if (!is_ticker(ticker)) return std::nullopt;
    Unheard out{Ticker(ticker), std::nullopt};
    if (!is_timed) return out;
    const auto since = parse_number<std::int64_t>(text);
    if (!since) return std::nullopt;
    out.since = from_micros(*since);
    return out;
}

std::optional<StreamEntry> parse_heard(std::string_view value) {
    StreamEntry out;
    Heard heard;
    const auto number = parse_number<std::uint64_t>(take_part(value, ' '));
    const auto time = parse_number<std::int64_t>(take_part(value, ' '));
    if (!number || !time) return std::nullopt;
    out.number = *number;
    heard.time = from_micros(*time);
    out.feed = take_part(value, ' ');
    if (!is_feed(out.feed)) return std::nullopt;
    while (!value.empty()) {
        const auto unheard = parse_unheard(take_part(value, ','));
        if (!unheard) return std::nullopt;
        heard.unheard.push_back(*unheard);
    }
    out.heard = std::make_shared<const Heard>(std::move(heard));
    return out;
}

}  // namespace

void append_value(std::string& out, const StreamEntry& entry) {
    if (entry.heard) return append_heard(out, entry);
    const auto to = std::back_inserter(out);
    const Price& p = entry.price;
    if (entry.gone) {
        fmt::format_to(to, "{} {} {} {}", entry.number, p.ticker.view(), to_micros(p.time), entry.feed);
    } else {
        fmt::format_to(to, "{} {} {} {} {} {}", entry.number, p.ticker.view(), p.value.to_string(),
                       to_micros(p.time), p.sequence, entry.feed);
    }
}

std::optional<StreamEntry> parse_entry(std::string_view field, std::string_view value) {
    if (field == heard_field) return parse_heard(value);
    StreamEntry out;
    out.gone = field == gone_field;
    if (!out.gone && field != price_field) return std::nullopt;
    const auto entry_number = parse_number<std::uint64_t>(take_part(value, ' '));
    const std::string_view ticker = take_part(value, ' ');
    if (!entry_number || !is_ticker(ticker)) return std::nullopt;
    out.number = *entry_number;
    out.price.ticker = ticker;
    if (!out.gone) {
        const auto price = Decimal::parse(take_part(value, ' '));
        if (!price || !price->is_positive()) return std::nullopt;
        out.price.value = *price;
    }
    const auto time = parse_number<std::int64_t>(take_part(value, ' '));
    if (!time) return std::nullopt;
    out.price.time = from_micros(*time);
    if (!out.gone) {
        const auto sequence = parse_number<std::uint64_t>(take_part(value, ' '));
        if (!sequence) return std::nullopt;
        out.price.sequence = *sequence;
    }
    out.feed = take_part(value, ' ');
    if (!is_feed(out.feed) || !value.empty()) return std::nullopt;
    return out;
}

std::string to_text(BusPosition position) {
    return fmt::format("{}-{}", position.ms, position.sequence);
}

std::optional<BusPosition> parse_position(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto ms = parse_number<std::uint64_t>(text.substr(0, dash));
    const auto sequence = parse_number<std::uint64_t>(text.substr(dash + 1));
    if (!ms || !sequence) return std::nullopt;
    return BusPosition{*ms, *sequence};
}

}  // namespace pricewire::bus
