// What an operator sees: the real programs' /metrics, checked with promtool, and a dashboard and rules that
// use only metrics that exist.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "scenarios/sides.hpp"
#include "support/deployment.hpp"
#include "support/process.hpp"

namespace pricewire::test {
namespace {

const std::filesystem::path monitoring = std::filesystem::path(PRICEWIRE_SOURCE_DIR) / "deploy/monitoring";

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

bool has_promtool() {
    return std::filesystem::exists("/usr/bin/promtool");
}
const char* const no_promtool = "promtool is not installed (Debian's package prometheus)";

// Its exit code and output.
std::pair<int, std::string> promtool(const std::string& arguments, const TempDir& dir) {
    Process process({.command = {"/bin/sh", "-c", "exec /usr/bin/promtool " + arguments},
                     .env = {},
                     .output = dir.path() / "promtool.log",
                     .directory = monitoring,
                     .user = {}});
    const int code = process.wait();
    return {code, process.output()};
}

// The names of samples, each with the labels that occur on it.
using Names = std::map<std::string, std::set<std::string>>;

Names names_in(const std::string& exposition) {
    static const std::regex sample(R"(^([a-z_]+)(?:\{(.*)\})? \S+$)");
    static const std::regex label(R"((\w+)="(?:[^"\\]|\\.)*")");
    Names out;
    std::istringstream lines(exposition);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#')) continue;
        std::smatch found;
        EXPECT_TRUE(std::regex_match(line, found, sample)) << line;
        const std::string labels = found[2];
        std::set<std::string>& known = out[found[1]];
        for (std::sregex_iterator i(labels.begin(), labels.end(), label), end; i != end; ++i)
            known.insert((*i)[1]);
    }
    return out;
}

void find_expressions(const boost::json::value& value, std::vector<std::string>& out) {
    if (const auto* array = value.if_array()) {
        for (const auto& element : *array) find_expressions(element, out);
    } else if (const auto* object = value.if_object()) {
        for (const auto& [key, member] : *object) {
            if (key == "expr") {
                out.emplace_back(member.as_string());
            } else {
                find_expressions(member, out);
            }
        }
    }
}

std::vector<std::string> expressions_of_the_board() {
    std::vector<std::string> out;
    find_expressions(boost::json::parse(text_of(monitoring / "grafana/dashboards/pricewire.json")), out);
    return out;
}

// Each "expr:" with its continuation lines.
std::vector<std::string> expressions_of_the_rules() {
    static const std::regex expression(R"(expr:((?:.|\n)*?)\n\s+(?:for|labels):)");
    const std::string text = text_of(monitoring / "alerts.yml");
    std::vector<std::string> out;
    for (std::sregex_iterator i(text.begin(), text.end(), expression), end; i != end; ++i)
        out.push_back((*i)[1]);
    return out;
}

std::vector<std::string> alerts_in_the_rules() {
    static const std::regex alert(R"(- alert: (\w+))");
    const std::string text = text_of(monitoring / "alerts.yml");
    std::vector<std::string> out;
    for (std::sregex_iterator i(text.begin(), text.end(), alert), end; i != end; ++i) out.push_back((*i)[1]);
    return out;
}

// Ignores the metrics and labels that Prometheus itself adds.
void expect_exposed(const std::vector<std::string>& expressions, const Names& exposed) {
    static const std::regex metric(R"(\b((?:pricewire|process)_[a-z_]+)(?:\{([^}]*)\})?)");
    static const std::regex matcher(R"((\w+)(?:=|!))");
    std::size_t seen = 0;
    for (const std::string& expression : expressions) {
        for (std::sregex_iterator i(expression.begin(), expression.end(), metric), end; i != end; ++i) {
            ++seen;
            const auto found = exposed.find((*i)[1]);
            EXPECT_NE(found, exposed.end()) << (*i)[1] << " in " << expression;
            if (found == exposed.end()) continue;
            const std::string matchers = (*i)[2];
            for (std::sregex_iterator m(matchers.begin(), matchers.end(), matcher); m != end; ++m) {
                const std::string label = (*m)[1];
                EXPECT_TRUE(label == "job" || found->second.contains(label)) << label << " in " << expression;
            }
        }
    }
    EXPECT_GE(seen, expressions.size() * 3 / 4);
}

class Monitored : public ::testing::TestWithParam<Side> {};
INSTANTIATE_TEST_SUITE_P(Sides, Monitored, both_sides(), name_of_side);

TEST_P(Monitored, DashboardAndRulesUseMetricsThatAFiredAndDeliveredAlertProduces) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    if (!has_promtool()) GTEST_SKIP() << no_promtool;
    Deployment deployment(on(GetParam(), {.receiver = {"--mode", "fail-first:1"},
                                          .config = {{"PRICEWIRE_DELIVERY_BACKOFF_MIN", "20ms"},
                                                     {"PRICEWIRE_DELIVERY_BACKOFF_MAX", "50ms"}}}));
    deployment.start_pricewire();
    const Account account = deployment.register_user("watched@example.com");
    deployment.create_alert(account, "BTC", "gt", "1");

    std::map<std::string, std::string> metrics;  // by process
    const auto scrape = [&] {
        metrics.clear();
        for (const std::string& name : deployment.names()) {
            const auto answer = deployment.http().get(deployment.address_of(name) + "/metrics");
            EXPECT_EQ(answer.status, 200) << name;
            metrics[name] = answer.body;
        }
    };
    const auto all = [&] {
        std::string out;
        for (const auto& [name, text] : metrics) out += text;
        return out;
    };
    const auto exposes = [&](const std::string& sample) {
        return all().find("\n" + sample + "\n") != std::string::npos;
    };
    // One at a time: the processes are not scraped at one moment.
    for (const char* const sample : {
             R"(pricewire_deliveries_ended_total{state="delivered"} 1)",
             R"(pricewire_dependency_up{dependency="queue"} 1)",
             R"(pricewire_delivery_attempts_total{outcome="retried",result="5xx"} 1)",
             R"(pricewire_delivery_attempts_total{outcome="delivered",result="2xx"} 1)",
             "pricewire_price_to_firing_seconds_count 1",
             "pricewire_firing_to_delivered_seconds_count 1",
             "pricewire_firings_written_total 1",
             "pricewire_outbox_pending_firings 0",
             "pricewire_oldest_due_delivery_age_seconds 0",
             R"(pricewire_http_requests_total{code="201",method="POST",route="create_alert"} 1)",
             R"(pricewire_http_requests_total{code="201",method="POST",route="register"} 1)",
             R"(pricewire_source_up{source="binance"} 1)",
             R"(pricewire_price_available{ticker="BTC"} 1)",
             R"(pricewire_circuit_breakers{state="closed"} 1)",
         }) {
        deployment.wait_until(sample, [&] {
            scrape();
            return exposes(sample);
        });
    }

    const TempDir dir;
    for (const auto& [name, text] : metrics) {
        const auto file = dir.path() / name;
        std::ofstream(file) << text;
        const auto [code, output] = promtool("check metrics < " + file.string(), dir);
        EXPECT_EQ(code, 0) << name;
        EXPECT_EQ(output, "") << name;
        const std::string role = name.substr(0, name.find_first_of("0123456789"));
        EXPECT_NE(text.find("role=\"" + role + "\"} 1"), std::string::npos) << text;
    }

    // Must not appear in metrics.
    const std::string everything = all();
    for (const std::string& secret :
         {account.api_key, account.webhook_secret, std::string("watched@example.com"),
          std::string("127.0.0.1"), std::string("/hook")})
        EXPECT_EQ(everything.find(secret), std::string::npos) << secret;

    const Names names = names_in(everything);
    expect_exposed(expressions_of_the_board(), names);
    expect_exposed(expressions_of_the_rules(), names);
}

TEST(Monitoring, MetricsOnTheirOwnAddressAreNotOnThePublicOne) {
    Deployment deployment({.receiver = {}, .config = {{"PRICEWIRE_METRICS_LISTEN", "127.0.0.1:0"}}});
    deployment.start_pricewire();
    EXPECT_EQ(deployment.http().get(deployment.root("/metrics")).status, 404);
    const std::string own = deployment.process("serve").wait_for_output("metrics are at ");
    const auto answer = deployment.http().get(own);
    EXPECT_EQ(answer.status, 200);
    EXPECT_NE(answer.body.find("pricewire_build_info{"), std::string::npos);
    EXPECT_EQ(deployment.stop_pricewire(), 0);
}

TEST(Monitoring, RulesAndConfigurationAreValidAndTheRulesPassTheirTests) {
    if (!has_promtool()) GTEST_SKIP() << no_promtool;
    for (const char* what :
         {"check rules alerts.yml", "check config prometheus.yml", "test rules alerts_test.yml"}) {
        const TempDir dir;
        const auto [code, output] = promtool(what, dir);
        EXPECT_EQ(code, 0) << what << "\n" << output;
    }
}

TEST(Monitoring, EveryAlertIsTestedAndHasARunbook) {
    const std::string rules = text_of(monitoring / "alerts.yml");
    const std::string tests = text_of(monitoring / "alerts_test.yml");
    const std::string manual = text_of(monitoring / "../../docs/operations.md");
    const auto alerts = alerts_in_the_rules();
    EXPECT_EQ(expressions_of_the_rules().size(), alerts.size());
    for (const std::string& alert : alerts) {
        std::string anchor = alert;
        for (char& c : anchor) c = static_cast<char>(std::tolower(c));
        EXPECT_NE(manual.find("\n### " + alert + "\n"), std::string::npos) << alert;
        EXPECT_NE(rules.find("runbook_url: docs/operations.md#" + anchor + "\n"), std::string::npos) << alert;
        const std::regex fires("alertname: " + alert + R"(\s+exp_alerts:)");
        EXPECT_TRUE(std::regex_search(tests, fires)) << alert;
        EXPECT_NE(tests.find("alertname: " + alert + "}"), std::string::npos)
            << alert << " has no test in which it does not fire";
    }
}

TEST(Monitoring, EveryMetricIsDocumented) {
    const std::string manual = text_of(monitoring / "../../docs/operations.md");
    Deployment deployment({.receiver = {}});
    deployment.start_pricewire();
    const Account account = deployment.register_user("explained@example.com");
    deployment.create_alert(account, "BTC", "gt", "1");
    std::string text;
    deployment.wait_until("the delivery in the metrics", [&] {
        text = deployment.http().get(deployment.root("/metrics")).body;
        return text.find("\npricewire_deliveries_ended_total{state=\"delivered\"} 1\n") != std::string::npos;
    });
    static const std::regex help(R"(# HELP (\w+) )");
    for (std::sregex_iterator i(text.begin(), text.end(), help), end; i != end; ++i) {
        const std::string name = (*i)[1];
        EXPECT_NE(manual.find("`" + name), std::string::npos) << name;
    }
}

}  // namespace
}  // namespace pricewire::test
