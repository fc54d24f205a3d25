#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/trace_context.hpp"
#include "fakes/fake_http_client.hpp"
#include "fakes/log_capture.hpp"
#include "support/eventually.hpp"
#include "trace/exporter.hpp"
#include "trace/firing_spans.hpp"

namespace pricewire::trace {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp now{std::chrono::seconds{1'700'000'000}};
const std::string trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";

Uuid id_of(std::uint8_t last) {
    Uuid out;
    out.bytes[0] = 1;
    out.bytes[14] = last;
    return out;
}

TEST(Otlp, IsWrittenAsItsSpecificationSays) {
    const Span span{
        .context = {trace_id, "00f067aa0ba902b7"},
        .parent_id = "00f067aa0ba902b8",
        .name = "POST",
        .kind = Span::Kind::client,
        .start = now,
        .end = now + 1500us,
        .attributes = {{"text", std::string("a\"b")}, {"number", std::int64_t{200}}, {"yes", true}},
        .error = "503"};
    EXPECT_EQ(
        otlp_json({&span, 1}, {.version = "1.2", .instance = "x"}),
        R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"pricewire"}},)"
        R"({"key":"service.version","value":{"stringValue":"1.2"}},)"
        R"({"key":"service.instance.id","value":{"stringValue":"x"}}]},)"
        R"("scopeSpans":[{"scope":{"name":"pricewire"},"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736",)"
        R"("spanId":"00f067aa0ba902b7","parentSpanId":"00f067aa0ba902b8","name":"POST","kind":3,)"
        R"("startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000001500000",)"
        R"("attributes":[{"key":"text","value":{"stringValue":"a\"b"}},{"key":"number","value":{"intValue":"200"}},)"
        R"({"key":"yes","value":{"boolValue":true}}],"status":{"code":2,"message":"503"}}]}]}]})");
}

TEST(FiringSpans, AreRecordedOfAShareOfAllAlerts) {
    int recorded = 0;
    for (int i = 0; i < 256; ++i) {
        const Uuid alert = id_of(static_cast<std::uint8_t>(i));
        recorded += is_recorded(alert, 25) ? 1 : 0;
        EXPECT_TRUE(is_recorded(alert, 100));
        EXPECT_FALSE(is_recorded(alert, 0));
    }
    EXPECT_EQ(recorded, 64);
}

TEST(FiringSpans, AreOfWhatTheCommitWroteAndNoMoreThanAsked) {
    FiringGroup group{{"BTC", Decimal::from_int(100), now, 1}, now + 2ms, {}};
    for (std::uint8_t i = 1; i <= 4; ++i) group.firings.push_back({id_of(i), id_of(100 + i)});
    std::vector<DeliveryTask> written;  // the second one was another checker's
    for (const std::uint8_t i : {1, 3, 4})
        written.push_back({.delivery_id = id_of(100 + i), .user_id = id_of(9)});
    const auto firings = recorded_firings({&group, 1}, written, now + 5ms, 100, 2);
    ASSERT_EQ(firings.size(), 2U);
    EXPECT_EQ(firings[0].alert_id, id_of(1));
    EXPECT_EQ(firings[1].alert_id, id_of(3));
    EXPECT_EQ(firings[1].user_id, id_of(9));
    EXPECT_TRUE(recorded_firings({&group, 1}, written, now, 0, 10).empty());

    const auto spans = firing_spans(firings[0], trace_id);
    ASSERT_EQ(spans.size(), 3U);
    const Span& root = spans[0];
    EXPECT_EQ(root.name, "firing");
    EXPECT_EQ(root.parent_id, "");
    EXPECT_EQ(root.start, now);
    EXPECT_EQ(root.end, now + 5ms);
    for (const Span& child : {spans[1], spans[2]}) {
        EXPECT_EQ(child.parent_id, root.context.span_id);
        EXPECT_EQ(child.context.trace_id, trace_id);
    }
    EXPECT_EQ(spans[1].name, "judge");
    EXPECT_EQ(spans[1].end, now + 2ms);
    EXPECT_EQ(spans[2].name, "commit");
    EXPECT_EQ(spans[2].start, now + 2ms);
}

TEST(FiringSpans, NeverEndBeforeTheyBegin) {
    // A venue's clock ahead of ours, and ours set back.
    FiringGroup group{{"BTC", Decimal::from_int(100), now + 3ms, 1}, now, {{id_of(1), id_of(2)}}};
    const DeliveryTask task{.delivery_id = id_of(2)};
    const auto firings = recorded_firings({&group, 1}, {&task, 1}, now - 1s, 100, 1);
    ASSERT_EQ(firings.size(), 1U);
    for (const Span& span : firing_spans(firings[0], trace_id)) EXPECT_LE(span.start, span.end) << span.name;
}

TEST(AttemptSpans, SayWhatEachPartTookAndWhatCameOfIt) {
    ClaimedDelivery claimed;
    claimed.id = id_of(2);
    claimed.attempt = 2;
    Attempt attempt;
    attempt.number = 2;
    attempt.started_at = now;
    attempt.duration = 30ms;
    attempt.status = 503;
    attempt.times = {.dns = std::nullopt, .connect = 5ms, .tls = 10ms, .first_byte = 12ms};
    DeliveryOutcome outcome;
    outcome.next = DeliveryState::pending;
    outcome.reason = "503";
    const auto spans = attempt_spans(claimed, attempt, outcome, trace_id);
    ASSERT_EQ(spans.size(), 4U);
    EXPECT_EQ(spans[0].name, "POST");
    EXPECT_EQ(spans[0].error, "503");
    EXPECT_EQ(spans[0].context.span_id, attempt_span_id(claimed.id, 2));
    EXPECT_NE(spans[0].context.span_id, attempt_span_id(claimed.id, 1));
    EXPECT_EQ(spans[0].parent_id, span_id_of(claimed.id, "firing"));
    EXPECT_EQ(spans[1].name, "connect");
    EXPECT_EQ(spans[2].name, "tls");
    EXPECT_EQ(spans[2].start, now + 5ms);
    EXPECT_EQ(spans[3].name, "answer");
    EXPECT_EQ(spans[3].end, now + 27ms);

    claimed.kind = DeliveryKind::test;
    EXPECT_EQ(attempt_spans(claimed, attempt, outcome, trace_id)[0].parent_id, "") << "nothing has fired";
}

Exporter::Make one_span(const std::string& name) {
    return [name] {
        return std::vector<Span>{
            {.context = {trace_id, "00f067aa0ba902b7"}, .name = name, .start = now, .end = now}};
    };
}

TEST(Exporter, SendsInRequestsOfBoundedSize) {
    fakes::FakeHttpClient client;
    client.script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    const auto exporter = start_exporter({.endpoint = "http://127.0.0.1:4318", .most_at_once = 2}, client);
    for (int i = 0; i < 5; ++i) exporter->add(one_span("s" + std::to_string(i)));
    EXPECT_TRUE(test::eventually([&] { return exporter->stats().sent == 5; }));
    for (const net::HttpRequest& request : client.seen()) {
        EXPECT_EQ(request.url, "http://127.0.0.1:4318/v1/traces");
        const auto body = boost::json::parse(request.body);
        const auto& spans = body.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans").as_array();
        EXPECT_LE(spans.size(), 2U);
    }
}

TEST(Exporter, DropsAndSaysOnceWhatTheReceiverDoesNotTake) {
    fakes::LogCapture log;
    fakes::FakeHttpClient client;
    std::atomic<int> status = 503;
    client.script = [&](const net::HttpRequest&) { return fakes::http_status(status); };
    const auto exporter = start_exporter({.endpoint = "http://127.0.0.1:4318/", .most_at_once = 1}, client);
    exporter->add(one_span("a"));
    exporter->add(one_span("b"));
    EXPECT_TRUE(test::eventually([&] { return exporter->stats().dropped == 2; }));
    EXPECT_EQ(log.count("503"), 1U);
    status = 200;
    exporter->add(one_span("c"));
    EXPECT_TRUE(test::eventually([&] { return exporter->stats().sent == 1; }));
    exporter->add([]() -> std::vector<Span> { throw std::runtime_error("no database"); });
    exporter->add(one_span("d"));
    EXPECT_TRUE(test::eventually([&] { return exporter->stats().sent == 2; }));
    EXPECT_EQ(exporter->stats().dropped, 3U);
}

TEST(Exporter, HoldsNoMoreThanMayWaitWhileTheReceiverHangs) {
    fakes::FakeHttpClient client;  // answers nothing
    const auto exporter =
        start_exporter({.endpoint = "http://127.0.0.1:4318", .most_waiting = 3, .most_at_once = 1}, client);
    exporter->add(one_span("under way"));
    EXPECT_TRUE(test::eventually([&] { return client.open() == 1; }));
    for (int i = 0; i < 10; ++i) exporter->add(one_span("waits"));
    EXPECT_EQ(exporter->stats().dropped, 7U);
    std::jthread answers([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            if (client.open() > 0) client.answer(0, fakes::http_status(200));
            std::this_thread::yield();
        }
    });
    exporter->stop();
    EXPECT_EQ(exporter->stats().sent + exporter->stats().dropped, 11U) << "each is accounted for";
}

}  // namespace
}  // namespace pricewire::trace
