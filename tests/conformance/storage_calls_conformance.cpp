// Every Storage reports each call by the name of its method, which is a label of metrics.
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageCallsConformance : public StorageConformance {};

TEST_P(StorageCallsConformance, EveryMethodIsReportedOnceByItsName) {
    const Uuid none = make_uuid(now_);
    const WebhookSecrets secrets{.current = "sealed"};
    const storage::Claim by_me{"sender-1", now_ + lease_};
    storage::Storage& s = *storage_;
    const std::vector<std::pair<std::string, std::function<void()>>> methods{
        {"ping", [&] { s.ping(); }},
        {"create_user", [&] { add_user("bob@example.com"); }},
        {"user_by_key_hash", [&] { s.user_by_key_hash({}); }},
        {"user_by_email", [&] { s.user_by_email("x"); }},
        {"users", [&] { s.users(); }},
        {"set_user_active", [&] { s.set_user_active(none, true); }},
        {"replace_api_key", [&] { s.replace_api_key(none, {}); }},
        {"delete_user", [&] { s.delete_user(none, now_); }},
        {"webhook_secrets", [&] { s.webhook_secrets(none); }},
        {"rotate_webhook_secret", [&] { s.rotate_webhook_secret(none, "x", now_); }},
        {"secrets_after", [&] { s.secrets_after({}, 1); }},
        {"replace_secrets", [&] { s.replace_secrets(none, secrets, secrets); }},
        {"create_alert", [&] { add_alert(); }},
        {"create_alerts", [&] { s.create_alerts({}, 1); }},
        {"create_each", [&] { s.create_each({}); }},
        {"stored_answer", [&] { s.stored_answer(none, "x", now_); }},
        {"change_alert",
         [&] { (void)s.change_alert(none, none, [](Alert&) { return true; }, {.now = now_}); }},
        {"delete_alerts_of", [&] { s.delete_alerts_of(none, "BTC", false); }},
        {"delete_alerts_of", [&] { s.delete_alerts_of(none, "BTC", true); }},
        {"firings", [&] { s.firings(none, none, 1); }},
        {"active_alert", [&] { s.active_alert(none); }},
        {"alert", [&] { s.alert(none, none); }},
        {"alerts", [&] { s.alerts(none, {}); }},
        {"delete_alert", [&] { s.delete_alert(none, none); }},
        {"load_active_alerts", [&] { active(); }},
        {"load_alerts_of", [&] { s.load_alerts_of(std::vector<Ticker>{"BTC"}, [](auto) {}); }},
        {"endpoints", [&] { s.endpoints(none, 1); }},
        {"endpoint", [&] { s.endpoint(none, "https://x.example/"); }},
        {"enable_endpoint", [&] { s.enable_endpoint(none, "x"); }},
        {"fire", [&] { fire({none}); }},
        {"claim", [&] { claim(none, 1, now_); }},
        {"claim_due", [&] { s.claim_due(now_, 1, by_me); }},
        {"next_due", [&] { s.next_due(); }},
        {"backlog", [&] { s.backlog(now_, 1); }},
        {"release_claims", [&] { s.release_claims("x"); }},
        {"release_leases", [&] { s.release_leases("x", std::vector{now_}); }},
        {"keep_alive", [&] { s.keep_alive("x", now_, 1s); }},
        {"release_dead", [&] { s.release_dead(now_); }},
        {"defer", [&] { s.defer(std::vector{Deferral{none, 1, now_, "lane"}}); }},
        {"claim_lane", [&] { s.claim_lane("lane", 1, by_me); }},
        {"lanes", [&] { s.lanes(1); }},
        {"record", [&] { record(outcome(none, 1, now_, DeliveryState::delivered)); }},
        {"save_breakers",
         [&] { s.save_breakers(std::vector{Breaker{.endpoint = "x", .changed_at = now_}}); }},
        {"breakers", [&] { s.breakers(); }},
        {"breakers_of", [&] { s.breakers_of(none); }},
        {"deliveries", [&] { s.deliveries(none, {}); }},
        {"delivery_horizon", [&] { s.delivery_horizon(none, {}, 1); }},
        {"delivery", [&] { s.delivery(none, none); }},
        {"attempts_of", [&] { s.attempts_of(none); }},
        {"last_request", [&] { s.last_request(none); }},
        {"retry_delivery", [&] { (void)s.retry_delivery(none, none, now_); }},
        {"cancel_delivery", [&] { (void)s.cancel_delivery(none, none, now_); }},
        {"recover_deliveries", [&] { s.recover_deliveries(none, now_, now_, 1, {}); }},
        {"add_test_delivery",
         [&] { (void)s.add_test_delivery(none, none, none, Decimal::from_int(1), now_); }},
        {"add_endpoint_test", [&] { (void)s.add_endpoint_test(Alert{}, none, Decimal::from_int(1), now_); }},
        {"endpoint_records", [&] { s.endpoint_records(none, "", "", now_); }},
        {"put_push", [&] { (void)s.put_push({.id = none, .user_id = none}, 1); }},
        {"pushes", [&] { s.pushes(none); }},
        {"push", [&] { s.push(none, none); }},
        {"remove_push", [&] { s.remove_push(none, none, now_); }},
        {"add_push_test", [&] { (void)s.add_push_test(Alert{}, none, now_); }},
        {"server_key", [&] { s.server_key("x"); }},
        {"keep_server_key", [&] { s.keep_server_key("x", "y"); }},
        {"server_keys", [&] { s.server_keys(); }},
        {"replace_server_key", [&] { s.replace_server_key("x", "y", "z"); }},
        {"pushes_after", [&] { s.pushes_after({}, 1); }},
        {"replace_push_keys", [&] { s.replace_push_keys(none, "x", "y"); }},
        {"prune", [&] { s.prune(now_, 1); }},
        {"upsert_bars",
         [&] {
             const Decimal price = Decimal::from_int(1);
             s.upsert_bars(std::vector{Bar{"BTC", now_, price, price, price, price}});
         }},
        {"bars", [&] { s.bars("BTC", 1min, now_, now_, 1); }},
        {"bars_of", [&] { s.bars_of(std::vector<Ticker>{"BTC"}, 1min, now_, now_, 1); }},
        {"replace_listings", [&] { s.replace_listings("kraken", SourceKind::exchange, {}, now_); }},
        {"listed_sources", [&] { s.listed_sources(); }},
        {"listings", [&] { s.listings("kraken"); }},
        {"note_disagreement", [&] { s.note_disagreement("kraken", "BTC/USD", now_); }},
        {"add_history",
         [&] {
             const Decimal price = Decimal::from_int(1);
             s.add_history("BTC", 24h, std::vector{Bar{"BTC", now_, price, price, price, price}});
         }},
        {"prune_bars", [&] { s.prune_bars(now_, now_, 1); }},
        {"claim_fill", [&] { s.claim_fill("BTC", "feed", now_, now_); }},
        {"finish_fill", [&] { s.finish_fill("BTC", "feed", {now_, now_}); }},
        {"filled", [&] { s.filled("BTC"); }},
        {"judged_until", [&] { s.judged_until(); }},
        {"note_judged", [&] { s.note_judged(now_, now_); }},
        {"save_blind",
         [&] {
             s.save_blind(
                 std::vector{BlindSpan{.ticker = "BTC", .from = now_, .reason = "x", .told_until = {}}});
         }},
        {"open_blind", [&] { s.open_blind(); }},
        {"unresolved_blind", [&] { s.unresolved_blind(); }},
        {"blind_spans", [&] { s.blind_spans("BTC", now_, 1); }},
        {"claim_blind", [&] { s.claim_blind(now_, 1, "x", now_); }},
        {"finish_blind",
         [&] {
             s.finish_blind({.ticker = "BTC", .from = now_, .reason = "x", .told_until = {}}, "x", now_);
         }},
        {"recoverable_alerts", [&] { s.recoverable_alerts("BTC", now_); }},
        {"recoverable_ruled", [&] { s.recoverable_ruled("BTC", now_, 1); }},
        {"prune_blind", [&] { s.prune_blind(now_, 1); }},
        {"renew_members", [&] { s.renew_members(std::vector{MemberReport{.id = "x"}}, 1s); }},
        {"end_membership", [&] { s.end_membership(MemberRole::checker, "x"); }},
        {"members", [&] { s.members(); }},
        {"database_time", [&] { s.database_time(); }},
        {"need_tickers", [&] { s.need_tickers(std::vector<Ticker>{"BTC"}, now_, now_); }},
        {"needed_tickers", [&] { s.needed_tickers(now_); }},
        {"key_room_at", [&] { s.key_room_at(none, now_, 1); }},
        {"alert_tickers", [&] { s.alert_tickers(none); }},
        {"deleted_alerts", [&] { s.deleted_alerts(none, now_, 1); }},
        {"changed_alerts", [&] { s.changed_alerts(none, now_, 1); }},
        {"alert_counts", [&] { s.alert_counts(none); }},
        {"count_alerts", [&] { s.count_alerts(std::vector<Ticker>{"BTC"}); }},
        {"set_watch_states", [&] { s.set_watch_states({}, std::vector<Ticker>{"BTC"}); }},
        {"watch_states", [&] { s.watch_states(); }},
    };
    for (const auto& [name, method] : methods) {
        take_calls();
        method();
        EXPECT_EQ(take_calls(), std::vector{name});
    }
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageCallsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
