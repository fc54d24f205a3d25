#include "api/stored_past.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pricewire::api {

using namespace std::chrono_literals;

rule::Past stored_past(storage::Storage& storage) {
    const auto bars = [&storage](Duration interval) {
        return [&storage, interval](const Ticker& ticker, Timestamp from, Timestamp to) {
            const auto all = static_cast<std::size_t>(rule::longest_simulation / interval) + 2;
            return storage.bars(ticker, interval, from, to, all);
        };
    };
    rule::Past past;
    past.hours = bars(1h);
    past.minutes = bars(1min);
    past.last_minute = [&storage](const Ticker& ticker, Timestamp before) -> std::optional<Bar> {
        auto last = storage.bars(ticker, 1min, before - rule::longest_simulation, before, 1);
        return last.empty() ? std::nullopt : std::optional(std::move(last.front()));
    };
    past.blind = [&storage](const Ticker& ticker, Timestamp from, Timestamp to) {
        std::vector<std::pair<Timestamp, Timestamp>> out;
        for (const BlindSpan& span : storage.blind_spans(ticker, from, max_gaps)) {
            const std::pair within{std::max(span.from, from), std::min(span.to.value_or(to), to)};
            if (within.first < within.second) out.push_back(within);
        }
        std::reverse(out.begin(), out.end());
        return out;
    };
    return past;
}

rule::Past stored_past(Services& services, Duration most) {
    rule::Past past = stored_past(services.use.storage);
    past.price = [&services](const Ticker& ticker) -> std::optional<rule::Point> {
        const auto board = services.use.bus.board(ticker);
        if (!board || !board->price) return std::nullopt;
        return rule::Point{board->price->value, board->price->time};
    };
    past.stop = [&services, until = services.use.clock.mono() + most] {
        return services.use.clock.mono() >= until;
    };
    return past;
}

std::string spelled_out(Duration d) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(d);
    const auto hours = std::chrono::floor<std::chrono::hours>(seconds);
    const auto minutes = std::chrono::floor<std::chrono::minutes>(seconds - hours);
    const auto rest = seconds - hours - minutes;
    std::string out;
    if (hours > 0h) out += fmt::format("{}h", hours.count());
    if (minutes > 0min) out += fmt::format("{}m", minutes.count());
    if (rest > 0s || out.empty()) out += fmt::format("{}s", rest.count());
    return out;
}

}  // namespace pricewire::api
