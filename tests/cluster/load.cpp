#include "cluster/load.hpp"

#include <algorithm>
#include <ranges>
#include <stdexcept>
#include <utility>

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

constexpr int alerts_a_round = 16;
constexpr int refused_one_in = 12;
constexpr int crossing_one_in = 5;  // has a rule, which the plain form cannot say
constexpr auto between_rounds = 300ms;
constexpr int lasting_one_in = 4;
constexpr auto lasts = 1500ms;
constexpr int edited_one_in = 3;  // of the extremes, so that it is a high and a low in turn
constexpr auto hold_patience = 3min;

Decimal hundredths(std::int64_t count) {
    return Decimal::from_raw(Decimal::one_raw / 100 * count);
}
// The extremes stay within the 10 % that a single exchange's price may move without confirmation.
const Decimal rest = hundredths(1'000'00);

std::unique_ptr<sim::Receiver> receiver(const std::vector<Account>& accounts, const char* mode,
                                        std::function<void(const sim::ReceivedDelivery&)> on_delivery) {
    sim::ReceiverOptions options;
    for (const Account& account : accounts) options.secrets.push_back(account.webhook_secret);
    options.mode = sim::parse_mode(mode).value();
    options.keep_log = false;
    options.on_delivery = std::move(on_delivery);
    return sim::create_receiver(options).value();
}

}  // namespace

Load::Load(const std::string& sim_url, std::vector<Account> accounts, std::vector<std::string> tickers,
           bool has_rules)
    : sim_url_(sim_url),
      accounts_(std::move(accounts)),
      tickers_(std::move(tickers)),
      has_rules_(has_rules),
      http_(15s) {
    const auto take = [this](const sim::ReceivedDelivery& delivery) { on_delivery(delivery); };
    willing_ = receiver(accounts_, "random-fail:20", take);
    refusing_ = receiver(accounts_, "fail:500", take);
    gate_ = std::make_unique<TcpGate>(willing_->port());
}

Load::~Load() {
    stop();
}

void Load::set_apis(std::vector<std::string> addresses) {
    MutexLock lock(mutex_);
    apis_ = std::move(addresses);
}

void Load::start() {
    stopping_ = false;
    thread_ = std::thread([this] { run(); });
}

void Load::stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
}

void Load::run() {
    while (!stopping_) {
        run_round();
        std::this_thread::sleep_for(between_rounds);
    }
}

Decimal Load::extreme(int round, bool is_gt) {
    return is_gt ? hundredths(1'010'00 + round) : hundredths(990'00 - round);
}

void Load::run_round() {
    const int next = rounds() + 1;
    const auto until = std::chrono::steady_clock::now() + hold_patience;
    std::optional<std::chrono::steady_clock::time_point> since;
    run_round([&, next](Decimal) {
        if (next % lasting_one_in != 0 || std::chrono::steady_clock::now() > until) return true;
        if (!since) since = std::chrono::steady_clock::now();
        return std::chrono::steady_clock::now() - *since > lasts;
    });
}

void Load::run_last_round(const std::function<bool(Decimal)>& seen) {
    const auto deadline = std::chrono::steady_clock::now() + hold_patience;
    run_round([&](Decimal price) {
        if (seen(price)) return true;
        if (std::chrono::steady_clock::now() < deadline) return false;
        complain("not every standing alert has fired at " + price.to_string());
        return true;
    });
    for (; edit_ && std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(100ms))
        send_edit();
    if (edit_) complain("an edit was never answered");
}

void Load::stand() {
    hold(rest);
    using Kind = StandingAlert::Kind;
    const std::map<Kind, std::string> kinds{
        {Kind::repeating, R"("when":{"is":"above","level":1005},"repeat":{"cooldown":"10s","rearm":"0.1%"})"},
        {Kind::holding,
         R"("when":{"is":"above","level":1005},"for":"1s","repeat":{"cooldown":"10s","rearm":"0.1%"})"},
        {Kind::trailing,
         R"("when":{"is":"below","level":{"from":"high","by":"-1.9%"}},"repeat":{"cooldown":"10s"})"}};
    for (int i = 0; i < 2; ++i) {
        for (const auto& [kind, members] : kinds) {
            const std::size_t account = standing_.size() % accounts_.size();
            const auto answer =
                http_.post(some_api() + "/api/v1/alerts/",
                           R"({"ticker":")" + tickers_.front() + R"(",)" + members +
                               R"(,"webhook_url":"http://127.0.0.1:)" + std::to_string(gate_->port()) +
                               "/standing" + std::to_string(i) + "\"}",
                           {{"X-API-Key", accounts_[account].api_key}});
            if (answer.status != 201)
                throw std::runtime_error("a standing alert was refused: " + answer.body);
            standing_.push_back(
                {.kind = kind, .account = account, .id = json_member(answer.body, "id").value(), .note = {}});
        }
    }
}

void Load::run_round(const std::function<bool(Decimal)>& seen) {
    MutexLock lock(mutex_);
    const int round = ++round_;
    lock.unlock();
    for (int i = 0; i < alerts_a_round; ++i) {
        const bool refused = (round * alerts_a_round + i) % refused_one_in == 0;
        set_alert({.round = round,
                   .is_gt = i % 2 == 0,
                   .fate = refused ? LoadedAlert::Fate::refused : LoadedAlert::Fate::delivered,
                   .id = {}});
    }
    set_alert({.round = round, .is_gt = true, .fate = LoadedAlert::Fate::never_fires, .id = {}});
    for (const bool is_gt : {true, false}) {
        const MonoTime traded = system_clock().mono();
        hold(extreme(round, is_gt));
        mark_crossed(round, is_gt, traded);
        edit_now_and_then();
        while (!seen(extreme(round, is_gt))) {
            std::this_thread::sleep_for(100ms);
            hold(extreme(round, is_gt));
        }
        hold(rest);
    }
}

void Load::set_alert(LoadedAlert alert) {
    MutexLock lock(mutex_);
    const int number = static_cast<int>(alerts_.size());
    alerts_[number] = alert;
    lock.unlock();
    const bool fires = alert.fate != LoadedAlert::Fate::never_fires;
    const Decimal target = !fires        ? hundredths(10'000'00)
                           : alert.is_gt ? hundredths(1'005'00)
                                         : hundredths(995'00);
    const std::string rule = has_rules_ && number % crossing_one_in == 0
                                 ? R"("when":{"is":"crosses_)" + std::string(alert.is_gt ? "up" : "down") +
                                       R"(","level":)" + target.to_string() + "}"
                                 : R"("condition":")" + std::string(alert.is_gt ? "gt" : "lt") +
                                       R"(","target_price":)" + target.to_string();
    const std::uint16_t port = alert.fate == LoadedAlert::Fate::refused ? refusing_->port() : gate_->port();
    const std::string api = some_api();
    const Account& account = accounts_[static_cast<std::size_t>(number) % accounts_.size()];
    // A round has an even number of alerts, so that each ticker gets both kinds.
    const std::string& ticker = tickers_[static_cast<std::size_t>(number / 2) % tickers_.size()];
    const auto answer =
        http_.post(api + "/api/v1/alerts/",
                   R"({"ticker":")" + ticker + R"(",)" + rule + R"(,"webhook_url":"http://127.0.0.1:)" +
                       std::to_string(port) + "/" + std::to_string(number) + "\"}",
                   {{"X-API-Key", account.api_key}});
    if (answer.error == net::HttpError::none && answer.status == 201) {
        lock.lock();
        alerts_[number].id = json_member(answer.body, "id").value();
        return;
    }
    if (answer.error == net::HttpError::none && answer.status < 500) {
        complain("an alert was answered with " + std::to_string(answer.status) + " " + answer.body);
    }
    std::this_thread::sleep_for(50ms);  // a server or process is down
}

// A note changes no firing. A snooze mutes what is before its end: a firing that is not written yet when one that ends
// at once is, comes at that end or is left out. Alerts none of whose firings may be missing get one that ended before
// they were made.
void Load::edit_now_and_then() {
    if (standing_.empty()) return;
    const int due = extremes_++ / edited_one_in;
    if (!edit_ && extremes_ % edited_one_in == 0) {
        const std::size_t of = static_cast<std::size_t>(due) % standing_.size();
        const bool may_miss = standing_[of].kind != StandingAlert::Kind::repeating;
        edit_ = {of, "edit " + std::to_string(due),
                 may_miss ? format_rfc3339(system_clock().now()) : "2026-01-01T00:00:00Z"};
    }
    if (edit_) send_edit();
}

void Load::send_edit() {
    StandingAlert& alert = standing_[edit_->of];
    const auto answer =
        http_.patch(some_api() + "/api/v1/alerts/" + alert.id,
                    R"({"note":")" + edit_->note + R"(","snoozed_until":")" + edit_->snoozed_until + "\"}",
                    {{"X-API-Key", accounts_[alert.account].api_key}});
    if (answer.error != net::HttpError::none || answer.status >= 500) return;
    if (answer.status == 200) {
        ++alert.edits;
        alert.note = edit_->note;
    } else {
        complain("an edit was answered with " + std::to_string(answer.status) + " " + answer.body);
    }
    edit_.reset();
}

void Load::hold(Decimal price) {
    const auto deadline = std::chrono::steady_clock::now() + hold_patience;
    std::vector<std::string> left = tickers_;
    while (true) {
        for (const std::string& ticker : left)
            http_.post(sim_url_ + "/_sim/price/" + ticker + "USDT", price.to_string());
        for (int i = 0; i < 8; ++i) {
            std::erase_if(left, [&](const std::string& ticker) { return shows(some_api(), ticker, price); });
            if (left.empty()) return;
            std::this_thread::sleep_for(25ms);
        }
        if (std::chrono::steady_clock::now() > deadline) {
            complain("the price " + price.to_string() + " of " + left.front() + " was never shown");
            return;
        }
    }
}

bool Load::shows(const std::string& api, const std::string& ticker, Decimal price) {
    const auto answer =
        http_.get(api + "/api/v1/rates/" + ticker, {{"X-API-Key", accounts_.front().api_key}});
    if (answer.error != net::HttpError::none || answer.status != 200) return false;
    const auto shown = json_member(answer.body, "price");
    return shown && Decimal::parse(*shown) == price;
}

void Load::mark_crossed(int round, bool is_gt, MonoTime traded) {
    MutexLock lock(mutex_);
    if (is_gt) risen_[round] = system_clock().now();
    const MonoTime now = system_clock().mono();
    for (auto it = alerts_.rbegin(); it != alerts_.rend() && it->second.round == round; ++it) {
        const LoadedAlert& alert = it->second;
        if (alert.is_gt != is_gt || alert.id.empty() || alert.fate != LoadedAlert::Fate::delivered) continue;
        crossings_.push_back({alert.id, traded, now});
    }
}

void Load::on_delivery(const sim::ReceivedDelivery& delivery) {
    MutexLock lock(mutex_);
    Receipts& receipts = receipts_[delivery.alert_id];
    receipts.webhook_ids.insert(delivery.webhook_id);
    receipts.bad_signatures += delivery.signature_ok ? 0 : 1;
    if (!delivery.accepted) return;
    ++receipts.accepted;
    if (!receipts.first_accepted) receipts.first_accepted = system_clock().mono();
}

void Load::complain(std::string what) {
    MutexLock lock(mutex_);
    complaints_.push_back(std::move(what));
}

std::string Load::some_api() {
    MutexLock lock(mutex_);
    return apis_.at(++next_api_ % apis_.size());
}

int Load::rounds() const {
    MutexLock lock(mutex_);
    return round_;
}

std::map<int, LoadedAlert> Load::alerts() const {
    MutexLock lock(mutex_);
    return alerts_;
}

std::map<int, Timestamp> Load::risen() const {
    MutexLock lock(mutex_);
    return risen_;
}

std::map<std::string, Receipts> Load::receipts() const {
    MutexLock lock(mutex_);
    return receipts_;
}

std::vector<std::string> Load::complaints() const {
    MutexLock lock(mutex_);
    return complaints_;
}

std::set<std::string> Load::outstanding(MonoTime from, MonoTime to) const {
    MutexLock lock(mutex_);
    std::set<std::string> out;
    for (const Crossing& crossing : std::views::reverse(crossings_)) {
        if (crossing.shown < from) break;
        if (crossing.shown > to) continue;
        const auto it = receipts_.find(crossing.alert);
        if (it == receipts_.end() || !it->second.first_accepted) out.insert(crossing.alert);
    }
    return out;
}

Duration Load::slowest(MonoTime from, MonoTime to, MonoTime origin) const {
    MutexLock lock(mutex_);
    Duration out{};
    for (const Crossing& crossing : std::views::reverse(crossings_)) {
        if (crossing.shown < from) break;
        if (crossing.shown > to) continue;
        const auto it = receipts_.find(crossing.alert);
        if (it == receipts_.end() || !it->second.first_accepted) continue;
        const auto took = *it->second.first_accepted - std::max(origin, crossing.traded);
        out = std::max(out, std::chrono::duration_cast<Duration>(took));
    }
    return out;
}

}  // namespace pricewire::test
