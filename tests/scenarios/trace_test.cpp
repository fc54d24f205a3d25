// One trace from the request that creates an alert, through its firing and each attempt, to the webhook as it
// arrives: in the headers and in the log, across all processes involved.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "scenarios/sides.hpp"
#include "sim/receiver.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

class Trace : public ::testing::TestWithParam<Side> {
protected:
    static constexpr const char* id = "4bf92f3577b34da6a3ce929d0e0e4736";
    static constexpr const char* span = "00f067aa0ba902b7";

    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        DeploymentOptions options{
            .sim = {"--paused"},
            .receiver = {},
            .config = {{"PRICEWIRE_LOG_FORMAT", "json"}, {"PRICEWIRE_DELIVERY_FIRST_RETRIES", "100ms"}}};
        if (!traces_to_.empty()) options.config["PRICEWIRE_TRACING_ENDPOINT"] = traces_to_;
        deployment_.emplace(on(GetParam(), options));
        receiver_ = sim::create_receiver({}).value();
        deployment_->start_pricewire();
        account_ = deployment_->register_user("trace@example.com");
        receiver_->add_secret(account_.webhook_secret);
        deployment_->wait_until("the stream",
                                [&] { return json_member(deployment_->sim_status(), "clients") == "1"; });
        deployment_->sim_post("price/BTCUSDT", "100");
    }

    std::string alert(const std::string& target, net::Headers headers) {
        headers.emplace_back("X-API-Key", account_.api_key);
        const auto result =
            deployment_->http().post(deployment_->api("/alerts/"),
                                     R"({"ticker":"BTC","condition":"gt","target_price":)" + target +
                                         R"(,"webhook_url":"http://127.0.0.1:)" +
                                         std::to_string(receiver_->port()) + R"(/hidden-token"})",
                                     std::move(headers));
        EXPECT_EQ(result.status, 201) << result.body;
        return json_member(result.body, "id").value_or("");
    }
    std::vector<sim::ReceivedDelivery> wait_for_requests(std::size_t count) {
        deployment_->wait_until(std::to_string(count) + " requests",
                                [&] { return receiver_->total() >= count; });
        return receiver_->received();
    }
    std::string wait_for_line(const std::vector<std::string>& parts) {
        deployment_->wait_until(parts.front() + " in the log",
                                [&] { return !deployment_->log_lines(parts).empty(); });
        return deployment_->log_lines(parts).front();
    }
    static std::string member(const std::string& name, const std::string& value) {
        return "\"" + name + "\":\"" + value + "\"";
    }

    std::string traces_to_;  // set before SetUp()
    std::optional<Deployment> deployment_;
    std::unique_ptr<sim::Receiver> receiver_;
    Account account_;
};

INSTANTIATE_TEST_SUITE_P(Sides, Trace, both_sides(), name_of_side);

TEST_P(Trace, ReachesTheWebhookAndEveryLogLineAboutTheAlert) {
    receiver_->set_mode(sim::parse_mode("fail-first:1").value());
    const std::string given = "00-" + std::string(id) + "-" + span + "-01";
    const std::string alert_id = alert(
        "101", {{"traceparent", given}, {"tracestate", "congo=t61rcWkgMzE"}, {"X-Request-Id", "req-1"}});
    deployment_->sim_post("price/BTCUSDT", "102");
    const auto got = wait_for_requests(2);
    std::string last = given;
    for (const auto& d : got) {
        EXPECT_TRUE(d.signature_ok);
        EXPECT_EQ(d.traceparent.substr(0, 36), "00-" + std::string(id) + "-") << d.traceparent;
        EXPECT_EQ(d.traceparent.substr(52), "-01") << d.traceparent;
        EXPECT_NE(d.traceparent, last) << "each attempt has its own span";
        EXPECT_EQ(d.tracestate, "congo=t61rcWkgMzE");
        last = d.traceparent;
    }
    const std::string trace = member("trace_id", id);
    const std::string about = member("alert_id", alert_id);
    const std::string delivery = member("delivery_id", got[0].webhook_id);
    EXPECT_NE(wait_for_line({member("message", "request"), about, trace}).find(member("request_id", "req-1")),
              std::string::npos);
    wait_for_line({member("message", "alert fired"), about, delivery});
    wait_for_line({member("message", "webhook attempt"), about, delivery, trace, member("attempt", "1"),
                   member("next", "pending"), member("status", "500")});
    wait_for_line({member("message", "webhook attempt"), about, delivery, trace, member("attempt", "2"),
                   member("next", "delivered"), member("status", "204")});
    EXPECT_TRUE(deployment_->log_lines({"hidden-token"}).empty());
    EXPECT_TRUE(deployment_->log_lines({account_.api_key}).empty());
    // The log is JSON, one object per line, except for the line that says where it listens.
    for (const std::string& line : deployment_->log_lines({})) {
        EXPECT_TRUE((line.starts_with("{\"time\":") && line.ends_with("}")) ||
                    line.find("is listening on http://") != std::string::npos)
            << line;
    }
}

TEST_P(Trace, StartsWithTheAlertIfTheRequestHasNone) {
    const std::string alert_id = alert("101", {});
    const std::string request = wait_for_line({member("message", "request"), member("alert_id", alert_id)});
    const std::string trace = json_member(request, "trace_id").value_or("");
    ASSERT_EQ(trace.size(), 32U) << request;
    deployment_->sim_post("price/BTCUSDT", "102");
    const auto got = wait_for_requests(1);
    EXPECT_EQ(got[0].traceparent.substr(0, 36), "00-" + trace + "-") << got[0].traceparent;
    EXPECT_EQ(got[0].traceparent.substr(52), "-00");
    EXPECT_EQ(got[0].tracestate, "");
    wait_for_line({member("message", "webhook attempt"), member("trace_id", trace)});
}

// A receiver of OTLP, which keeps the spans.
class Spans : public Trace {
protected:
    void SetUp() override {
        net::ServerOptions options{.listen = "127.0.0.1:0", .max_body_bytes = std::size_t{4} << 20};
        collector_ = net::create_http_server(options, [this](net::ServerRequest&& request,
                                                             net::HttpServer::Respond respond) {
                         keep(request);
                         respond(net::ServerResponse{.status = 200, .body = "{}"});
                     }).value();
        traces_to_ = "http://127.0.0.1:" + std::to_string(collector_->port());
        Trace::SetUp();
    }
    void TearDown() override { deployment_.reset(); }

    struct SeenSpan {
        std::string instance, trace, id, parent, name;
        std::int64_t start = 0;
        std::int64_t end = 0;
    };
    void keep(const net::ServerRequest& request) {
        EXPECT_EQ(request.target, "/v1/traces");
        const auto text = [](const boost::json::value& v, const char* name) {
            const auto* member = v.as_object().if_contains(name);
            return member == nullptr ? std::string() : std::string(member->as_string());
        };
        const auto body = boost::json::parse(request.body);
        const auto& resource = body.at("resourceSpans").at(0);
        std::string instance;
        for (const auto& attribute : resource.at("resource").at("attributes").as_array())
            if (text(attribute, "key") == "service.instance.id")
                instance = text(attribute.at("value"), "stringValue");
        MutexLock lock(mutex_);
        for (const auto& span : resource.at("scopeSpans").at(0).at("spans").as_array()) {
            seen_.push_back({instance, text(span, "traceId"), text(span, "spanId"),
                             text(span, "parentSpanId"), text(span, "name"),
                             std::stoll(text(span, "startTimeUnixNano")),
                             std::stoll(text(span, "endTimeUnixNano"))});
        }
    }
    std::vector<SeenSpan> seen(const std::string& trace) {
        MutexLock lock(mutex_);
        std::vector<SeenSpan> out;
        for (const SeenSpan& span : seen_)
            if (span.trace == trace) out.push_back(span);
        return out;
    }

    Mutex mutex_;
    std::vector<SeenSpan> seen_ GUARDED_BY(mutex_);
    std::unique_ptr<net::HttpServer> collector_;
};

INSTANTIATE_TEST_SUITE_P(Sides, Spans, both_sides(), name_of_side);

TEST_P(Spans, ShowAFiringThroughTheProcesses) {
    alert("101", {{"traceparent", "00-" + std::string(id) + "-" + span + "-00"}});
    deployment_->sim_post("price/BTCUSDT", "102");
    const auto got = wait_for_requests(1);
    EXPECT_EQ(got[0].traceparent.substr(52), "-01") << "its spans are recorded";
    std::map<std::string, SeenSpan> spans;
    deployment_->wait_until("the spans", [&] {
        for (SeenSpan& one : seen(id)) spans.insert_or_assign(one.name, one);
        return spans.contains("firing") && spans.contains("POST") && spans.contains("answer");
    });
    const SeenSpan& firing = spans.at("firing");
    const SeenSpan& post = spans.at("POST");
    EXPECT_EQ(post.id, got[0].traceparent.substr(36, 16)) << "what the receiver does hangs on it";
    EXPECT_EQ(post.parent, firing.id);
    EXPECT_EQ(spans.at("answer").parent, post.id);
    EXPECT_EQ(spans.at("judge").parent, firing.id);
    EXPECT_EQ(spans.at("commit").parent, firing.id);
    EXPECT_EQ(firing.parent, "");
    EXPECT_EQ(spans.at("judge").start, firing.start);
    EXPECT_EQ(spans.at("judge").end, spans.at("commit").start);
    EXPECT_EQ(spans.at("commit").end, firing.end);
    EXPECT_LT(post.start, post.end);
    EXPECT_EQ(firing.instance == post.instance, GetParam() == Side::embedded)
        << "each process tells of itself";
}

}  // namespace
}  // namespace pricewire::test
