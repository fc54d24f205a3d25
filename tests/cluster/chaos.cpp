#include "cluster/chaos.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

constexpr auto recovery_patience = 2min;
constexpr Duration under_way = 2s;  // longer than an undisturbed alert takes
constexpr Duration short_away = 3s;
constexpr Duration long_away = 60s;

MonoTime now() {
    return system_clock().mono();
}

}  // namespace

Chaos::Chaos(Cluster& cluster, Load& load, std::uint64_t seed) : cluster_(cluster), load_(load), rng_(seed) {}

std::vector<Chaos::Kind> Chaos::kinds() {
    std::vector<Kind> out;
    for (const char* role : {"api", "feed", "checker", "sender"}) {
        out.push_back({std::string("one ") + role + " killed", [this, role] { return lose_one(role); }});
        out.push_back({std::string("all of ") + role + " killed", [this, role] {
                           const auto names = cluster_.processes_of(role);
                           cluster_.kill(names);
                           pause(0, 2000);
                           restart(names);
                           return now();
                       }});
    }
    for (const std::string& name : Cluster::servers()) {
        out.push_back({name + " killed", [this, name] { return lose_server(name, 0s, false); }});
    }
    for (const char* name : {"redis", "rabbitmq"}) {
        out.push_back({std::string(name) + " wiped", [this, name] { return lose_server(name, 0s, true); }});
    }
    out.push_back({"postgres down", [this] {
                       const bool is_long = std::getenv("PRICEWIRE_LONG") != nullptr && any(2) == 0;
                       return lose_server("postgres", is_long ? long_away : short_away, false);
                   }});
    out.push_back({"several killed", [this] { return lose_several(); }});
    out.push_back({"one process stopped", [this] { return stop_one(); }});
    out.push_back({"one more joins and leaves", [this] { return join_and_leave(); }});
    out.push_back({"connections cut", [this] { return disturb([](TcpGate& gate) { gate.cut(); }); }});
    out.push_back(
        {"connections half-open", [this] { return disturb([](TcpGate& gate) { gate.half_open(); }); }});
    out.push_back({"connections reset", [this] { return disturb([](TcpGate& gate) { gate.reset(); }); }});
    out.push_back({"connections slow", [this] {
                       const std::chrono::milliseconds delay{5 + any(300)};
                       return disturb([delay](TcpGate& gate) { gate.delay(delay); });
                   }});
    out.push_back({"cut off from postgres", [this] { return cut_off_from_postgres(); }});
    out.push_back({"receiver cut off", [this] { return disturb_receiver(); }});
    return out;
}

void Chaos::run(int points) {
    std::vector<Kind> all = kinds();
    for (int i = 0; i < points; ++i) {
        const std::size_t at = static_cast<std::size_t>(i) % all.size();
        if (at == 0) std::shuffle(all.begin(), all.end(), rng_);
        point(all[at]);
    }
}

void Chaos::point(const Kind& kind) {
    pause(0, 500);
    // Only prices published shortly before the disruption began, or before it was over, can have been delayed
    // or lost by it.
    const MonoTime from = now() - under_way;
    const int first_round = load_.rounds();
    const MonoTime recovers_from = kind.happen();
    const MonoTime to = now();
    std::cout << format_rfc3339(system_clock().now()) << " rounds " << first_round << " to " << load_.rounds()
              << ": " << kind.name << std::endl;
    for (auto left = load_.outstanding(from, to); !left.empty(); left = load_.outstanding(from, to)) {
        if (now() > to + recovery_patience) {
            std::string ids;
            for (const std::string& id : left) ids += " " + id;
            throw std::runtime_error("after \"" + kind.name + "\" these never arrived:" + ids);
        }
        std::this_thread::sleep_for(10ms);
    }
    PointStats& stats = stats_[kind.name];
    ++stats.points;
    stats.longest = std::max(stats.longest, load_.slowest(from, to, recovers_from));
}

MonoTime Chaos::lose_one(const std::string& role) {
    const auto names = cluster_.processes_of(role);
    const std::string& name = names[any(names.size())];
    const MonoTime killed = now();
    cluster_.kill({name});
    // Long enough for the other process to take over what the dead one had claimed.
    pause(0, 6000);
    restart({name});
    return killed;
}

MonoTime Chaos::stop_one() {
    const std::string name = cluster_.processes()[any(cluster_.processes().size())];
    const MonoTime stopped = now();
    cluster_.stop(name);
    pause(0, 3000);
    restart({name});
    return stopped;
}

// Long enough for a member to take its share, or not.
MonoTime Chaos::join_and_leave() {
    constexpr std::array<const char*, 3> roles{"feed", "checker", "sender"};
    const std::string role = roles[any(roles.size())];
    const std::string name = role + std::to_string(cluster_.processes_of(role).size() + 1);
    cluster_.start({name});
    pause(0, 6000);
    const MonoTime stopped = now();
    cluster_.stop(name);
    return stopped;
}

MonoTime Chaos::lose_server(const std::string& name, Duration away, bool wipe) {
    TestServer& server = cluster_.server(name);
    server.kill();
    if (wipe) server.wipe();
    std::this_thread::sleep_for(away);
    server.start();
    return now();
}

MonoTime Chaos::lose_several() {
    std::vector<std::string> names = cluster_.processes();
    names.insert(names.end(), Cluster::servers().begin(), Cluster::servers().end());
    std::shuffle(names.begin(), names.end(), rng_);
    names.resize(2 + any(names.size() - 1));
    cluster_.kill(names);
    pause(0, 1500);
    restart(names);
    return now();
}

MonoTime Chaos::disturb(const std::function<void(TcpGate&)>& how) {
    std::vector<Cluster::Way> ways = cluster_.ways();
    std::shuffle(ways.begin(), ways.end(), rng_);
    ways.resize(1 + any(3));
    for (const Cluster::Way& way : ways) how(*way.gate);
    pause(100, 4000);
    for (const Cluster::Way& way : ways) way.gate->pass();
    return now();
}

// One process alone, for longer than its lease.
MonoTime Chaos::cut_off_from_postgres() {
    std::vector<Cluster::Way> ways = cluster_.ways();
    std::erase_if(ways, [](const Cluster::Way& way) { return way.server != "postgres"; });
    TcpGate& gate = *ways[any(ways.size())].gate;
    gate.half_open();
    pause(3500, 8000);
    gate.pass();
    gate.reset();
    return now();
}

MonoTime Chaos::disturb_receiver() {
    TcpGate& gate = load_.receiver_gate();
    switch (any(3)) {
        case 0:
            gate.cut();
            break;
        case 1:
            gate.half_open();
            break;
        default:
            gate.reset();
    }
    pause(100, 2000);
    gate.pass();
    return now();
}

void Chaos::restart(const std::vector<std::string>& names) {
    cluster_.start(names);
    load_.set_apis(cluster_.apis());
}

void Chaos::pause(int from_ms, int to_ms) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds{std::uniform_int_distribution<int>(from_ms, to_ms)(rng_)});
}

std::size_t Chaos::any(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(rng_);
}

}  // namespace pricewire::test
