#include "metrics/registry.hpp"

#include <prometheus/text_serializer.h>

#include <chrono>
#include <sstream>

namespace pricewire::metrics {
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

prometheus::Family<prometheus::Counter>& Registry::counters(std::string name, std::string help) {
    MutexLock lock(mutex_);
    counted_.push_back(name);
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
}

prometheus::Family<prometheus::Histogram>& Registry::histograms(std::string name, std::string help) {
    MutexLock lock(mutex_);
    counted_.push_back(name);
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
}

void Registry::add(prometheus::MetricType type, std::string name, std::string help, Read read) {
    MutexLock lock(mutex_);
    families_.push_back({type, std::move(name), std::move(help), std::move(read)});
}

std::vector<std::string> Registry::names() const {
    MutexLock lock(mutex_);
    std::vector<std::string> out = counted_;
    for (const Family& family : families_) out.push_back(family.name);
    return out;
}

std::shared_ptr<const std::string> Registry::text() {
    MutexLock lock(mutex_);
    const MonoTime now = clock_.mono();
    if (!text_ || now - made_at_ >= fresh_for) {
        text_ = std::make_shared<const std::string>(render());
        made_at_ = now;
    }
    return text_;
}

std::string Registry::render() const {
    std::vector<prometheus::MetricFamily> families = registry_.Collect();
    for (const Family& family : families_) {
        prometheus::MetricFamily out{family.name, family.help, family.type, {}};
        for (const Figure& figure : family.read()) out.metric.push_back(metric_of(family.type, figure));
        // A metric without a value yet is omitted.
        if (!out.metric.empty()) families.push_back(std::move(out));
    }
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, families);
    return std::move(text).str();
}

net::ServerResponse Registry::answer(std::string_view method) {
    net::ServerResponse response;
    response.headers.emplace_back("Cache-Control", "no-store");
    if (method != "GET" && method != "HEAD") {
        response.status = 405;
        response.headers.emplace_back("Allow", "GET, HEAD");
        response.headers.emplace_back("X-Content-Type-Options", "nosniff");
        // The format of all of Pricewire's error responses.
        response.body = R"({"error":"HTTPException","detail":"Method Not Allowed","code":405})";
        return response;
    }
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.shared_body = text();
    return response;
}

}  // namespace pricewire::metrics
