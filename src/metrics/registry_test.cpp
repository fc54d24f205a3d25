#include "metrics/registry.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace pricewire::metrics {
namespace {

using namespace std::chrono_literals;

class RegistryTest : public testing::Test {
protected:
    std::string text() {
        clock_.advance(1s);
        return *registry_.text();
    }
    // The value of the sample with this name and labels, as rendered; empty if there is none.
    std::string sample(const std::string& name) {
        const std::string all = text();
        const std::size_t at = all.find("\n" + name + " ");
        if (at == std::string::npos) return {};
        const std::size_t begin = at + name.size() + 2;
        return all.substr(begin, all.find('\n', begin) - begin);
    }

    ManualClock clock_;
    Registry registry_{clock_};
};

TEST_F(RegistryTest, RendersCountedMetricsAndThoseReadAtTheScrape) {
    registry_.counters("requests_total", "Requests.").Add({{"route", "rates"}}).Increment();
    double depth = 3;
    registry_.gauge("depth", "How deep it is.", [&] { return Figures{{{{"where", "a \"b\"\\\n"}}, depth}}; });
    registry_.counter("seen_total", "Seen.", [] { return 12345678; });
    registry_.gauge("unknown", "Nothing is known of it.", [] { return Figures{}; });
    EXPECT_EQ(text(),
              "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
              "requests_total{route=\"rates\"} 1\n"
              "# HELP depth How deep it is.\n# TYPE depth gauge\n"
              "depth{where=\"a \\\"b\\\"\\\\\\n\"} 3\n"
              "# HELP seen_total Seen.\n# TYPE seen_total counter\nseen_total 12345678\n");
    EXPECT_EQ(registry_.names(),
              (std::vector<std::string>{"requests_total", "depth", "seen_total", "unknown"}));
    depth = 4;
    EXPECT_NE(text().find("} 4\n"), std::string::npos);
}

TEST_F(RegistryTest, RendersAtMostOnceASecond) {
    int reads = 0;
    registry_.counter("reads_total", "Reads.", [&] { return ++reads; });
    clock_.advance(1s);
    for (int i = 0; i < 100; ++i) registry_.text();
    clock_.advance(999ms);
    registry_.text();
    EXPECT_EQ(reads, 1);
    clock_.advance(1ms);
    registry_.text();
    EXPECT_EQ(reads, 2);
}

TEST_F(RegistryTest, AnswersOnlyGetAndHead) {
    EXPECT_TRUE(Registry::is_at("/metrics"));
    EXPECT_TRUE(Registry::is_at("/metrics/"));
    EXPECT_FALSE(Registry::is_at("/metrics/x"));
    EXPECT_FALSE(Registry::is_at("/api/v1/metrics"));
    const auto got = registry_.answer("GET");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.content_type, "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(registry_.answer("HEAD").status, 200);
    const auto posted = registry_.answer("POST");
    EXPECT_EQ(posted.status, 405);
    EXPECT_EQ(posted.content_type, "application/json");
    EXPECT_EQ(posted.body, R"({"error":"HTTPException","detail":"Method Not Allowed","code":405})");
    EXPECT_EQ(posted.shared_body, nullptr);
}

TEST_F(RegistryTest, ProcessMetricsHaveTheStandardNames) {
    add_process_metrics(registry_);
    EXPECT_GT(std::stod(sample("process_resident_memory_bytes")), 1e6);
    EXPECT_GT(std::stod(sample("process_virtual_memory_bytes")), 1e6);
    EXPECT_GE(std::stod(sample("process_threads")), 1);
    EXPECT_GE(std::stod(sample("process_open_fds")), 3);
    EXPECT_LE(std::stod(sample("process_open_fds")), std::stod(sample("process_max_fds")));
    EXPECT_GT(std::stod(sample("process_cpu_seconds_total")), 0);
    const double now = static_cast<double>(to_micros(system_clock().now())) / 1e6;
    EXPECT_LE(std::stod(sample("process_start_time_seconds")), now + 1);
    EXPECT_GT(std::stod(sample("process_start_time_seconds")), now - 3600);
}

}  // namespace
}  // namespace pricewire::metrics
