// The whole program as users see it: idle memory, what its feeds take, and with a million alerts in one process, in a
// cluster of four and beside a floor, in turn: start, from a price to its webhook, 10,000 webhooks of one price.
//   system_bench [idle|feeds|firing [ALERTS]|burst [ALERTS]|size ALERTS CHECKERS]
// size: a cluster alone, with as many alerts and checkers as are named; not part of all.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "base/decimal.hpp"
#include "base/text.hpp"
#include "deployed.hpp"
#include "fsync_and_post.hpp"
#include "programs.hpp"
#include "receiver.hpp"
#include "report.hpp"
#include "sim/exchange_sim.hpp"
#include "sim/venues/venue.hpp"
#include "span_times.hpp"
#include "support/process.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using perf::Deployed;
using perf::environment;
using perf::shared_servers;
using perf::start;
using perf::start_sim;
using perf::use_of;
using perf::wait_for_client;

void idle_memory() {
    const test::TempDir dir;
    const auto sim = start_sim();
    const auto running = start(dir, environment(dir, sim->port()));
    wait_for_client(*sim);
    std::this_thread::sleep_for(3s);
    perf::row("resident memory at idle", fmt::format("{:.1f} MB", use_of(running.process.pid()).resident_mb),
              "<= 30 MB");
}

// All venues' streams in one process that has nothing else to do, each trade made at one of them.
void feeds(int per_second) {
    const test::TempDir dir;
    const auto sim = start_sim();
    auto env = environment(dir, sim->port());
    std::istringstream settings(sim->source_settings());
    for (std::string line; std::getline(settings, line);)
        env[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    std::vector<std::string> venues;
    for (const sim::SimVenue* venue : sim::sim_venues()) {
        env["PRICEWIRE_SOURCES_" + upper_case(venue->name) + "_ENABLED"] = "true";
        if (!venue->ws_path.empty()) venues.emplace_back(venue->name);
    }
    const auto running = start(dir, env);
    while (sim->stream_clients() < venues.size()) std::this_thread::sleep_for(5ms);
    const std::array<std::pair<const char*, Decimal>, 5> pairs{{{"BTCUSDT", Decimal::from_int(65'000)},
                                                                {"ETHUSDT", Decimal::from_int(3'100)},
                                                                {"SOLUSDT", Decimal::from_int(142)},
                                                                {"BNBUSDT", Decimal::from_int(580)},
                                                                {"DOGEUSDT", *Decimal::parse("0.1423")}}};
    constexpr auto warm_up = 5s;
    constexpr auto measured = 15s;
    auto next = Clock::now();
    const auto from = next + warm_up;
    const auto until = from + measured;
    double before = 0;
    int trades = 0;
    for (int i = 0; next < until; ++i) {
        std::this_thread::sleep_until(next += std::chrono::microseconds{1'000'000 / per_second});
        if (before == 0 && next >= from) before = use_of(running.process.pid()).cpu_seconds;
        const auto& [symbol, price] = pairs[static_cast<std::size_t>(i) % pairs.size()];
        sim->trade(symbol, price + Decimal::from_raw(price.raw() / 100'000 * (i % 7)),
                   venues[static_cast<std::size_t>(i) / pairs.size() % venues.size()]);
        trades += next >= from ? 1 : 0;
    }
    const double share =
        (use_of(running.process.pid()).cpu_seconds - before) / perf::seconds_since(from) * 100;
    perf::row(
        fmt::format("{} venues x 5 tickers, {} trades/s in all, share of a core", venues.size(), per_second),
        fmt::format("{:.1f} %", share), "< 5 %");
    perf::row("  trades made", std::to_string(trades));
}

std::string count_of(std::size_t alerts) {
    return fmt::format("{} k alerts", alerts / 1000);
}

std::string each(const std::vector<double>& values) {
    std::string out;
    for (const double value : values) out += fmt::format("{}{:.0f}", out.empty() ? "" : " + ", value);
    return out;
}

void started(const Deployed& side, std::size_t alerts) {
    perf::row(fmt::format("start with {}, until they are checked, {}", count_of(alerts), side.name()),
              fmt::format("{:.2f} s", side.start_seconds()), alerts == 1'000'000 ? "<= 3 s" : "");
    perf::row(fmt::format("resident memory with {}, {}", count_of(alerts), side.name()),
              each(side.checkers_mb()) + " MB");
}

// One side, or both in turn with the floor.
using Sides = std::vector<std::unique_ptr<Deployed>>;

// From a price to its webhook, one alert at a time.
void one_by_one(const Sides& sides, std::size_t alerts) {
    constexpr std::size_t firings = 1'000;
    constexpr auto turn = 7ms;
    const auto target_of = [](std::size_t i) {
        return Decimal::from_raw(Decimal::from_int(100).raw() +
                                 Decimal::one_raw / 1000 * static_cast<std::int64_t>(i));
    };
    std::vector<Decimal> targets;
    for (std::size_t i = 0; i < firings; ++i) targets.push_back(target_of(i));
    for (const auto& side : sides) {
        side->create(targets);
        side->trade(Decimal::from_int(100));
    }
    std::this_thread::sleep_for(500ms);
    perf::FsyncAndPost floor(sides.front()->directory(), sides.front()->receiver_port());
    const std::string body(700, ' ');
    std::vector<double> least;
    auto next = Clock::now();
    for (const Decimal& target : targets) {
        std::this_thread::sleep_until(next += turn);
        const auto began = Clock::now();
        floor.run(body);
        least.push_back(perf::seconds_since(began) * 1000);
        for (const auto& side : sides) {
            std::this_thread::sleep_until(next += turn);
            side->trade(Decimal::from_raw(target.raw() + Decimal::one_raw / 2000));
        }
    }
    std::vector<std::vector<double>> took;
    for (const auto& side : sides) {
        took.push_back(side->wait_for(firings));
        if (took.back().size() < firings) {
            throw std::runtime_error(
                fmt::format("{} of {} webhooks arrived, {}", took.back().size(), firings, side->name()));
        }
    }
    for (const auto& [name, part, goal] :
         {std::tuple("p50", 0.5, "cluster <= 4 ms"), std::tuple("p99", 0.99, "cluster <= 15 ms")}) {
        std::string what = fmt::format("price to webhook, {}, {}: ", count_of(alerts), name);
        std::string figures;
        for (std::size_t i = 0; i < sides.size(); ++i) {
            what += sides[i]->name() + ", ";
            figures += fmt::format("{:.2f}, ", perf::quantile(took[i], part));
        }
        perf::row(what + "floor", fmt::format("{}{:.2f} ms", figures, perf::quantile(least, part)), goal);
    }
}

// Alerts that fire on one price, to one receiver, in rounds.
void burst(const Sides& sides, int rounds) {
    constexpr std::size_t count = 10'000;
    std::vector<std::vector<double>> last(sides.size());
    std::vector<double> ratios;
    for (const auto& side : sides) side->trade(Decimal::from_int(110));
    for (int round = 1; round <= rounds; ++round) {
        for (std::size_t i = 0; i < sides.size(); ++i) {
            // Near the last price, so that nothing has to confirm it.
            const Decimal target = Decimal::from_int(110 + round);
            sides[i]->create(std::vector(count, target));
            std::this_thread::sleep_for(1s);
            sides[i]->trade(Decimal::from_raw(target.raw() + Decimal::one_raw / 2));
            auto took = sides[i]->wait_for(count);
            if (took.size() < count) throw std::runtime_error("webhooks are missing");
            last[i].push_back(perf::quantile(took, 1));
        }
        ratios.push_back(last.back().back() / last.front().back());
    }
    for (std::size_t i = 0; i < sides.size(); ++i) {
        perf::row(fmt::format("{} webhooks of one price, until the last, {}: rounds, median", count,
                              sides[i]->name()),
                  fmt::format("{}, {:.0f} ms", each(last[i]), perf::quantile(last[i], 0.5)));
    }
    if (sides.size() > 1) {
        perf::row("  ratio of a round, median", fmt::format("{:.2f}", perf::quantile(ratios, 0.5)), "<= 1.5");
    }
}

// One process, and a cluster if there are servers for it.
void side_by_side(std::size_t alerts, bool with_one_by_one, bool with_burst) {
    const auto shared = shared_servers();
    perf::SpanTimes spans;
    Sides sides;
    sides.push_back(std::make_unique<Deployed>(Deployed::Options{.waiting = alerts}, nullptr));
    if (shared != nullptr) {
        sides.push_back(std::make_unique<Deployed>(
            Deployed::Options{.waiting = alerts,
                              .settings = {{"PRICEWIRE_TRACING_ENDPOINT", spans.url()},
                                           {"PRICEWIRE_TRACING_PERCENT", "10"}}},
            shared.get()));
    }
    for (const auto& side : sides) started(*side, alerts);
    if (with_one_by_one) {
        one_by_one(sides, alerts);
        std::this_thread::sleep_for(3s);  // spans are sent within two seconds
        if (shared != nullptr) spans.print();
    }
    if (with_burst) burst(sides, 5);
}

// A cluster with that many alerts, which its checkers divide.
void size(std::size_t alerts, std::size_t checkers) {
    const auto shared = shared_servers();
    if (shared == nullptr) throw std::runtime_error("it needs PostgreSQL, Redis and RabbitMQ");
    Sides sides;
    sides.push_back(
        std::make_unique<Deployed>(Deployed::Options{.waiting = alerts,
                                                     .tickers = checkers == 1 ? 1UL : 1000UL,
                                                     .checkers = checkers,
                                                     .settings = {{"PRICEWIRE_CLUSTER_REDUNDANCY", "1"}}},
                                   shared.get()));
    started(*sides.front(), alerts);
    one_by_one(sides, alerts);
    burst(sides, 1);
}

std::size_t number(const char* text) {
    const auto out = parse_number<std::size_t>(text);
    if (!out) throw std::runtime_error(fmt::format("{} is not a number", text));
    return *out;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string only = argc > 1 ? argv[1] : "";
    try {
        if (only.empty() || only == "idle") idle_memory();
        if (only.empty() || only == "feeds") feeds(2'000);
        if (only.empty() || only == "firing" || only == "burst") {
            const std::size_t alerts = argc > 2 ? number(argv[2]) : 1'000'000;
            side_by_side(alerts, only != "burst", only != "firing");
        }
        if (only == "size") {
            if (argc != 4) throw std::runtime_error("size takes ALERTS and CHECKERS");
            size(number(argv[2]), number(argv[3]));
        }
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "system_bench: " << e.what() << "\n";
        return 1;
    }
}
