#include "fakes/bad_day.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <tuple>

namespace pricewire::bad_days {
namespace {

using namespace std::chrono_literals;

constexpr Duration figures_every = 30s;
constexpr Duration rates_every = 1s;

Duration seconds(double count) {
    return Duration{static_cast<std::int64_t>(std::llround(count * 1e6))};
}

class Reader {
public:
    explicit Reader(const std::filesystem::path& file) : file_(file) {
        std::ifstream in(file);
        if (!in) fail("cannot be read");
        for (std::string text; std::getline(in, text);) {
            ++line_;
            words_.str(text.substr(0, text.find('#')));
            words_.clear();
            std::string first;
            if (words_ >> first) read(first);
        }
        std::ranges::sort(day_.steps, [](const Step& a, const Step& b) {
            return std::pair(a.at, a.number) < std::pair(b.at, b.number);
        });
        if (day_.truth.empty()) fail("there is no truth");
    }
    Day day() && { return std::move(day_); }

private:
    [[noreturn]] void fail(std::string_view why) const {
        throw std::runtime_error(fmt::format("{}:{}: {}", file_.string(), line_, why));
    }
    std::string word() {
        std::string out;
        if (!(words_ >> out)) fail("a word is missing");
        return out;
    }
    double number() {
        double out = 0;
        if (!(words_ >> out)) fail("a number is missing");
        return out;
    }
    Source& source(const std::string& name) {
        const auto found = std::ranges::find(day_.sources, name, &Source::name);
        if (found != day_.sources.end()) return *found;
        day_.sources.push_back({.name = name, .owner = name});
        return day_.sources.back();
    }

    void read(const std::string& first) {
        if (first.find_first_not_of("0123456789.") == std::string::npos)
            return read_step(seconds(std::stod(first)));
        if (first == "ticker") {
            day_.ticker = word();
        } else if (first == "source") {
            Source& added = source(word());
            added.trades_ticker = true;
            added.currency = word();
            added.weight = static_cast<int>(number());
            if (std::string owner; words_ >> owner) added.owner = owner;
        } else if (first == "aggregator") {
            Source& added = source(word());
            added.kind = SourceKind::aggregator;
            added.trades_ticker = true;
        } else if (first == "rates") {
            for (std::string name; words_ >> name;) source(name).trades_rates = true;
        } else if (first == "trades") {
            day_.trades_every = std::chrono::milliseconds{static_cast<int>(number())};
        } else if (first == "noise") {
            day_.noise_bp = number();
        } else if (first == "for") {
            day_.length = seconds(number());
        } else if (first == "within") {
            day_.within_bp = number();
            if (std::string at; words_ >> at) {
                word();
                day_.least_sources = static_cast<int>(number());
            }
        } else if (first == "gaps") {
            day_.gaps_allowed = word() == "allowed";
        } else if (first == "counts") {
            word();
            day_.counts_from = seconds(number());
        } else {
            fail("unknown: " + first);
        }
    }

    void read_step(Duration at) {
        const std::string name = word();
        if (name == "truth") return day_.truth.add(at, number());
        if (name == "rate") {
            const std::string currency = word();
            return day_.rates[currency].add(at, number());
        }
        if (std::ranges::find(day_.sources, name, &Source::name) == day_.sources.end())
            fail("no such source: " + name);
        static const std::map<std::string, Step::Kind> kinds{
            {"at", Step::Kind::at},          {"times", Step::Kind::times}, {"repeats", Step::Kind::repeats},
            {"behind", Step::Kind::behind},  {"clock", Step::Kind::clock}, {"silent", Step::Kind::silent},
            {"follows", Step::Kind::follows}};
        const std::string verb = word();
        const auto kind = kinds.find(verb);
        if (kind == kinds.end()) fail("unknown: " + verb);
        Step step{at, day_.steps.size(), name, kind->second};
        if (kind->second <= Step::Kind::times || kind->second == Step::Kind::behind ||
            kind->second == Step::Kind::clock)
            step.value = number();
        day_.steps.push_back(std::move(step));
    }

    const std::filesystem::path file_;
    int line_ = 0;
    std::istringstream words_;
    Day day_;
};

// Trades of one source, which are the same for the same seed, whatever the others do.
class Trader {
public:
    Trader(const Day& day, const Source& source, std::uint64_t seed)
        : day_(day), source_(source), random_(seed) {}

    // A trade of `ticker` at `at`; nullopt while it is silent.
    std::optional<Quote> trade(const Step& now, const std::string& ticker, const Path& dollars, Duration at,
                               Timestamp start) {
        if (now.kind == Step::Kind::silent) return std::nullopt;
        if (now.kind == Step::Kind::repeats && last_) {
            last_->received_at = start + at;
            return last_;
        }
        const bool is_rate = ticker != day_.ticker;
        const Duration made = now.kind == Step::Kind::behind ? at - seconds(now.value) : at;
        double price = dollars.at(made) * (1 + std::uniform_real_distribution(-1.0, 1.0)(random_) *
                                                   (is_rate ? 0.1 : day_.noise_bp) / 10'000);
        const std::string currency = is_rate ? "USD" : source_.currency;
        if (!is_rate) {
            price /= day_.rate(currency, made);
            if (now.kind == Step::Kind::at) price = now.value;
            if (now.kind == Step::Kind::times) price *= now.value;
        }
        Quote quote{SourceName(source_.name),
                    source_.kind,
                    Ticker(ticker),
                    Decimal::parse(fmt::format("{:.{}f}", price, price < 10 ? 6 : 2)).value(),
                    start + made + (now.kind == Step::Kind::clock ? seconds(now.value) : Duration{}),
                    start + at,
                    Currency(currency)};
        if (source_.kind == SourceKind::aggregator) {
            quote.time -= figures_every;
        } else {
            quote.trade_id = ++id_;
        }
        return last_ = quote;
    }

private:
    const Day& day_;
    const Source& source_;
    std::mt19937_64 random_;
    std::uint64_t id_ = 0;
    std::optional<Quote> last_;
};

Step step_of(const Day& day, const std::string& source, Duration at) {
    Step now;
    for (const Step& step : day.steps) {
        if (step.at > at) break;
        if (step.source == source) now = step;
    }
    return now;
}

}  // namespace

double Path::at(Duration when) const {
    if (when <= points_.front().first) return points_.front().second;
    for (std::size_t i = 1; i < points_.size(); ++i) {
        const auto& [from, low] = points_[i - 1];
        const auto& [to, high] = points_[i];
        if (when < to)
            return low + (high - low) * static_cast<double>((when - from).count()) /
                             static_cast<double>((to - from).count());
    }
    return points_.back().second;
}

std::pair<double, double> Path::range(Duration from, Duration to) const {
    std::pair<double, double> out = std::minmax({at(from), at(to)});
    for (const auto& [when, value] : points_) {
        if (when < from || when > to) continue;
        out.first = std::min(out.first, value);
        out.second = std::max(out.second, value);
    }
    return out;
}

double Day::rate(const std::string& currency, Duration at) const {
    const auto found = rates.find(currency);
    return found == rates.end() ? 1 : found->second.at(at);
}

Day read(const std::filesystem::path& file) {
    return Reader(file).day();
}

std::vector<Quote> quotes_of(const Day& day, Timestamp start, std::uint64_t seed) {
    std::vector<Quote> out;
    for (const Source& source : day.sources) {
        std::mt19937_64 random(seed + std::hash<std::string>{}(source.name));
        const auto play = [&](const std::string& ticker, const Path& path, Duration every) {
            Trader trader(day, source, random());
            for (Duration at{static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(every.count()))};
                 at < day.length; at += every) {
                if (auto quote = trader.trade(step_of(day, source.name, at), ticker, path, at, start))
                    out.push_back(*quote);
            }
        };
        if (source.trades_ticker) {
            play(day.ticker, day.truth,
                 source.kind == SourceKind::aggregator ? figures_every : day.trades_every);
        }
        if (!source.trades_rates) continue;
        for (const char* currency : {"USDT", "USDC"}) {
            Path one;
            one.add({}, 1);
            const auto rate = day.rates.find(currency);
            play(currency, rate == day.rates.end() ? one : rate->second, rates_every);
        }
    }
    std::ranges::sort(out, [](const Quote& a, const Quote& b) {
        return std::tie(a.received_at, a.source, a.ticker) < std::tie(b.received_at, b.source, b.ticker);
    });
    return out;
}

}  // namespace pricewire::bad_days
