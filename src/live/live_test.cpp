#include "live/live.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bus/in_process/in_process_bus.hpp"
#include "fakes/fake_peer.hpp"
#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"

namespace pricewire::live {
namespace {

using namespace std::chrono_literals;

class LiveTest : public testing::Test {
protected:
    LiveTest() {
        options_.tickers = {"BTC", "ETH"};
        options_.prices_every = 5ms;
        options_.quotes_every = 20ms;
        add_user(user_, 1);
        add_user(other_, 2);
    }

    Live& live() {
        if (!live_) {
            live_ = start_live(
                options_,
                {.alert =
                     [](const Alert& a) {
                         const std::string ended = a.ended ? " " + std::string(to_string(*a.ended)) : "";
                         return "\"alert " + a.target.to_string() + ended + "\"";
                     },
                 .delivery =
                     [](const DeliveryView& d) {
                         return "\"" + d.id.to_string() + " " + std::string(to_string(d.state)) + "\"";
                     },
                 .firing = [](const FiringView& f, const Ticker&) { return std::to_string(f.said.number); },
                 .quotes = [](const TickerBoard&) { return std::string("[]"); },
                 .why_unpriced = [](const Ticker&, const WatchState*,
                                    const std::optional<TickerBoard>&) { return std::string("silent"); }},
                storage_, *bus_, system_clock());
        }
        return *live_;
    }

    void add_user(const Uuid& id, std::uint8_t key) {
        Sha256 hash{};
        hash[0] = key;
        ASSERT_TRUE(storage_.create_user(
            {{id, id.to_string() + "@example.com", true, system_clock().now()}, hash, "sealed"}));
    }
    Live::ClientId join(const std::shared_ptr<fakes::FakePeer>& peer, LiveClient client = {}) {
        client.peer = peer;
        if (client.user_id.is_nil()) client.user_id = user_;
        client.key_hash[0] = client.user_id == user_ ? 1 : 2;
        const auto id = live().add(std::move(client));
        EXPECT_TRUE(peer->wait([](const auto& sent, int) { return !sent.empty(); }));
        return id;
    }
    void publish(std::string_view price) {
        TickerBoard board;
        board.ticker = "BTC";
        board.price = Price{"BTC", *Decimal::parse(price), system_clock().now(), 1};
        bus_->publish_board(board);
    }
    Alert add(const std::string& target, const Uuid& user, std::optional<Timestamp> expires_at = {},
              bool notify = false, std::optional<Repeat> repeat = {}) {
        Alert alert;
        alert.id = make_uuid(system_clock().now());
        alert.user_id = user;
        alert.ticker = "BTC";
        alert.target = *Decimal::parse(target);
        alert.webhook_url = "https://example.com/" + target;
        alert.created_at = system_clock().now();
        if (expires_at || repeat) {
            alert.terms = std::make_shared<const Terms>(
                Terms{.rules = {{.ticker = "BTC", .level = {.number = alert.target}}}, .repeat = repeat});
        }
        alert.state.expires_at = expires_at;
        alert.notify_on_expiry = notify;
        EXPECT_TRUE(storage_.create_alert(alert, 10'000));
        return alert;
    }
    void pause(const Alert& alert) {
        const auto edit = [](Alert& a) { return (a.is_active = false, true); };
        EXPECT_TRUE(storage_.change_alert(alert.user_id, alert.id, edit,
                                          {.now = system_clock().now(), .limit = 10'000}));
    }
    // Creates and fires an alert with that target. Returns its delivery.
    DeliveryTask fire(const std::string& target, const Uuid& user, bool tell = true) {
        const Timestamp now = system_clock().now();
        Alert alert;
        alert.id = make_uuid(now);
        alert.user_id = user;
        alert.ticker = "BTC";
        alert.target = *Decimal::parse(target);
        alert.webhook_url = "https://example.com/" + target;
        alert.created_at = now;
        EXPECT_TRUE(storage_.create_alert(alert, 10'000));
        const FiringGroup group{{"BTC", alert.target, now, 1}, now, {{alert.id, make_uuid(now)}}};
        const DeliveryTask task = storage_.fire({&group, 1}).at(0);
        EXPECT_EQ(task.user_id, user);
        if (tell) notice({user, task.delivery_id, true});
        return task;
    }
    void notice(const DeliveryNotice& n) { live().on_notices({&n, 1}); }
    void cancel(const DeliveryTask& task) {
        EXPECT_TRUE(storage_.cancel_delivery(user_, task.delivery_id, system_clock().now()));
    }
    static std::string event_of(const DeliveryTask& task, const std::string& state) {
        return task.delivery_id.to_string() + " " + state;
    }

    const Uuid user_ = make_uuid(system_clock().now());
    const Uuid other_ = make_uuid(system_clock().now());
    LiveOptions options_;
    fakes::TestStorage storage_;
    std::unique_ptr<bus::PriceBus> bus_ = bus::create_in_process_bus({"BTC", "ETH"});
    std::unique_ptr<Live> live_;
};

TEST_F(LiveTest, AClientIsSentReadyThenAllPricesThenChanges) {
    publish("100");
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    ASSERT_TRUE(peer->wait_for(R"("sources")"));
    const auto sent = peer->sent();
    EXPECT_TRUE(sent[0].starts_with(R"({"type":"ready","last_event_id":")")) << sent[0];
    EXPECT_TRUE(sent[1].starts_with(R"({"type":"prices","prices":{"BTC":{"price":100,)")) << sent[1];
    EXPECT_NE(sent[1].find(R"("ETH":null)"), std::string::npos);
    EXPECT_EQ(sent[2], R"({"type":"quotes","quotes":{"BTC":[],"ETH":[]}})");
    publish("101");
    EXPECT_TRUE(peer->wait_for(R"("price":101)"));
    EXPECT_EQ(live().clients(), 1U);
}

TEST_F(LiveTest, AFiringAndItsDeliveryAreSentToTheirUserAlone) {
    const auto peer = std::make_shared<fakes::FakePeer>(), others = std::make_shared<fakes::FakePeer>();
    join(peer);
    join(others, {.user_id = other_});
    const auto task = fire("7", user_);
    ASSERT_TRUE(peer->wait_for(event_of(task, "pending")));
    EXPECT_EQ(peer->count("alert 7"), 1U);
    cancel(task);
    notice({user_, task.delivery_id});
    ASSERT_TRUE(peer->wait_for(event_of(task, "cancelled")));
    EXPECT_EQ(peer->count("alert 7"), 1U) << "an alert fires once";
    const auto theirs = fire("8", other_);
    ASSERT_TRUE(others->wait_for(event_of(theirs, "pending")));
    EXPECT_EQ(others->count(task.delivery_id.to_string()), 0U);
    EXPECT_EQ(peer->count(theirs.delivery_id.to_string()), 0U);
}

TEST_F(LiveTest, AChangedAlertIsSentAsItIs) {
    const auto peer = std::make_shared<fakes::FakePeer>(), others = std::make_shared<fakes::FakePeer>();
    join(peer);
    join(others, {.user_id = other_});
    const Alert alert = add("7", user_);
    pause(alert);
    notice({user_, alert.id});
    ASSERT_TRUE(peer->wait_for(R"({"type":"alert_changed","id":")"));
    EXPECT_EQ(peer->count(R"("alert":"alert 7 paused"})"), 1U);
    publish("3");
    ASSERT_TRUE(others->wait_for(R"("price":3)"));
    EXPECT_EQ(others->count("alert 7"), 0U);
}

TEST_F(LiveTest, AClientThatComesBackToAnotherProcessIsSentAlertsThatWereChanged) {
    const Alert alert = add("7", user_), untouched = add("8", user_);
    const auto first = std::make_shared<fakes::FakePeer>();
    join(first);
    ASSERT_TRUE(first->wait_for(event_of(fire("1", user_), "pending")));
    const std::string last = first->last_id();
    live_.reset();
    pause(alert);
    const auto second = std::make_shared<fakes::FakePeer>();
    join(second, {.last_event_id = last});
    ASSERT_TRUE(second->wait_for(R"("type":"alert_created")", 3))
        << "those of the last seconds may be repeated";
    EXPECT_EQ(second->count("alert 7 paused"), 1U);
    EXPECT_EQ(second->count("alert 8"), 1U);
    EXPECT_EQ(second->count("missed"), 0U);
}

TEST_F(LiveTest, AlertsThatAreCreatedAndDeletedAreSentToAllStreamsOfTheirUser) {
    const auto peer = std::make_shared<fakes::FakePeer>(), others = std::make_shared<fakes::FakePeer>();
    const auto second = std::make_shared<fakes::FakePeer>();
    join(peer);
    join(second);
    join(others, {.user_id = other_});
    const Alert alert = add("7", user_);
    notice({user_, alert.id, true});
    for (const auto& mine : {peer, second}) {
        ASSERT_TRUE(mine->wait_for(R"({"type":"alert_created","id":")"));
        EXPECT_EQ(mine->count(R"("alert":"alert 7"})"), 1U);
    }
    ASSERT_TRUE(storage_.delete_alert(user_, alert.id));
    notice({user_, alert.id});
    for (const auto& mine : {peer, second}) {
        ASSERT_TRUE(mine->wait_for(R"({"type":"alert_deleted","id":")"));
        EXPECT_EQ(mine->count(R"("alert_id":")" + alert.id.to_string() + R"("})"), 1U);
    }
    notice({user_, make_uuid(system_clock().now())});  // neither an alert nor a delivery
    publish("3");
    ASSERT_TRUE(others->wait_for(R"("price":3)"));
    EXPECT_EQ(others->count("alert_"), 0U);
    EXPECT_EQ(peer->count("alert_deleted"), 1U);
}

TEST_F(LiveTest, HundredsOfAlertsThatAreMadeAndDeletedAtOnceAreAllSentToAClientThatReads) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    std::vector<DeliveryNotice> notices;
    for (int i = 0; i < 600; ++i) notices.push_back({user_, add(std::to_string(i + 1), user_).id, true});
    live().on_notices(notices);
    ASSERT_TRUE(peer->wait_for("alert_created", 600));
    ASSERT_EQ(storage_.delete_alerts_of(user_, "BTC", false), 600U);
    for (DeliveryNotice& n : notices) n.is_new = false;
    live().on_notices(notices);
    ASSERT_TRUE(peer->wait_for("alert_deleted", 600));
    EXPECT_EQ(peer->count("missed"), 0U);
    EXPECT_EQ(peer->count("alert_changed"), 0U);
}

TEST_F(LiveTest, AClientThatComesBackToAnotherProcessIsSentAlertsThatWereCreatedAndDeleted) {
    const Alert old = add("7", user_);
    const auto first = std::make_shared<fakes::FakePeer>();
    join(first);
    ASSERT_TRUE(first->wait_for(event_of(fire("1", user_), "pending")));
    const std::string last = first->last_id();
    live_.reset();
    const Alert made = add("8", user_);
    ASSERT_TRUE(storage_.delete_alert(user_, old.id));
    const auto second = std::make_shared<fakes::FakePeer>();
    join(second, {.last_event_id = last});
    ASSERT_TRUE(second->wait_for(old.id.to_string()));
    EXPECT_EQ(second->count(R"("type":"alert_deleted")"), 1U);
    EXPECT_EQ(second->count(R"("alert":"alert 8"})"), 1U);
    EXPECT_EQ(second->count("missed"), 0U);
}

TEST_F(LiveTest, TheEndOfAnAlertsLifeIsSentWithItsDeliveryOrWithout) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    const Timestamp now = system_clock().now();
    FiringGroup group{{.ticker = "BTC"}, now, {}};
    for (const bool notify : {false, true}) {
        const Alert alert = add(notify ? "8" : "7", user_, now + 1ms, notify);
        group.expiries.push_back({alert.id, 1, now + 1ms, now + 1ms});
    }
    const auto tasks = storage_.fire({&group, 1});
    ASSERT_EQ(tasks.size(), 1U);
    notice({user_, group.expiries[0].alert_id});
    notice({user_, tasks[0].delivery_id, true});
    ASSERT_TRUE(peer->wait_for("alert 7 expired"));
    ASSERT_TRUE(peer->wait_for("alert 8 expired"));
    EXPECT_TRUE(peer->wait_for(event_of(tasks[0], "pending")));
    EXPECT_EQ(peer->count("alert_fired"), 0U);
    EXPECT_EQ(peer->count("alert_changed"), 2U);
}

TEST_F(LiveTest, EachFiringOfARepeatingAlertIsSentByItsNumber) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    const Timestamp now = system_clock().now();
    const Alert alert = add("7", user_, std::nullopt, false, Repeat{.rearm = {Decimal(), true}});
    std::vector<DeliveryNotice> notices;
    for (const int number : {1, 2}) {
        RuledFiring firing{.alert_id = alert.id, .delivery_id = make_uuid(now), .number = number};
        firing.time = now + number * 1s;
        firing.value = firing.level = alert.target;
        firing.evidence = "{}";
        firing.after = {
            .firings = number, .muted_until = firing.time, .rules = {{.armed = true, .start = now}}};
        FiringGroup group{{"BTC", alert.target, firing.time, 1}, firing.time, {}};
        group.ruled.push_back(firing);
        ASSERT_EQ(storage_.fire({&group, 1}).size(), 1U) << number;
        notices.push_back({user_, firing.delivery_id, true});
    }
    live().on_notices(notices);
    ASSERT_TRUE(peer->wait_for(R"("firing":2})"));
    ASSERT_TRUE(peer->wait_for(R"("firing":1})"));
    live().on_notices(notices);
    cancel({notices[0].id});
    notice({user_, notices[0].id});
    ASSERT_TRUE(peer->wait_for("cancelled"));
    EXPECT_EQ(peer->count("alert_fired"), 2U);
}

TEST_F(LiveTest, ManyFiringsAtOnceAreAllSentToAClientThatReads) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    std::vector<DeliveryNotice> notices;
    for (int i = 0; i < 600; ++i) {
        notices.push_back({user_, fire(std::to_string(i + 1), user_, false).delivery_id, true});
    }
    live().on_notices(notices);
    ASSERT_TRUE(peer->wait_for("delivery\",\"id\"", 600));
    EXPECT_EQ(peer->count("alert_fired"), 600U);
    EXPECT_EQ(peer->count("missed"), 0U);
}

TEST_F(LiveTest, OfMoreThanIsLookedUpAtOnceTheNewestAreSentAndThatSomeWereMissed) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    std::vector<DeliveryNotice> notices;
    for (int i = 0; i < 1500; ++i) {
        notices.push_back({user_, fire(std::to_string(i + 1), user_, false).delivery_id, true});
    }
    live().on_notices(notices);
    ASSERT_TRUE(peer->wait_for(R"({"type":"missed"})"));
    EXPECT_GE(peer->count("alert_fired"), 500U);
}

TEST_F(LiveTest, AFiringWithoutANoticeIsSentWithItsDelivery) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    const auto task = fire("5", user_, false);
    notice({user_, task.delivery_id});  // as from the sender, which knows nothing of firings
    EXPECT_TRUE(peer->wait_for(event_of(task, "pending")));
    EXPECT_EQ(peer->count("alert 5"), 1U);
}

TEST_F(LiveTest, DeliveriesOfAnUnknownKindDoNotStopOtherEventsAndAreLoggedOnce) {
    const fakes::LogCapture log;
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    const auto unknown = fire("1", user_, false);
    storage_.write_unknown("deliveries", "kind", unknown.delivery_id);
    notice({user_, unknown.delivery_id, true});
    const auto task = fire("2", user_);
    EXPECT_TRUE(peer->wait_for(event_of(task, "pending")));
    notice({user_, unknown.delivery_id});
    EXPECT_TRUE(peer->wait_for(event_of(fire("3", user_), "pending")));
    EXPECT_EQ(peer->count(unknown.delivery_id.to_string()), 0U);
    EXPECT_EQ(log.count("is not sent to clients"), 1U);
}

TEST_F(LiveTest, AStreamWhoseKeyWasRevokedWhileItOpenedIsClosed) {
    ASSERT_TRUE(storage_.set_user_active(user_, false));
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);  // no notice of the change follows
    EXPECT_TRUE(peer->wait([](const auto&, int code) { return code == 4401; }));
}

TEST_F(LiveTest, AClientThatComesBackToAnotherProcessIsSentWhatHasChangedSince) {
    const auto first = std::make_shared<fakes::FakePeer>();
    join(first);
    const auto open = fire("1", user_);
    ASSERT_TRUE(first->wait_for(event_of(open, "pending")));
    const std::string last = first->last_id();
    live_.reset();
    const auto missed = fire("2", user_, false);
    const auto second = std::make_shared<fakes::FakePeer>();
    join(second, {.last_event_id = last});
    ASSERT_TRUE(second->wait_for(event_of(missed, "pending")));
    EXPECT_EQ(second->count("alert_fired"), 2U);
    EXPECT_EQ(second->count("missed"), 0U);
}

TEST_F(LiveTest, AfterLostNoticesChangesAreReadFromTheDatabase) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    const Timestamp before = system_clock().now();
    const auto task = fire("5", user_, false);
    live().on_missed(before);
    EXPECT_TRUE(peer->wait_for(event_of(task, "pending")));
    EXPECT_EQ(peer->count("alert_fired"), 1U);
    EXPECT_EQ(peer->count("alert_created"), 1U);
}

TEST_F(LiveTest, WhileTheDatabaseIsUnavailablePricesAreSentAndEventsLater) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    join(peer);
    const auto task = fire("5", user_, false);
    storage_.fail();
    notice({user_, task.delivery_id, true});
    publish("55");
    EXPECT_TRUE(peer->wait_for(R"("price":55)"));
    storage_.heal();
    EXPECT_TRUE(peer->wait_for(event_of(task, "pending")));
    EXPECT_EQ(peer->count("alert 5"), 1U);
}

TEST_F(LiveTest, AKeyThatNoLongerWorksEndsItsStreams) {
    const auto peer = std::make_shared<fakes::FakePeer>(), others = std::make_shared<fakes::FakePeer>();
    join(peer);
    join(others, {.user_id = other_});
    ASSERT_TRUE(storage_.set_user_active(user_, false));
    live().on_user_changed(std::nullopt);
    EXPECT_TRUE(peer->wait([](const auto&, int code) { return code == 4401; }));
    EXPECT_EQ(peer->count(R"("code":401)"), 1U);
    publish("3");
    EXPECT_TRUE(others->wait_for(R"("price":3)"));
    EXPECT_EQ(others->count(R"("code":401)"), 0U);
}

}  // namespace
}  // namespace pricewire::live
