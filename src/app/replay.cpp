#include "app/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/replay_symbols.hpp"
#include "app/report.hpp"
#include "base/clock.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "feed/detail/inflate.hpp"
#include "feed/frame_reader.hpp"
#include "feed/recording.hpp"
#include "feed/venue.hpp"
#include "ops/config.hpp"

namespace pricewire::app {
namespace {

// Two live at a planned renewal; a recording that goes on for days has had many.
constexpr std::size_t most_connections = 8;

struct Named {
    std::string ticker;
    std::string symbol;
};

// A token as it came, if it is null, a number or a string without escapes; anything else as a string that holds it.
std::string as_json(std::string_view token) {
    constexpr std::string_view in_numbers = "0123456789+-.eE";
    const auto is_plain = [](char c) {
        return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= ' ';
    };
    const bool is_string = token.size() >= 2 && token.front() == '"' && token.back() == '"' &&
                           std::ranges::all_of(token.substr(1, token.size() - 2), is_plain);
    if (is_string || token == "null" || token.find_first_not_of(in_numbers) == token.npos)
        return std::string(token);
    std::string out;
    append_json_string(out, token);
    return out;
}

// Writes lines to stdout. The same reason of frames that follow each other is one line.
class Printer {
public:
    // False if nobody reads them any more.
    bool quote(const std::string& line) { return flush() && put(line); }
    bool reason(std::uint64_t line, const std::string& why) {
        if (times_ > 0 && why == why_) {
            last_ = line;
            ++times_;
            return true;
        }
        if (!flush()) return false;
        why_ = why;
        first_ = last_ = line;
        times_ = 1;
        return true;
    }
    bool flush() {
        if (times_ == 0) return true;
        const std::string where = times_ == 1
                                      ? fmt::format("line {}", first_)
                                      : fmt::format("{} frames from line {} to {}", times_, first_, last_);
        times_ = 0;
        JsonWriter json;
        json.begin_object().field("reason", fmt::format("{}: {}", where, why_)).end_object();
        return put(std::move(json).str());
    }

private:
    static bool put(const std::string& line) { return std::fputs((line + "\n").c_str(), stdout) >= 0; }

    std::string why_;
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
    std::uint64_t times_ = 0;
};

class Replay {
public:
    Replay(const feed::VenueType& type, std::vector<Named> named, bool at_frame)
        : type_(type), named_(std::move(named)), at_frame_(at_frame) {
        // Quotes carry a ticker alone, and two symbols may share one: BTC-USDT and BTC-USDC.
        std::vector<feed::Instrument> instruments;
        for (std::size_t i = 0; i < named_.size(); ++i)
            instruments.push_back({Ticker(std::to_string(i)), named_[i].symbol});
        venue_ = type.create(std::move(instruments), {"wss://recording", "https://recording"});
        output_.keeps_spellings = true;
    }

    // False if nobody reads what it prints any more.
    bool play(feed::RecordingReader& reader) {
        while (const auto frame = reader.next()) {
            if (!*frame) {
                if (!printer_.reason(reader.line(), frame->error().message)) return false;
            } else if (!(*frame)->is_out && !take(**frame, reader.line())) {
                return false;
            }
        }
        return printer_.flush();
    }

private:
    bool take(const feed::RecordedFrame& frame, std::uint64_t line) {
        output_.clear();
        if (frame.at) last_at_ = frame.at;
        const Timestamp now = at_frame_ && last_at_ ? *last_at_ : system_clock().now();
        const feed::ParseResult result =
            type_.stream.url.empty()
                ? venue_->parse_answer(frame.bytes, now, output_.quotes)
                : reader_of(frame.connection).read(frame.bytes, frame.is_binary, now, output_);
        // As in a session, nothing of such a frame counts.
        if (!result) return printer_.reason(line, result.error().text);
        for (const Quote& quote : output_.quotes) {
            if (!printer_.quote(line_of(quote))) return false;
        }
        if (result->refused == 0) return true;
        return printer_.reason(line, result->refused == 1
                                         ? result->why
                                         : fmt::format("{} (and {} more)", result->why, result->refused - 1));
    }

    feed::FrameReader& reader_of(std::uint64_t connection) {
        auto& reader = readers_[connection];
        if (!reader) reader = std::make_unique<feed::FrameReader>(*venue_);
        if (readers_.size() > most_connections)
            readers_.erase(readers_.begin()->first == connection ? std::next(readers_.begin())
                                                                 : readers_.begin());
        return *reader;
    }

    std::string line_of(const Quote& quote) {
        const Named& named = named_[parse_number<std::size_t>(quote.ticker.view()).value()];
        const auto spelling = std::ranges::find_if(output_.spellings, [&](const feed::Spelling& s) {
            return s.ticker == quote.ticker && s.price == quote.price && s.time == quote.time &&
                   s.id == quote.trade_id;
        });
        std::string price = quote.price.to_string();
        std::string id = quote.trade_id ? std::to_string(*quote.trade_id) : "";
        if (spelling != output_.spellings.end()) {
            price = spelling->price_digits;
            if (!spelling->trade_id.empty()) id = as_json(spelling->trade_id);
            output_.spellings.erase(spelling);
        }
        JsonWriter json;
        json.begin_object()
            .field("ticker", named.ticker)
            .field("symbol", named.symbol)
            .field("price", price)
            .field("currency", quote.currency.view())
            .key("trade_id")
            .raw(id.empty() ? "null" : id)
            .field("time", quote.time)
            .field("live", quote.is_live)
            .end_object();
        return std::move(json).str();
    }

    const feed::VenueType& type_;
    const std::vector<Named> named_;  // as the venue's instruments
    const bool at_frame_;
    std::unique_ptr<feed::Venue> venue_;
    std::map<std::uint64_t, std::unique_ptr<feed::FrameReader>> readers_;  // by connection
    feed::StreamOutput output_;
    std::optional<Timestamp> last_at_;
    Printer printer_;
};

bool has_symbol(const std::vector<Named>& list, std::string_view symbol) {
    return std::ranges::find(list, symbol, &Named::symbol) != list.end();
}

// "BTC=BTC-USDT,ETH=ETH-USDT"
Result<std::vector<Named>> parse_symbols(const feed::VenueType& type, std::string_view text) {
    std::vector<Named> out;
    for (const std::string_view item : split_list(text)) {
        const std::size_t equals = item.find('=');
        if (equals == 0 || equals == item.npos || equals + 1 == item.size())
            return fail(fmt::format("--symbols: '{}' is not TICKER=SYMBOL", item));
        Named named{std::string(item.substr(0, equals)), std::string(item.substr(equals + 1))};
        if (!type.is_symbol(named.symbol)) {
            return fail(fmt::format("--symbols: '{}' is not a valid symbol of {}{}", named.symbol,
                                    type.name.view(),
                                    type.symbol_of("BTC") ? "; one is " + *type.symbol_of("BTC") : ""));
        }
        if (has_symbol(out, named.symbol))
            return fail(fmt::format("--symbols: '{}' is given twice", named.symbol));
        out.push_back(std::move(named));
    }
    if (out.empty()) return fail("--symbols names none: write TICKER=SYMBOL,…");
    return out;
}

// Those of the default tickers, and all that the recording names.
std::vector<Named> symbols_in(const feed::VenueType& type, feed::RecordingReader& reader) {
    NamedSymbols named(type);
    feed::detail::Inflater inflater;
    while (const auto frame = reader.next()) {
        if (!*frame) continue;
        std::string_view text = (*frame)->bytes;
        if ((*frame)->is_binary && type.stream.encoding == feed::Encoding::gzip)
            text = inflater.inflate(text).value_or("");
        named.note(text, (*frame)->is_out);
    }
    std::vector<Named> out;
    for (const std::string& ticker : ops::Config().market.tickers) {
        if (auto symbol = type.symbol_of(Ticker(ticker))) out.push_back({ticker, std::move(*symbol)});
    }
    for (std::string& symbol : named.symbols()) {
        if (!has_symbol(out, symbol)) out.push_back({ticker_in(type, symbol), std::move(symbol)});
    }
    return out;
}

std::string venue_names() {
    std::string out;
    for (const feed::VenueType* type : feed::venue_types())
        out += (out.empty() ? "" : ", ") + std::string(type->name.view());
    return out;
}

}  // namespace

int run_replay(const ops::CommandLine& command) {
    const feed::VenueType* type = feed::find_venue_type(command.venue);
    if (type == nullptr)
        return report(fmt::format("there is no venue '{}'; there are {}", command.venue, venue_names()), 2);
    if (!command.at.empty() && !equal_ignoring_case(command.at, "frame"))
        return report(
            fmt::format("--at: '{}' is not known; the one value is FRAME, the time at which each frame was "
                        "received",
                        command.at),
            2);
    std::vector<Named> named;
    if (!command.symbols.empty()) {
        auto parsed = parse_symbols(*type, command.symbols);
        if (!parsed) return report(parsed.error().message, 2);
        named = std::move(*parsed);
    } else {
        const auto reader = feed::open_recording(command.file);
        if (!reader) return report(reader.error().message, 2);
        if (!std::filesystem::is_regular_file(command.file))
            return report(
                fmt::format("{} can be read only once, so its symbols have to be named by --symbols",
                            command.file),
                2);
        named = symbols_in(*type, **reader);
    }
    const auto reader = feed::open_recording(command.file);
    if (!reader) return report(reader.error().message, 2);
    Replay(*type, std::move(named), !command.at.empty()).play(**reader);
    return 0;
}

}  // namespace pricewire::app
