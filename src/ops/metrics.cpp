#include "ops/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <chrono>
#include <sstream>

namespace pricewire::ops {
namespace {

constexpr Duration fresh_for = std::chrono::seconds{1};

prometheus::ClientMetric metric_of(prometheus::MetricType type, const Figure& figure) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : figure.labels) metric.label.push_back({name, value});
    if (type == prometheus::MetricType::Counter) {
        metric.counter.value = figure.value;
    } else {
        metric.gauge.value = figure.value;
    }
    return metric;
}

}  // namespace

void Metrics::counter(std::string name, std::string help, Read read) {
    std::lock_guard lock(mutex_);
    families_.push_back({prometheus::MetricType::Counter, std::move(name), std::move(help), std::move(read)});
}

void Metrics::gauge(std::string name, std::string help, Read read) {
    std::lock_guard lock(mutex_);
    families_.push_back({prometheus::MetricType::Gauge, std::move(name), std::move(help), std::move(read)});
}

std::shared_ptr<const std::string> Metrics::text() {
    std::lock_guard lock(mutex_);
    const MonoTime now = clock_.mono();
    if (!text_ || now - made_at_ >= fresh_for) {
        text_ = std::make_shared<const std::string>(render());
        made_at_ = now;
    }
    return text_;
}

std::string Metrics::render() const {
    std::vector<prometheus::MetricFamily> families = registry_.Collect();
    for (const Family& family : families_) {
        prometheus::MetricFamily out{family.name, family.help, family.type, {}};
        for (const Figure& figure : family.read()) out.metric.push_back(metric_of(family.type, figure));
        // One of which nothing is known yet is not named either.
        if (!out.metric.empty()) families.push_back(std::move(out));
    }
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, families);
    return std::move(text).str();
}

net::ServerResponse Metrics::answer(std::string_view method) {
    net::ServerResponse response;
    response.headers.emplace_back("Cache-Control", "no-store");
    if (method != "GET" && method != "HEAD") {
        response.status = 405;
        response.headers.emplace_back("Allow", "GET, HEAD");
        response.headers.emplace_back("X-Content-Type-Options", "nosniff");
        // The shape of every error that Pricewire answers with.
        response.body = R"({"error":"HTTPException","detail":"Method Not Allowed","code":405})";
        return response;
    }
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.shared_body = text();
    return response;
}

}  // namespace pricewire::ops
