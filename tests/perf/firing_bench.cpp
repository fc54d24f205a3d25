// Firing alerts, beside what the database and the disk alone need for it, measured in the same run:
//
// - 100,000 alerts on one price, until they are durable. Beside it, the same rows written by bare SQL: a statement for
//   each table, in one transaction, with the ids of the deliveries at hand.
// - One alert at a time, from the price to its webhook. Beside it, in turn with it, one fsync and one POST over loopback;
//   and the same rows by bare SQL, durable, and that POST.
//
// Each with what its parts cost.
//   firing_bench [at_once|one_by_one|with_terms]
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "alert/checker.hpp"
#include "bare_firing.hpp"
#include "base/mutex.hpp"
#include "deliver/sender.hpp"
#include "firing_floor.hpp"
#include "firings.hpp"
#include "fsync_and_post.hpp"
#include "loopback_sender.hpp"
#include "net/http_client.hpp"
#include "outbox/outbox.hpp"
#include "places.hpp"
#include "plain_secrets.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "receiver.hpp"
#include "report.hpp"
#include "rule/canonical.hpp"
#include "sim/receiver.hpp"
#include "webhook/signature.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int rounds = 3;

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

// When the parts of one firing began and ended, each written by one thread.
struct Stamps {
    Clock::time_point price, handed_over, fire_begins, fire_ends, published, started;
};

// Stamps the first beginning and the last end of the calls that write what fired.
storage::StorageEvents stamped(Stamps& stamps) {
    storage::StorageEvents events;
    events.around = [&](std::string_view method, const std::function<void()>& call) {
        const bool fires = method == "fire";
        if (fires && stamps.fire_begins == Clock::time_point()) stamps.fire_begins = Clock::now();
        call();
        if (fires) stamps.fire_ends = Clock::now();
    };
    return events;
}

// Hands what fires over to the outbox. All alerts are loaded.
std::unique_ptr<alert::Checker> ready_checker(storage::Storage& storage, outbox::Outbox& outbox,
                                              Stamps& stamps) {
    auto checker =
        alert::start_checker({.load = [&](const auto& piece) { storage.load_active_alerts(piece); },
                              .fire =
                                  [&](FiringGroup group) {
                                      stamps.handed_over = Clock::now();
                                      outbox.push(std::move(group));
                                  },
                              .past = [](auto, auto) { return std::vector<Stretch>(); },
                              .row = [&](const Uuid& id) { return storage.active_alert(id); }},
                             system_clock());
    while (!checker->ready()) std::this_thread::sleep_for(1ms);
    return checker;
}

struct AtOnce {
    double all = 0;
    double matching = 0;
    double hand_over = 0;
    double writing = 0;
    double publishing = 0;
    std::vector<perf::Part> statements;
};

AtOnce fire_at_once(perf::Place& place, std::size_t count) {
    Stamps stamps;
    perf::TracedStatements traced;
    std::atomic<bool> done = false;
    const auto storage = place.open(stamped(stamps));
    place.seed(count, "100");
    const auto queue = queue::create_in_process_queue(count);
    std::size_t written = 0;
    const auto outbox = outbox::start_outbox(*storage, *queue, {.written = [&](auto, auto tasks) {
        stamps.published = Clock::now();
        written += tasks.size();
        done = written >= count;
    }});
    const auto checker = ready_checker(*storage, *outbox, stamps);
    std::this_thread::sleep_for(100ms);
    traced.take();
    stamps.price = Clock::now();
    checker->on_price({"BTC", Decimal::from_int(1'000'000'000), system_clock().now(), 1});
    while (!done) std::this_thread::sleep_for(1ms);
    return {seconds_between(stamps.price, stamps.fire_ends),
            seconds_between(stamps.price, stamps.handed_over),
            seconds_between(stamps.handed_over, stamps.fire_begins),
            seconds_between(stamps.fire_begins, stamps.fire_ends),
            seconds_between(stamps.fire_ends, stamps.published),
            traced.take()};
}

template <typename T, typename F>
T median(std::vector<T> runs, F by) {
    std::sort(runs.begin(), runs.end(), [&](const T& a, const T& b) { return by(a) < by(b); });
    return runs[runs.size() / 2];
}

void parts_of_floor(const perf::FloorRun& floor) {
    for (const perf::Part& part : floor.parts)
        perf::row("    " + part.what, fmt::format("{:.0f} ms", part.seconds * 1000));
}

template <typename Place>
void at_once(std::size_t count, double most) {
    std::vector<AtOnce> ours;
    std::vector<perf::FloorRun> floors;
    // In turns, so that both meet the same machine.
    for (int round = 0; round < rounds; ++round) {
        {
            Place place;
            ours.push_back(fire_at_once(place, count));
        }
        Place place;
        floors.push_back(perf::fire_by_bare_sql(place, count));
    }
    const AtOnce run = median(ours, [](const AtOnce& r) { return r.all; });
    const perf::FloorRun floor = median(floors, [](const perf::FloorRun& r) { return r.all; });
    const std::string name = Place().name();
    perf::row(fmt::format("{} k alerts fired and durable on one price, {}", count / 1000, name),
              fmt::format("{:.2f} s", run.all));
    perf::row("  beside it: the same rows by bare SQL", fmt::format("{:.2f} s", floor.all));
    perf::row("  ratio", fmt::format("{:.2f}", run.all / floor.all), fmt::format("<= {:.0f}", most));
    const auto part = [](const std::string& what, double seconds) {
        perf::row("  " + what, fmt::format("{:.0f} ms", seconds * 1000));
    };
    part("matching and making ids", run.matching);
    part("hand-over to the outbox", run.hand_over);
    part("writing", run.writing);
    for (const perf::Part& statement : run.statements) part("  " + statement.what, statement.seconds);
    part("publishing, after the commit", run.publishing);
    perf::row("  of bare SQL", "");
    parts_of_floor(floor);
    for (const std::string& index : perf::indexes_of_firing(name)) {
        Place place;
        const perf::FloorRun without = perf::fire_by_bare_sql(place, count, index);
        perf::row("    index " + index, fmt::format("{:.0f} ms", (floor.all - without.all) * 1000));
    }
}

// Stamps when a request starts.
class StampingClient : public net::HttpClient {
public:
    explicit StampingClient(Stamps& stamps) : stamps_(stamps) {}
    void start(net::HttpRequest request, Done done) override {
        stamps_.started = Clock::now();
        client_->start(std::move(request), std::move(done));
    }
    std::size_t not_begun() const override { return client_->not_begun(); }
    std::size_t max_connections() const override { return client_->max_connections(); }

private:
    Stamps& stamps_;
    const std::unique_ptr<net::HttpClient> client_ = net::create_http_client();
};

// Values that another thread leaves, one after the other.
template <typename T>
class Slot {
public:
    void put(T value) {
        {
            MutexLock lock(mutex_);
            value_ = std::move(value);
        }
        changed_.notify_all();
    }
    T wait() {
        MutexLock lock(mutex_);
        changed_.wait_for(lock, 10s, [&]() REQUIRES(mutex_) { return value_.has_value(); });
        if (!value_) throw std::runtime_error("a webhook did not arrive");
        return *std::exchange(value_, std::nullopt);
    }

private:
    Mutex mutex_;
    CondVar changed_;
    std::optional<T> value_ GUARDED_BY(mutex_);
};

struct Samples {
    std::string what;
    std::vector<double> milliseconds = {};
    void add(Clock::time_point from, Clock::time_point to) {
        milliseconds.push_back(seconds_between(from, to) * 1000);
    }
    double at(double part) { return perf::quantile(milliseconds, part); }
};

constexpr Duration waited = 10min;

// Whether the alerts are in the plain form.
enum class Form { plain, with_terms };

// An alert in the plain form as one that may fire once, and has waited for a while, as most have.
void give_terms(Alert& alert) {
    alert.created_at -= waited;
    alert.id = make_uuid(alert.created_at);
    Terms terms = rule::plain_terms(alert.ticker, alert.condition, alert.target);
    terms.repeat = Repeat{.times = 1};
    alert.terms = std::make_shared<const Terms>(std::move(terms));
    alert.target = {};
}

// Everything in one process, so that its parts can be timed: the in-process queue on PostgreSQL, too.
template <typename Place>
void one_by_one(std::size_t count, double most, Form form) {
    Place place;
    Stamps stamps;
    Slot<Clock::time_point> arrivals;
    Slot<FiringGroup> written;
    const auto note_written = [&](std::span<const FiringGroup> groups, auto) {
        // Alerts with terms have notes, too.
        for (const FiringGroup& group : groups) {
            if (!group.firings.empty() || !group.ruled.empty()) written.put(group);
        }
    };
    const std::string secret = webhook::make_webhook_secret(SignatureScheme::v1).secret;
    sim::ReceiverOptions receiver_options;
    receiver_options.keep_log = false;
    receiver_options.on_delivery = [&](const sim::ReceivedDelivery&) { arrivals.put(Clock::now()); };
    const auto receiver = sim::create_receiver(receiver_options).value();
    const auto storage = place.open(stamped(stamps));
    const auto create = [&](storage::Storage& in) {
        auto firings = perf::create_alerts(
            in, count, secret,
            [&](std::size_t) { return fmt::format("http://127.0.0.1:{}/hook", receiver->port()); },
            form == Form::with_terms ? give_terms : std::function<void(Alert&)>());
        if (firings.size() != count) throw std::runtime_error("the alerts could not be created");
        return firings;
    };
    create(*storage);
    // Equal alerts in a database of their own.
    Place bare_place;
    auto bare_storage = bare_place.open();
    const auto bare_alerts = create(*bare_storage);
    const auto bare = perf::bare_firing(bare_place);
    bare_storage.reset();

    StampingClient client(stamps);
    const perf::PlainSecrets secrets;
    const auto queue = queue::create_in_process_queue();
    auto sender_options = perf::loopback_sender_options();
    sender_options.alive_for = place.sender_alive_for();
    const auto sender =
        deliver::start_sender(sender_options, *storage, *queue, client, secrets, system_clock());
    const auto outbox = outbox::start_outbox(
        *storage, *queue,
        {.claim = [&] { return sender->claim(); },
         .claimed = [&](auto claimed, Timestamp until) { sender->take(std::move(claimed), until); },
         .coming = [&](auto coming, Timestamp until) { sender->prepare(std::move(coming), until); },
         .not_coming = [&] { sender->drop(); },
         .written = note_written});
    const auto checker = ready_checker(*storage, *outbox, stamps);

    const test::TempDir directory;
    perf::FsyncAndPost floor(directory.path(), receiver->port());
    const std::string body(700, ' ');
    Samples ours{"price in to webhook"}, least{"one fsync and one POST"},
        rows{"the same rows by bare SQL and one POST"};
    Samples bare_commit{"bare SQL, until it is durable"}, flush{"one fsync"};
    std::array<Samples, 5> parts{{{"checker"},
                                  {"hand-over to the outbox"},
                                  {"writing, with its commit"},
                                  {"until the request starts"},
                                  {"request"}}};
    // Below all levels; the first ones of some time ago, so that alerts with terms are put aside, as they are once nothing
    // has happened to them for as long as a late price may come.
    std::uint64_t sequence = 0;
    for (const Duration ago : {waited - 1min, waited / 2, Duration(50ms)}) {
        checker->on_price(
            {"BTC", Decimal::from_raw(Decimal::one_raw / 2), system_clock().now() - ago, ++sequence});
    }
    std::this_thread::sleep_for(100ms);
    auto next = Clock::now();
    for (std::size_t i = 0; i < count; ++i) {
        std::this_thread::sleep_until(next += 5ms);
        auto begin = Clock::now();
        floor.flush();
        flush.add(begin, Clock::now());
        floor.post(body);
        least.add(begin, arrivals.wait());
        std::this_thread::sleep_until(next += 5ms);
        stamps.fire_begins = {};
        stamps.price = Clock::now();
        const Decimal price = Decimal::from_raw(Decimal::from_int(static_cast<std::int64_t>(i) + 1).raw() +
                                                Decimal::one_raw / 2);
        checker->on_price({"BTC", price, system_clock().now(), ++sequence});
        const auto end = arrivals.wait();
        ours.add(stamps.price, end);
        const std::array points{stamps.price,     stamps.handed_over, stamps.fire_begins,
                                stamps.fire_ends, stamps.started,     end};
        for (std::size_t part = 0; part < parts.size(); ++part)
            parts[part].add(points[part], points[part + 1]);
        const FiringGroup group = written.wait();
        if (i % 200 == 0) bare->checkpoint();
        std::this_thread::sleep_until(next += 5ms);
        begin = Clock::now();
        bare->fire(bare_alerts[i].alert_id, group);
        bare_commit.add(begin, Clock::now());
        floor.post(body);
        rows.add(begin, arrivals.wait());
    }
    sender->stop(10s);
    if (perf::rows_of_firings(bare_place) != perf::rows_of_firings(place))
        throw std::runtime_error("bare SQL has written other rows");
    const std::string what = fmt::format("{}, one process{}, {}", ours.what,
                                         form == Form::with_terms ? ", alerts with terms" : "", place.name());
    for (const auto& [name, quantile] : {std::pair("p50", 0.5), std::pair("p99", 0.99)}) {
        perf::row(what + ", " + name, fmt::format("{:.2f} ms", ours.at(quantile)));
        for (Samples* beside : {&rows, &least}) {
            perf::row("  beside it: " + beside->what, fmt::format("{:.2f} ms", beside->at(quantile)));
            perf::row("  ratio", fmt::format("{:.2f}", ours.at(quantile) / beside->at(quantile)),
                      fmt::format("<= {:.0f}", most));
        }
    }
    const auto part_row = [](Samples& part) {
        perf::row("  " + part.what + ", p50 and p99",
                  fmt::format("{:.2f}  {:.2f} ms", part.at(0.5), part.at(0.99)));
    };
    for (Samples& part : parts) part_row(part);
    part_row(bare_commit);
    part_row(flush);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string only = argc > 1 ? argv[1] : "";
    try {
        if (only.empty() || only == "at_once") {
            at_once<perf::SqlitePlace>(100'000, 2);
            if (test::postgres_url()) at_once<perf::PostgresPlace>(100'000, 3);
        }
        if (only.empty() || only == "one_by_one" || only == "with_terms") {
            for (const auto& [form, count] :
                 {std::pair(Form::plain, 1000U), std::pair(Form::with_terms, 300U)}) {
                if (only == "with_terms" && form == Form::plain) continue;
                one_by_one<perf::SqlitePlace>(count, 2, form);
                if (test::postgres_url()) one_by_one<perf::PostgresPlace>(count, 3, form);
            }
        }
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "firing_bench: " << e.what() << "\n";
        return 1;
    }
}
