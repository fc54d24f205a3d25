// The time of a price that fires nothing, with 10 k, 1 M and 10 M active alerts; compared, in the same run,
// with ZRANGEBYSCORE on a Redis sorted set, which is what the service's predecessor planned. Also bytes per
// alert, what the whole checker takes, also where as many alerts have a rule, and the step before: from a trade to the
// consolidated price. terms_bench has the alerts with rules of every kind.
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <string_view>
#include <thread>

#include "alert/checker_core.hpp"
#include "alert/matcher.hpp"
#include "cpu_seconds.hpp"
#include "price/consolidator.hpp"
#include "report.hpp"

namespace {

using namespace pricewire;
using Clock = std::chrono::steady_clock;
using perf::seconds_since;

std::vector<ActiveAlert> make_alerts(std::size_t count) {
    std::mt19937_64 rng(1);
    std::vector<ActiveAlert> alerts(count);
    for (std::size_t i = 0; i < count; ++i) {
        alerts[i] = {make_uuid(system_clock().now()), "BTC", i % 2 == 0 ? Condition::gt : Condition::lt, {}};
        // Above 70,000 for gt and below 60,000 for lt, so that a price in between fires nothing.
        const auto cents = std::uniform_int_distribution<std::int64_t>(1, 5'000'000)(rng);
        alerts[i].target =
            Decimal::from_raw((i % 2 == 0 ? Decimal::from_int(70'000) : Decimal::from_int(9'999)).raw() +
                              Decimal::one_raw / 100 * cents);
    }
    return alerts;
}

std::size_t heap_bytes() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

std::string short_count(std::size_t count) {
    return count >= 1'000'000 ? fmt::format("{} M", count / 1'000'000) : fmt::format("{} k", count / 1000);
}

void measure_matcher(std::size_t count) {
    const auto alerts = make_alerts(count);
    const std::size_t before = heap_bytes();
    const auto matcher = std::make_unique<alert::Matcher>();
    auto start = Clock::now();
    matcher->load(alerts);
    const double load = seconds_since(start);
    const double bytes = static_cast<double>(heap_bytes() - before) / static_cast<double>(count);

    std::vector<Uuid> fired;
    constexpr int prices = 5'000'000;
    start = Clock::now();
    for (int i = 0; i < prices; ++i) {
        matcher->on_price(
            "BTC", Decimal::from_raw(Decimal::from_int(65'000).raw() + Decimal::one_raw / 100 * (i % 1000)),
            fired);
    }
    const double nanoseconds = seconds_since(start) / prices * 1e9;
    if (!fired.empty()) std::abort();
    perf::row("a price that fires nothing, " + short_count(count) + " alerts",
              fmt::format("{:.1f} ns", nanoseconds), "<= 30 ns, flat");
    perf::row("bytes an alert, " + short_count(count), fmt::format("{:.0f} B", bytes));
    perf::row("loading " + short_count(count) + " alerts", fmt::format("{:.2f} s", load));
}

// The same level as a rule: of an alert that began an hour ago, and waits.
ActiveAlert with_rule(ActiveAlert alert, Timestamp now) {
    Terms terms;
    terms.rules = {Rule{.ticker = alert.ticker,
                        .word = alert.condition == Condition::gt ? Word::above : Word::below,
                        .level = {.number = alert.target}}};
    auto ruled = std::make_shared<RuledAlert>();
    ruled->created_at = ruled->begun_at = now - std::chrono::hours{1};
    ruled->state.rules = {{.armed = true,
                           .start = ruled->begun_at,
                           .start_price = Decimal::from_int(65'000),
                           .as_of = ruled->begun_at}};
    ruled->terms = std::make_shared<const Terms>(std::move(terms));
    alert.condition = Condition::lt;
    alert.target = {};
    alert.ruled = std::move(ruled);
    return alert;
}

// All of the checker but its thread: what is kept of each price, the clock of prices, plain alerts and those with rules.
void measure_checker(std::size_t count, std::size_t ruled) {
    alert::CheckerCore core({[](const FiringGroup&) { std::abort(); }, [](const alert::PastNeed&) {}},
                            {std::chrono::seconds{1}, std::chrono::seconds{1}}, Rng{1});
    Timestamp now = system_clock().now();
    std::vector<ActiveAlert> alerts = make_alerts(count);
    for (std::size_t i = 0; i < ruled; ++i) alerts.push_back(with_rule(alerts[i], now));
    for (std::size_t i = count; i < alerts.size(); ++i) alerts[i].id = make_uuid(now);
    core.on_snapshot_piece(alerts);
    core.on_snapshot(now);
    core.on_caught_up(now);
    alerts.clear();
    std::uint64_t sequence = 0;
    // As a busy bus hands them over: some at once.
    const auto give = [&](int prices, Duration every) {
        for (int i = 0; i < prices; ++i) {
            now += every;
            const Decimal value =
                Decimal::from_raw(Decimal::from_int(65'000).raw() + Decimal::one_raw / 100 * (i * 37 % 1000));
            core.on_price({"BTC", value, now, ++sequence}, now);
            if (i % 16 == 15) core.on_batch_end(now);
        }
    };
    // What was woken by the first prices is put aside again, and what is kept of it for late prices is dropped.
    give(400, std::chrono::seconds{1});
    give(40'000, std::chrono::milliseconds{10});
    constexpr int prices = 1'000'000;
    const double begun = perf::cpu_seconds();
    give(prices, std::chrono::milliseconds{10});
    const double each = (perf::cpu_seconds() - begun) / prices * 1e9;
    perf::row(fmt::format("  the same by the whole checker, {} alerts{}", short_count(count),
                          ruled == 0 ? "" : fmt::format(", and {} with a rule", short_count(ruled))),
              fmt::format("{:.1f} ns", each), ruled == 0 ? "" : "<= 100 ns, flat");
}

// What a checker that takes over a ticker does with its alerts, as they come from the database: each is compared with the
// ticker's prices of three minutes, at 100 a second, and the prices that come meanwhile are judged between. No alert fires.
void measure_taking_over(std::size_t count) {
    alert::CheckerCore core({[](const FiringGroup&) { std::abort(); }, [](const alert::PastNeed&) {}},
                            {std::chrono::seconds{1}, std::chrono::seconds{1}}, Rng{1});
    const std::vector<ActiveAlert> alerts = make_alerts(count);
    Timestamp now = system_clock().now() + std::chrono::minutes{5};
    core.on_snapshot(now);
    core.on_caught_up(now);
    std::uint64_t sequence = 0;
    const auto give = [&] {
        now += std::chrono::milliseconds{10};
        const auto cents = static_cast<std::int64_t>(sequence * 37 % 1000);
        core.on_price(
            {"BTC", Decimal::from_raw(Decimal::from_int(65'000).raw() + Decimal::one_raw / 100 * cents), now,
             ++sequence},
            now);
        core.on_batch_end(now);
    };
    for (int i = 0; i < 18'000; ++i) give();
    constexpr std::size_t piece_size = 1000;  // as in alert/checker.cpp
    const auto start = Clock::now();
    double longest = 0;
    for (std::size_t from = 0; from < count; from += piece_size) {
        const auto piece = Clock::now();
        core.on_alerts_came(std::span(alerts).subspan(from, std::min(count - from, piece_size)), now);
        give();
        longest = std::max(longest, seconds_since(piece));
    }
    const double seconds = seconds_since(start);
    if (core.active_alerts() != count) std::abort();
    perf::row(fmt::format("taking over {} alerts of a ticker with 18,000 recent prices", short_count(count)),
              fmt::format("{:.2f} s, {:.2f} us an alert; prices wait {:.1f} ms", seconds,
                          seconds / static_cast<double>(count) * 1e6, longest * 1e3));
}

// The step before the matcher: from a single exchange's trade to the price, with an aggregator beside it.
void measure_consolidator() {
    const price::ConsolidationPolicy policy;
    const price::DollarRates rates;
    price::Consolidator consolidator("BTC", policy, rates);
    Timestamp now = system_clock().now();
    consolidator.update({"coingecko", SourceKind::aggregator, "BTC", Decimal::from_int(65'000), now, now},
                        now);
    constexpr int trades = 5'000'000;
    int made = 0;
    const auto start = Clock::now();
    for (int i = 0; i < trades; ++i) {
        now += Duration{1};
        const Decimal price =
            Decimal::from_raw(Decimal::from_int(65'000).raw() + Decimal::one_raw / 100 * (i % 1000));
        made += consolidator.update({"binance", SourceKind::exchange, "BTC", price, now, now}, now) ? 1 : 0;
    }
    if (made != trades) std::abort();
    perf::row("a lone exchange's trade to its price",
              fmt::format("{:.1f} ns", seconds_since(start) / trades * 1e9), "<= 200 ns");
}

// The same among 14 exchanges that all trade within a few basis points, half of them in a currency that is converted.
void measure_many_exchanges() {
    constexpr std::size_t exchanges = 14;
    const price::ConsolidationPolicy policy;
    price::DollarRates rates;
    Timestamp now = system_clock().now();
    for (const char* source : {"kraken", "coinbase"})
        rates.update({source, SourceKind::exchange, "USDT", *Decimal::parse("0.9995"), now, now}, now);
    price::Consolidator consolidator("BTC", policy, rates);
    std::vector<Quote> quotes;
    for (std::size_t i = 0; i < exchanges; ++i) {
        quotes.push_back({SourceName("venue" + std::to_string(i)), SourceKind::exchange, "BTC",
                          Decimal::from_int(65'000), now, now, i % 2 == 0 ? "USD" : "USDT"});
        consolidator.update(quotes.back(), now);
    }
    constexpr int trades = 5'000'000;
    int made = 0;
    const auto start = Clock::now();
    for (int i = 0; i < trades; ++i) {
        now += Duration{1};
        Quote& quote = quotes[static_cast<std::size_t>(i * 5) % exchanges];
        quote.price =
            Decimal::from_raw(Decimal::from_int(65'000).raw() + Decimal::one_raw / 100 * (i * 7 % 3001));
        quote.time = quote.received_at = now;
        quote.trade_id = static_cast<std::uint64_t>(i);
        made += consolidator.update(quote, now) ? 1 : 0;
    }
    if (made != trades) std::abort();
    perf::row("a trade to the price of 14 exchanges",
              fmt::format("{:.1f} ns", seconds_since(start) / trades * 1e9), "<= 150 ns");
}

class Redis {
public:
    Redis() {
        directory_ = (std::filesystem::temp_directory_path() / "pricewire-redis-XXXXXX").string();
        if (mkdtemp(directory_.data()) == nullptr) std::abort();
        socket_ = directory_ + "/redis.sock";
        pid_ = fork();
        if (pid_ == 0) {
            if (freopen("/dev/null", "w", stdout) == nullptr) _exit(127);
            execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_.c_str(), "--save",
                   "", "--dir", directory_.c_str(), nullptr);
            _exit(127);
        }
        for (int i = 0; i < 500 && !context_; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
            context_.reset(redisConnectUnix(socket_.c_str()));
            if (context_ && context_->err != 0) context_.reset();
        }
    }
    ~Redis() {
        context_.reset();
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
        std::filesystem::remove_all(directory_);
    }
    explicit operator bool() const { return context_ != nullptr; }
    redisContext* get() { return context_.get(); }

    long long used_memory() {
        const Reply reply(static_cast<redisReply*>(redisCommand(get(), "INFO memory")), freeReplyObject);
        const char* at = strstr(reply->str, "used_memory:");
        return at == nullptr ? 0 : std::atoll(at + 12);
    }

    using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

private:
    std::string directory_;
    std::string socket_;
    pid_t pid_ = -1;
    std::unique_ptr<redisContext, decltype(&redisFree)> context_{nullptr, &redisFree};
};

void measure_redis(std::size_t count) {
    Redis redis;
    if (!redis) {
        perf::row("Redis ZRANGEBYSCORE, " + short_count(count), "redis-server did not start");
        return;
    }
    const long long before = redis.used_memory();
    std::size_t pending = 0;
    const auto collect = [&] {
        for (; pending > 0; --pending) {
            void* reply = nullptr;
            if (redisGetReply(redis.get(), &reply) != REDIS_OK) std::abort();
            freeReplyObject(reply);
        }
    };
    for (const ActiveAlert& alert : make_alerts(count)) {
        if (alert.condition != Condition::gt) continue;
        redisAppendCommand(redis.get(), "ZADD gt %s %s", alert.target.to_string().c_str(),
                           alert.id.to_string().c_str());
        if (++pending == 1000) collect();
    }
    collect();
    const double bytes = static_cast<double>(redis.used_memory() - before) / (static_cast<double>(count) / 2);
    constexpr int asks = 20'000;
    const auto start = Clock::now();
    for (int i = 0; i < asks; ++i) {
        const Redis::Reply reply(static_cast<redisReply*>(redisCommand(
                                     redis.get(), "ZRANGEBYSCORE gt -inf (%d LIMIT 0 1", 65'000 + i % 10)),
                                 freeReplyObject);
        if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 0) std::abort();
    }
    perf::row("  beside it: Redis ZRANGEBYSCORE (one side), " + short_count(count),
              fmt::format("{:.0f} ns", seconds_since(start) / asks * 1e9));
    perf::row("  beside it: bytes an alert in the sorted set, " + short_count(count),
              fmt::format("{:.0f} B", bytes));
}

}  // namespace

int main(int argc, char** argv) {
    for (const std::size_t count : {10'000UL, 1'000'000UL}) measure_taking_over(count);
    if (argc > 1 && argv[1] == std::string_view("taking_over")) return 0;
    measure_consolidator();
    measure_many_exchanges();
    for (const std::size_t count : {10'000UL, 1'000'000UL, 10'000'000UL}) measure_matcher(count);
    for (const std::size_t count : {10'000UL, 1'000'000UL}) {
        measure_checker(count, 0);
        measure_checker(count, count);
    }
    for (const std::size_t count : {10'000UL, 1'000'000UL}) measure_redis(count);
    return 0;
}
