#pragma once

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "receiver.hpp"
#include "report.hpp"

namespace pricewire::perf {

// A receiver of OTLP: where each millisecond goes between a price and the answer to its webhook, by the spans of all
// processes (trace/firing_spans.hpp).
class SpanTimes {
public:
    SpanTimes() {
        auto server =
            net::create_http_server({.listen = "127.0.0.1:0", .max_body_bytes = std::size_t{4} << 20},
                                    [this](net::ServerRequest&& request, net::HttpServer::Respond respond) {
                                        keep(request.body);
                                        respond(net::ServerResponse{.status = 200, .body = "{}"});
                                    });
        if (!server) throw std::runtime_error(server.error().message);
        server_ = std::move(*server);
    }
    SpanTimes(const SpanTimes&) = delete;
    SpanTimes& operator=(const SpanTimes&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

    // Of the firings whose spans are here.
    void print() {
        struct Part {
            const char* what;
            std::vector<double> milliseconds = {};
        };
        std::array<Part, 4> parts{{{"the price's way to the checker, and matching"},
                                   {"commit of the firing"},
                                   {"from the commit to the request"},
                                   {"request, until its answer"}}};
        MutexLock lock(mutex_);
        for (auto& [firing, spans] : firings_) {
            if (!spans.contains("judge") || !spans.contains("commit") || !spans.contains("POST")) continue;
            const Times& judge = spans["judge"];
            const Times& commit = spans["commit"];
            const Times& post = spans["POST"];
            const std::array<std::int64_t, 4> took{judge.end - judge.start, commit.end - commit.start,
                                                   post.start - commit.end, post.end - post.start};
            for (std::size_t i = 0; i < parts.size(); ++i)
                parts[i].milliseconds.push_back(static_cast<double>(took[i]) / 1e6);
        }
        for (auto& [what, milliseconds] : parts) {
            row(fmt::format("  {}, p50 and p99 of {}", what, milliseconds.size()),
                fmt::format("{:.2f}  {:.2f} ms", quantile(milliseconds, 0.5), quantile(milliseconds, 0.99)));
        }
    }

private:
    struct Times {
        std::int64_t start = 0;
        std::int64_t end = 0;
    };

    void keep(std::string_view body) {
        const auto text = [](const boost::json::value& span, const char* name) {
            return std::string(span.at(name).as_string());
        };
        const auto all = boost::json::parse(body);
        MutexLock lock(mutex_);
        for (const auto& span : all.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans").as_array()) {
            if (!span.as_object().contains("parentSpanId")) continue;
            firings_[text(span, "parentSpanId")][text(span, "name")] = {
                std::stoll(text(span, "startTimeUnixNano")), std::stoll(text(span, "endTimeUnixNano"))};
        }
    }

    Mutex mutex_;
    std::map<std::string, std::map<std::string, Times>> firings_ GUARDED_BY(mutex_);  // by the firing's span
    std::unique_ptr<net::HttpServer> server_;
};

}  // namespace pricewire::perf
