#include "live/live.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/mailbox.hpp"
#include "live/live_core.hpp"
#include "live/lookups.hpp"

namespace pricewire::live {
namespace {

constexpr std::size_t mailbox_capacity = std::size_t{1} << 16;

struct Join {
    Live::ClientId id;
    LiveClient client;
};
struct Choice {
    Live::ClientId id;
    std::optional<std::vector<Ticker>> tickers;
};
struct Watching {
    Live::ClientId id;
    std::vector<Ticker> tickers;
};
struct Leave {
    Live::ClientId id;
};
struct Notices {
    std::vector<DeliveryNotice> notices;
};
struct Missed {
    Timestamp since;
};
struct UserChanged {
    std::optional<Uuid> user_id;
};
using Event = std::variant<Join, Choice, Watching, Leave, Notices, Missed, UserChanged, Found, KeyCheck,
                           AlertTickers, AlertCounts>;

class LiveThread final : public Live {
public:
    LiveThread(LiveOptions options, LiveJson json, storage::Storage& storage, const bus::PriceBus& bus,
               const Clock& clock)
        : clock_(clock),
          mailbox_(mailbox_capacity),
          lookups_(std::make_unique<Lookups>(
              storage, clock, json.caught, json.explain,
              [this](Found found) { mailbox_.push(std::move(found)); },
              [this](KeyCheck checked) { mailbox_.push(std::move(checked)); },
              [this](AlertTickers found) { mailbox_.push(std::move(found)); },
              [this](AlertCounts found) { mailbox_.push(std::move(found)); })),
          core_(std::move(options), std::move(json), bus, std::random_device{}(),
                {.look_up = [this](Lookup lookup) { return lookups_->ask(std::move(lookup)); },
                 .check_key = [this](KeyCheck check) { return lookups_->ask(std::move(check)); },
                 .alert_tickers = [this](AlertTickers of) { return lookups_->ask(std::move(of)); },
                 .alert_counts = [this](AlertCounts of) { return lookups_->ask(std::move(of)); }}),
          thread_([this] { run(); }) {}

    ~LiveThread() override {
        mailbox_.close();
        thread_.join();
        lookups_.reset();
        core_.close_all();
    }

    ClientId add(LiveClient client) override {
        const ClientId id = next_client_.fetch_add(1);
        // Notices are taken from now on.
        joining_.fetch_add(1);
        mailbox_.push(Join{id, std::move(client)});
        return id;
    }
    void choose(ClientId id, std::optional<std::vector<Ticker>> tickers) override {
        mailbox_.push(Choice{id, std::move(tickers)});
    }
    void watch(ClientId id, std::vector<Ticker> tickers) override {
        mailbox_.push(Watching{id, std::move(tickers)});
    }
    void remove(ClientId id) override { mailbox_.push(Leave{id}); }
    void on_notices(std::span<const DeliveryNotice> notices) override {
        if (users_.load() == 0 && joining_.load() == 0) return;
        if (!mailbox_.try_push(Notices{{notices.begin(), notices.end()}})) dropped_notices_.store(true);
    }
    void on_missed(Timestamp since) override { mailbox_.push(Missed{since}); }
    void on_user_changed(std::optional<Uuid> user_id) override { mailbox_.push(UserChanged{user_id}); }
    std::size_t clients() const override { return client_count_.load(std::memory_order_relaxed); }

private:
    void run() {
        std::vector<Event> inbox;
        while (mailbox_.drain(inbox, core_.next_look()) || !mailbox_.closed()) {
            for (Event& event : inbox) {
                std::visit([this](auto& e) { on(e, clock_.moment()); }, event);
            }
            const Moment now = clock_.moment();
            if (dropped_notices_.exchange(false)) core_.on_missed(now.wall, now);
            core_.on_time(now);
            client_count_.store(core_.clients(), std::memory_order_relaxed);
            users_.store(core_.users());
        }
    }

    void on(Join& join, Moment now) {
        core_.on_join(join.id, std::move(join.client), now);
        // In this order, so that on_notices() sees one of the two.
        users_.store(core_.users());
        joining_.fetch_sub(1);
    }
    void on(const Choice& choice, Moment now) { core_.on_choice(choice.id, choice.tickers, now); }
    void on(Watching& watching, Moment now) { core_.on_watch(watching.id, std::move(watching.tickers), now); }
    void on(const Leave& leave, Moment now) { core_.on_leave(leave.id, now); }
    void on(const Notices& event, Moment now) { core_.on_notices(event.notices, now); }
    void on(const Missed& missed, Moment now) { core_.on_missed(missed.since, now); }
    void on(const UserChanged& change, Moment) { core_.on_user_changed(change.user_id); }
    void on(const Found& found, Moment now) { core_.on_found(found, now); }
    void on(const KeyCheck& checked, Moment now) { core_.on_key_checked(checked, now); }
    void on(const AlertTickers& found, Moment now) { core_.on_alert_tickers(found, now); }
    void on(const AlertCounts& found, Moment now) { core_.on_alert_counts(found, now); }

    const Clock& clock_;
    std::atomic<ClientId> next_client_{1};
    std::atomic<bool> dropped_notices_{false};
    std::atomic<std::size_t> client_count_{0};
    std::atomic<std::size_t> users_{0};
    std::atomic<std::size_t> joining_{0};
    Mailbox<Event> mailbox_;
    std::unique_ptr<Lookups> lookups_;
    LiveCore core_;  // the thread's own
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Live> start_live(LiveOptions options, LiveJson json, storage::Storage& storage,
                                 const bus::PriceBus& bus, const Clock& clock) {
    return std::make_unique<LiveThread>(std::move(options), std::move(json), storage, bus, clock);
}

}  // namespace pricewire::live
