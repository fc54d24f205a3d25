#include "bus/redis/latest_json.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "base/json_writer.hpp"

namespace pricewire::bus {
namespace {

namespace json = boost::json;

std::optional<json::value> parse(std::string_view text) {
    json::error_code error;
    json::value out = json::parse(json::string_view(text.data(), text.size()), error);
    if (error) return std::nullopt;
    return out;
}

// Reads an object's members and remembers whether any was missing or of the wrong type.
class Members {
public:
    explicit Members(const json::value* value) : object_(value != nullptr ? value->if_object() : nullptr) {
        good_ = object_ != nullptr;
    }
    bool good() const { return good_; }

    bool has(std::string_view name) const {
        return object_ != nullptr && object_->if_contains({name.data(), name.size()}) != nullptr;
    }
    const json::value* get(std::string_view name) {
        const json::value* found =
            object_ != nullptr ? object_->if_contains({name.data(), name.size()}) : nullptr;
        if (found == nullptr) good_ = false;
        return found;
    }
    std::string_view text(std::string_view name) {
        const json::value* found = get(name);
        const json::string* text = found != nullptr ? found->if_string() : nullptr;
        if (text == nullptr) {
            good_ = false;
            return {};
        }
        return {text->data(), text->size()};
    }
    template <typename T>
    T number(std::string_view name) {
        const json::value* found = get(name);
        json::error_code error;
        const T out = found != nullptr ? found->to_number<T>(error) : T{};
        if (found == nullptr || error) {
            good_ = false;
            return T{};
        }
        return out;
    }
    Timestamp time(std::string_view name) { return from_micros(number<std::int64_t>(name)); }
    Decimal price(std::string_view name) {
        const auto out = Decimal::parse(text(name));
        if (!out || !out->is_positive()) good_ = false;
        return out.value_or(Decimal{});
    }
    template <typename Enum, std::size_t N>
    Enum one_of(std::string_view name, const EnumNames<Enum, N>& names) {
        const auto found = names.parse(text(name));
        if (!found) good_ = false;
        return found.value_or(Enum{});
    }

private:
    const json::object* object_;
    bool good_ = true;
};

// The word that versions before these verdicts know: they refuse a board with any other.
Verdict known_to_all(Verdict verdict) {
    switch (verdict) {
        case Verdict::foreign:
        case Verdict::off_peg:
            return Verdict::outlier;
        case Verdict::lagging:
        case Verdict::stuck:
            return Verdict::stale;
        default:
            return verdict;
    }
}

const json::array* array_of(const json::value* value) {
    return value != nullptr ? value->if_array() : nullptr;
}

void read_what_newer_feeds_say(Members& q, JudgedQuote& quote) {
    if (q.has("currency")) quote.quote.currency = q.text("currency");
    // A word that only a newer version knows leaves the verdict at the one that all know.
    if (q.has("exact_verdict"))
        quote.verdict = verdict_names.parse(q.text("exact_verdict")).value_or(quote.verdict);
    if (!q.has("dollars")) return;
    quote.dollars = q.price("dollars");
    quote.spread_bp10 = q.number<std::int64_t>("spread_bp10");
}

}  // namespace

std::string board_json(const TickerBoard& board, std::string_view feed) {
    JsonWriter w;
    w.begin_object()
        .field("feed", feed)
        .field("time", board.price ? to_micros(board.price->time) : 0)
        .field("ticker", board.ticker.view());
    w.key("price");
    if (board.price) {
        w.begin_object()
            .field("value", board.price->value.to_string())
            .field("time", to_micros(board.price->time))
            .field("sequence", board.price->sequence)
            .end_object();
    } else {
        w.value(nullptr);
    }
    if (board.unpriced_since) w.field("unpriced_since", to_micros(*board.unpriced_since));
    if (board.band) w.field("low", board.band->low.to_string()).field("high", board.band->high.to_string());
    w.field("sources", board.sources).field("note", board.note);
    w.key("quotes").begin_array();
    for (const JudgedQuote& q : board.quotes) {
        w.begin_object()
            .field("source", q.quote.source.view())
            .field("kind", to_string(q.quote.kind))
            .field("price", q.quote.price.to_string())
            .field("currency", q.quote.currency.view())
            .field("time", to_micros(q.quote.time))
            .field("received_at", to_micros(q.quote.received_at))
            .field("verdict", to_string(known_to_all(q.verdict)))
            .field("exact_verdict", to_string(q.verdict));
        if (q.dollars) w.field("dollars", q.dollars->to_string()).field("spread_bp10", q.spread_bp10);
        w.end_object();
    }
    w.end_array().end_object();
    return std::move(w).str();
}

std::optional<TickerBoard> parse_board(std::string_view text) {
    const auto parsed = parse(text);
    if (!parsed) return std::nullopt;
    TickerBoard out;
    Members board(&*parsed);
    out.ticker = board.text("ticker");
    if (!is_ticker(out.ticker)) return std::nullopt;
    if (const json::value* price = board.get("price"); price != nullptr && !price->is_null()) {
        Members p(price);
        out.price = Price{out.ticker, p.price("value"), p.time("time"), p.number<std::uint64_t>("sequence")};
        if (!p.good()) return std::nullopt;
    }
    // What an older feed does not say.
    if (board.has("unpriced_since")) out.unpriced_since = board.time("unpriced_since");
    if (board.has("low")) out.band = PriceBand{board.price("low"), board.price("high")};
    if (board.has("sources")) out.sources = board.number<int>("sources");
    if (board.has("note")) out.note = board.text("note");
    const json::array* quotes = array_of(board.get("quotes"));
    if (quotes == nullptr || !board.good()) return std::nullopt;
    for (const json::value& value : *quotes) {
        Members q(&value);
        JudgedQuote quote;
        quote.quote.source = q.text("source");
        quote.quote.kind = q.one_of("kind", source_kind_names);
        quote.quote.ticker = out.ticker;
        quote.quote.price = q.price("price");
        quote.quote.time = q.time("time");
        quote.quote.received_at = q.time("received_at");
        quote.verdict = q.one_of("verdict", verdict_names);
        read_what_newer_feeds_say(q, quote);
        if (!q.good()) return std::nullopt;
        out.quotes.push_back(quote);
    }
    return out;
}

std::string sources_json(std::span<const SourceReport> sources) {
    JsonWriter w;
    w.begin_array();
    for (const SourceReport& s : sources) {
        w.begin_object()
            .field("name", s.name.view())
            .field("condition", to_string(s.condition))
            .field("detail", s.detail);
        w.key("last_quote_at");
        if (s.last_quote_at) {
            w.value(to_micros(*s.last_quote_at));
        } else {
            w.value(nullptr);
        }
        w.field("kind", to_string(s.kind)).field("title", s.title).field("state", s.state).end_object();
    }
    w.end_array();
    return std::move(w).str();
}

std::optional<std::vector<SourceReport>> parse_sources(std::string_view text) {
    const auto parsed = parse(text);
    const json::array* sources = parsed ? array_of(&*parsed) : nullptr;
    if (sources == nullptr) return std::nullopt;
    std::vector<SourceReport> out;
    for (const json::value& value : *sources) {
        Members s(&value);
        SourceReport report;
        report.name = s.text("name");
        report.condition = s.one_of("condition", source_condition_names);
        report.detail = s.text("detail");
        if (const json::value* at = s.get("last_quote_at"); at != nullptr && !at->is_null())
            report.last_quote_at = s.time("last_quote_at");
        // What an older feed does not say.
        if (s.has("kind")) report.kind = s.one_of("kind", source_kind_names);
        if (s.has("title")) report.title = s.text("title");
        if (s.has("state")) report.state = s.text("state");
        if (!s.good()) return std::nullopt;
        out.push_back(std::move(report));
    }
    return out;
}

void merge_sources(std::vector<SourceReport>& all, std::vector<SourceReport> more) {
    for (SourceReport& report : more) {
        const auto known = std::find_if(all.begin(), all.end(),
                                        [&](const SourceReport& s) { return s.name == report.name; });
        if (known == all.end()) {
            all.push_back(std::move(report));
        } else if (report.condition < known->condition ||
                   (report.condition == known->condition && report.last_quote_at > known->last_quote_at)) {
            *known = std::move(report);
        }
    }
}

}  // namespace pricewire::bus
