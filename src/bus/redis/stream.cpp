#include "bus/redis/stream.hpp"

#include <fmt/format.h>

#include <iterator>

#include "base/text.hpp"

namespace pricewire::bus {
namespace {

constexpr std::size_t longest_feed = 64;

}  // namespace

void append_value(std::string& out, const StreamEntry& entry) {
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
    if (out.feed.empty() || out.feed.size() > longest_feed || !value.empty()) return std::nullopt;
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
