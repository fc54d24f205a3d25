#include "trace/exporter.hpp"

#include <algorithm>
#include <deque>
#include <exception>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/outage.hpp"

namespace pricewire::trace {
namespace {

class HttpExporter final : public Exporter {
public:
    HttpExporter(ExporterOptions options, net::HttpClient& client)
        : options_(std::move(options)),
          client_(client),
          url_(options_.endpoint + (options_.endpoint.ends_with('/') ? "v1/traces" : "/v1/traces")),
          outage_("the receiver of traces at " + options_.endpoint, "spans are dropped",
                  "spans are recorded"),
          thread_([this] { run(); }) {}
    HttpExporter(const HttpExporter&) = delete;
    HttpExporter& operator=(const HttpExporter&) = delete;
    ~HttpExporter() override { stop(); }

    void add(Make make) override {
        bool is_full = false;
        {
            MutexLock lock(mutex_);
            if (stopped_) return;
            if (waiting_.size() >= options_.most_waiting) {
                ++stats_.dropped;
                return;
            }
            waiting_.push_back(std::move(make));
            is_full = waiting_.size() == options_.most_at_once;
        }
        if (is_full) changed_.notify_all();
    }
    void stop() override {
        {
            MutexLock lock(mutex_);
            stopped_ = true;
        }
        changed_.notify_all();
        if (thread_.joinable()) thread_.join();
    }
    ExporterStats stats() const override {
        MutexLock lock(mutex_);
        return stats_;
    }

private:
    void run() {
        while (true) {
            std::vector<Make> batch;
            bool is_last = false;
            {
                MutexLock lock(mutex_);
                const MonoTime until = std::chrono::steady_clock::now() + options_.every;
                changed_.wait_until(lock, until, [&]() REQUIRES(mutex_) {
                    return stopped_ || waiting_.size() >= options_.most_at_once;
                });
                is_last = stopped_;
                const std::size_t count = std::min(waiting_.size(), options_.most_at_once);
                const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
                batch.assign(std::move_iterator(waiting_.begin()), std::move_iterator(end));
                waiting_.erase(waiting_.begin(), end);
                if (is_last) {
                    stats_.dropped += waiting_.size();
                    waiting_.clear();
                }
            }
            if (!batch.empty()) send(batch);
            if (is_last) return;
        }
    }

    // One request at a time, so that a slow receiver has never more of our memory than what may wait.
    void send(std::vector<Make>& batch) {
        std::vector<Span> spans;
        std::size_t made = 0;
        for (Make& make : batch) {
            try {
                std::ranges::move(make(), std::back_inserter(spans));
                ++made;
            } catch (const std::exception& e) {
                log::debug("spans could not be made; they are dropped", {{"reason", e.what()}});
            }
        }
        {
            MutexLock lock(mutex_);
            stats_.dropped += batch.size() - made;
            answer_.reset();
            if (spans.empty()) {  // what they are about has gone
                stats_.dropped += made;
                return;
            }
        }
        net::HttpRequest request;
        request.method = "POST";
        request.url = url_;
        request.headers = {{"content-type", "application/json"}};
        request.body = otlp_json(spans, options_.service);
        request.timeout = options_.timeout;
        client_.start(std::move(request), [this](net::HttpResult result) {
            MutexLock lock(mutex_);
            answer_ = std::move(result);
            changed_.notify_all();
        });
        MutexLock lock(mutex_);
        changed_.wait(lock, [&]() REQUIRES(mutex_) { return answer_.has_value(); });
        if (answer_->error == net::HttpError::none && answer_->status / 100 == 2) {
            stats_.sent += made;
            outage_.end();
        } else {
            stats_.dropped += made;
            outage_.begin(answer_->error == net::HttpError::none
                              ? "it answered " + std::to_string(answer_->status)
                              : answer_->error_text);
        }
    }

    const ExporterOptions options_;
    net::HttpClient& client_;
    const std::string url_;
    Outage outage_;
    mutable Mutex mutex_;
    CondVar changed_;
    std::deque<Make> waiting_ GUARDED_BY(mutex_);
    std::optional<net::HttpResult> answer_ GUARDED_BY(mutex_);
    bool stopped_ GUARDED_BY(mutex_) = false;
    ExporterStats stats_ GUARDED_BY(mutex_);
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Exporter> start_exporter(ExporterOptions options, net::HttpClient& client) {
    return std::make_unique<HttpExporter>(std::move(options), client);
}

}  // namespace pricewire::trace
