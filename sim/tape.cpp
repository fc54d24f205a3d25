#include "sim/tape.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <queue>
#include <random>
#include <stdexcept>

#include "base/text.hpp"

namespace pricewire::sim {
namespace {

constexpr std::size_t max_line = 1 << 20;

// Lines of a file, gzipped or plain: zlib reads both.
class Lines {
public:
    explicit Lines(const std::filesystem::path& file)
        : name_(file.string()), file_(gzopen(name_.c_str(), "rb")) {
        if (file_ == nullptr) throw std::runtime_error(fmt::format("cannot open {}", name_));
    }
    ~Lines() { gzclose(file_); }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    bool next(std::string& line) {
        line.clear();
        std::array<char, 16384> piece;
        while (gzgets(file_, piece.data(), piece.size()) != nullptr) {
            line += piece.data();
            if (line.size() > max_line)
                throw std::runtime_error(fmt::format("{}: a line is too long", name_));
            if (line.ends_with('\n')) {
                line.pop_back();
                return true;
            }
        }
        int error = Z_OK;
        const char* text = gzerror(file_, &error);
        if (error != Z_OK) throw std::runtime_error(fmt::format("{}: {}", name_, text));
        return !line.empty();
    }
    const std::string& name() const { return name_; }

private:
    std::string name_;
    gzFile file_;
};

// The text between `before` and the next quote; recordings are trusted to be what the exchange wrote.
std::string_view between(std::string_view text, std::string_view before) {
    const std::size_t at = text.find(before);
    if (at == std::string_view::npos) return {};
    text.remove_prefix(at + before.size());
    return text.substr(0, text.find('"'));
}

class FrameTape final : public Tape {
public:
    explicit FrameTape(const std::filesystem::path& file) : lines_(file) {}

    std::optional<TapeTrade> next() override {
        std::string line;
        while (lines_.next(line)) {
            std::string_view rest = line;
            const auto nanoseconds = parse_number<std::int64_t>(take_part(rest, ' '));
            if (!nanoseconds)
                throw std::runtime_error(fmt::format("{}: a line without a time", lines_.name()));
            const Duration at{*nanoseconds / 1000};
            std::string frame(rest);
            if (!between(frame, "\"stream\":\"").ends_with("@trade")) continue;
            const auto price = Decimal::parse(between(frame, "\"p\":\""));
            if (!price) throw std::runtime_error(fmt::format("{}: a trade without a price", lines_.name()));
            std::string symbol(between(frame, "\"s\":\""));
            return TapeTrade{at, std::move(symbol), *price, std::move(frame)};
        }
        return std::nullopt;
    }

private:
    Lines lines_;
};

class BarTape final : public Tape {
public:
    BarTape(const std::filesystem::path& file, std::string symbol, int steps)
        : lines_(file), symbol_(std::move(symbol)), steps_(std::max(steps, 1)) {
        std::string header;
        lines_.next(header);
    }

    std::optional<TapeTrade> next() override {
        if (position_ == leg_prices_.size() && !read_bar()) return std::nullopt;
        constexpr Duration minute = std::chrono::minutes{1};
        const Duration at = minute * (bars_read_ - 1) + minute * static_cast<std::int64_t>(position_) /
                                                            static_cast<std::int64_t>(leg_prices_.size());
        return TapeTrade{at, symbol_, leg_prices_[position_++], {}};
    }

private:
    bool read_bar() {
        std::string line;
        if (!lines_.next(line)) return false;
        std::array<Decimal, 4> ohlc;
        std::size_t from = line.find(',') + 1;
        for (Decimal& value : ohlc) {
            const std::size_t to = line.find(',', from);
            const auto parsed = Decimal::parse(std::string_view(line).substr(from, to - from));
            if (!parsed) throw std::runtime_error(fmt::format("{}: bad bar: {}", lines_.name(), line));
            value = *parsed;
            from = to + 1;
        }
        const auto [open, high, low, close] = ohlc;
        const bool rose = close >= open;
        const std::array<Decimal, 4> path{open, rose ? low : high, rose ? high : low, close};
        leg_prices_.clear();
        for (std::size_t leg = 0; leg + 1 < path.size(); ++leg) {
            const Decimal::Raw from_raw = path[leg].raw();
            const Decimal::Raw distance = path[leg + 1].raw() - from_raw;
            for (int i = 0; i < steps_; ++i)
                leg_prices_.push_back(Decimal::from_raw(from_raw + distance / steps_ * i));
        }
        leg_prices_.push_back(close);
        position_ = 0;
        ++bars_read_;
        return true;
    }

    Lines lines_;
    std::string symbol_;
    int steps_;
    std::vector<Decimal> leg_prices_;
    std::size_t position_ = 0;
    std::int64_t bars_read_ = 0;
};

class TradeTape final : public Tape {
public:
    explicit TradeTape(const std::filesystem::path& file) : lines_(file) {
        std::string header;
        lines_.next(header);
    }

    std::optional<TapeTrade> next() override {
        std::string line;
        if (!lines_.next(line)) return std::nullopt;
        const auto fields = split_list(line);
        const auto at = fields.size() == 6 ? parse_number<std::int64_t>(fields[0]) : std::nullopt;
        const auto price = at ? Decimal::parse(fields[3]) : fail("");
        const auto age = price ? parse_number<std::int64_t>(fields[4]) : std::nullopt;
        if (!age) throw std::runtime_error(fmt::format("{}: bad trade: {}", lines_.name(), line));
        using std::chrono::milliseconds;
        return TapeTrade{.at = milliseconds{*at},
                         .symbol = std::string(fields[2]),
                         .price = *price,
                         .venue = std::string(fields[1]),
                         .age = milliseconds{*age},
                         .again = fields[5] == "1"};
    }

private:
    Lines lines_;
};

class GeneratedTape final : public Tape {
public:
    explicit GeneratedTape(GeneratedMarket market) : market_(std::move(market)), rng_(market_.seed) {
        for (const auto& [symbol, start] : market_.start) walks_.push_back({symbol, std::log(start), 0});
        const double per_minute = market_.trades_per_second * 60;
        step_sigma_ = market_.sigma_per_minute / std::sqrt(per_minute);
    }

    std::optional<TapeTrade> next() override {
        Walk& walk = walks_[turn_];
        const auto total = static_cast<double>(count_ * walks_.size() + turn_);
        const Duration at{static_cast<std::int64_t>(total / static_cast<double>(walks_.size()) /
                                                    market_.trades_per_second * 1e6)};
        if (market_.length && at > *market_.length) return std::nullopt;
        // A weak pull towards the start keeps an endless market within bounds that look like a market.
        walk.offset += normal_(rng_) * step_sigma_ - walk.offset * 2e-5;
        if (++turn_ == walks_.size()) {
            turn_ = 0;
            ++count_;
        }
        return TapeTrade{at, walk.symbol, to_price(std::exp(walk.log_start + walk.offset)), {}};
    }

private:
    struct Walk {
        std::string symbol;
        double log_start;
        double offset;
    };

    GeneratedMarket market_;
    std::mt19937_64 rng_;
    std::normal_distribution<double> normal_;
    std::vector<Walk> walks_;
    double step_sigma_ = 0;
    std::size_t turn_ = 0;
    std::uint64_t count_ = 0;
};

class RampTape final : public Tape {
public:
    RampTape(std::string symbol, Decimal from, Decimal step, std::uint64_t count, Duration interval)
        : symbol_(std::move(symbol)), price_(from), step_(step), left_(count), interval_(interval) {}

    std::optional<TapeTrade> next() override {
        if (left_ == 0) return std::nullopt;
        --left_;
        TapeTrade trade{at_, symbol_, price_, {}};
        at_ += interval_;
        price_ = price_ + step_;
        return trade;
    }

private:
    std::string symbol_;
    Decimal price_;
    Decimal step_;
    std::uint64_t left_;
    Duration interval_;
    Duration at_{};
};

class MergedTape final : public Tape {
public:
    explicit MergedTape(std::vector<std::unique_ptr<Tape>> tapes) : tapes_(std::move(tapes)) {
        for (std::size_t i = 0; i < tapes_.size(); ++i) refill(i);
        // Recordings carry wall-clock times: the earliest one becomes the start.
        for (const Head& head : heads_) start_ = std::min(start_, head.trade.at);
        std::make_heap(heads_.begin(), heads_.end(), later);
    }

    std::optional<TapeTrade> next() override {
        if (heads_.empty()) return std::nullopt;
        std::pop_heap(heads_.begin(), heads_.end(), later);
        Head head = std::move(heads_.back());
        heads_.pop_back();
        if (refill(head.tape)) std::push_heap(heads_.begin(), heads_.end(), later);
        head.trade.at -= start_;
        return std::move(head.trade);
    }

private:
    struct Head {
        TapeTrade trade;
        std::size_t tape;
    };
    // Ties go to the tape named first, so that a merge is the same every time.
    static bool later(const Head& a, const Head& b) {
        return std::pair(a.trade.at, a.tape) > std::pair(b.trade.at, b.tape);
    }
    bool refill(std::size_t tape) {
        auto trade = tapes_[tape]->next();
        if (!trade) return false;
        heads_.push_back({std::move(*trade), tape});
        return true;
    }

    std::vector<std::unique_ptr<Tape>> tapes_;
    std::vector<Head> heads_;
    Duration start_ = Duration::max();
};

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const std::size_t at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

Result<std::unique_ptr<Tape>> open_ramp(const std::vector<std::string>& parts) {
    if (parts.size() < 5 || parts.size() > 6) return fail("a ramp is ramp:SYMBOL:FROM:STEP:COUNT[:INTERVAL]");
    const auto from = Decimal::parse(parts[2]);
    const auto step = Decimal::parse(parts[3]);
    const auto count = parse_number<std::uint64_t>(parts[4]);
    const auto interval = parse_duration(parts.size() == 6 ? parts[5] : "10ms");
    if (!from || !step || !count || !interval) {
        return fail("a ramp is ramp:SYMBOL:FROM:STEP:COUNT[:INTERVAL]");
    }
    return ramp(parts[1], *from, *step, *count, *interval);
}

}  // namespace

Decimal to_price(double value) {
    const int places = value >= 1000 ? 2 : value >= 1 ? 4 : value >= 0.01 ? 6 : 12;
    return Decimal::parse(fmt::format("{:.{}f}", value, places)).value();
}

std::unique_ptr<Tape> open_frames(const std::filesystem::path& file) {
    return std::make_unique<FrameTape>(file);
}

std::unique_ptr<Tape> open_bars(const std::filesystem::path& file, const std::string& symbol, int steps) {
    return std::make_unique<BarTape>(file, symbol, steps);
}

std::unique_ptr<Tape> open_trades(const std::filesystem::path& file) {
    return std::make_unique<TradeTape>(file);
}

std::unique_ptr<Tape> generate_market(const GeneratedMarket& market) {
    return std::make_unique<GeneratedTape>(market);
}

std::unique_ptr<Tape> ramp(const std::string& symbol, Decimal from, Decimal step, std::uint64_t count,
                           Duration interval) {
    return std::make_unique<RampTape>(symbol, from, step, count, interval);
}

std::unique_ptr<Tape> merge(std::vector<std::unique_ptr<Tape>> tapes) {
    return std::make_unique<MergedTape>(std::move(tapes));
}

Result<std::unique_ptr<Tape>> open_market(const std::string& description) {
    const auto parts = split(description, ':');
    if (parts[0] == "generated") {
        GeneratedMarket market;
        if (parts.size() > 1) {
            const auto seed = parse_number<decltype(market.seed)>(parts[1]);
            if (!seed) return fail("generated:SEED takes a whole number");
            market.seed = *seed;
        }
        return generate_market(market);
    }
    if (parts[0] == "ramp") return open_ramp(parts);
    std::vector<std::unique_ptr<Tape>> tapes;
    try {
        for (const std::string& file : split(description, ',')) {
            const std::string name = std::filesystem::path(file).filename().string();
            if (name.ends_with(".jsonl.gz")) {
                tapes.push_back(open_frames(file));
            } else if (name.ends_with(".trades")) {
                tapes.push_back(open_trades(file));
            } else if (name.ends_with(".csv.gz") || name.ends_with(".csv")) {
                tapes.push_back(open_bars(file, name.substr(0, name.find('-')), 5));
            } else {
                return fail(fmt::format(
                    "'{}' is not a market: generated[:SEED], ramp:…, *.jsonl.gz, *.csv[.gz] or *.trades",
                    file));
            }
        }
        return merge(std::move(tapes));
    } catch (const std::runtime_error& e) {
        return fail(e.what());
    }
}

}  // namespace pricewire::sim
