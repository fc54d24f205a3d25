#include "sim/receiver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <optional>
#include <random>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/crypto.hpp"
#include "base/json_writer.hpp"
#include "base/mutex.hpp"
#include "base/text.hpp"
#include "net/http_server.hpp"

namespace pricewire::sim {
namespace {

constexpr int exit_of_death = 9;

constexpr std::string_view bodies_path = "/_receiver/bodies/";

std::string_view alert_id_of(std::string_view body) {
    constexpr std::string_view name = "\"alert_id\":\"";
    const std::size_t at = body.find(name);
    if (at == std::string_view::npos) return {};
    body.remove_prefix(at + name.size());
    return body.substr(0, body.find('"'));
}

std::string header_or_empty(const net::ServerRequest& request, std::string_view name) {
    const std::string* value = request.header(name);
    return value == nullptr ? std::string() : *value;
}

class ReceiverImpl final : public Receiver {
public:
    explicit ReceiverImpl(const ReceiverOptions& options) : options_(options), mode_(options.mode) {}
    ~ReceiverImpl() override {
        {
            MutexLock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        if (slow_thread_.joinable()) slow_thread_.join();
        if (server_) server_->stop(std::chrono::milliseconds{100});
    }

    Result<void> start() {
        for (const std::string& secret : options_.secrets) {
            if (auto added = add(secret); !added) return added;
        }
        net::ServerOptions server;
        server.listen = options_.listen;
        server.threads = options_.threads;
        auto created = net::create_http_server(server, [this](net::ServerRequest&& request, auto respond) {
            handle(std::move(request), std::move(respond));
        });
        if (!created) return std::unexpected(created.error());
        server_ = std::move(*created);
        slow_thread_ = std::thread([this] { answer_slowly(); });
        return {};
    }

    std::uint16_t port() const override { return server_->port(); }
    void set_mode(const ReceiverMode& mode) override {
        MutexLock lock(mutex_);
        mode_ = mode;
        seen_in_mode_ = 0;
        held_.clear();
    }
    void add_secret(const std::string& secret) override { (void)add(secret); }
    std::vector<ReceivedDelivery> received() const override {
        MutexLock lock(mutex_);
        return {log_.begin(), log_.end()};
    }
    std::uint64_t total() const override { return total_; }

private:
    using Respond = net::HttpServer::Respond;
    struct Slow {
        MonoTime due;
        Respond respond;
    };

    Result<void> add(const std::string& secret) {
        constexpr std::string_view prefix = "whsec_";
        if (!secret.starts_with(prefix)) return fail("a secret starts with whsec_");
        auto key = base64_decode(std::string_view(secret).substr(prefix.size()));
        if (!key) return fail("a secret is whsec_ and base64");
        MutexLock lock(mutex_);
        keys_.push_back(std::move(*key));
        return {};
    }

    void handle(net::ServerRequest&& request, Respond respond) {
        if (request.path.starts_with("/_receiver/")) {
            respond(control(request));
            return;
        }
        if (request.method != "POST") {
            respond({.status = 405, .content_type = "text/plain", .body = "POST, please\n"});
            return;
        }
        deliver(std::move(request), std::move(respond));
    }

    // The mode that the path asks for, if any.
    static std::optional<ReceiverMode> mode_of(std::string_view path) {
        constexpr std::string_view prefix = "/as/";
        if (!path.starts_with(prefix)) return std::nullopt;
        path.remove_prefix(prefix.size());
        const auto mode = parse_mode(path.substr(0, path.find('/')));
        return mode ? std::optional(*mode) : std::nullopt;
    }

    void deliver(net::ServerRequest&& request, Respond respond) {
        ReceivedDelivery delivery;
        delivery.at = system_clock().now();
        delivery.webhook_id = header_or_empty(request, "webhook-id");
        delivery.alert_id = alert_id_of(request.body);
        delivery.content_type = header_or_empty(request, "content-type");
        delivery.signature = header_or_empty(request, "webhook-signature");
        delivery.timestamp = header_or_empty(request, "webhook-timestamp");
        delivery.traceparent = header_or_empty(request, "traceparent");
        delivery.tracestate = header_or_empty(request, "tracestate");
        delivery.body = std::move(request.body);
        int status = 204;
        net::Headers headers;
        std::optional<MonoTime> answer_at;  // empty: now
        {
            MutexLock lock(mutex_);
            delivery.signature_ok = verify(request, delivery.body);
            ++total_;
            ++seen_in_mode_;
            const ReceiverMode mode = mode_of(request.path).value_or(mode_);
            switch (mode.kind) {
                case ReceiverMode::Kind::ok:
                    break;
                case ReceiverMode::Kind::slow:
                    answer_at = std::chrono::steady_clock::now() + mode.delay;
                    break;
                case ReceiverMode::Kind::fail:
                    status = static_cast<int>(mode.number);
                    break;
                case ReceiverMode::Kind::retry_after:
                    status = 503;
                    headers.emplace_back("Retry-After", std::to_string(mode.number));
                    break;
                case ReceiverMode::Kind::fail_first:
                    status = seen_in_mode_ <= mode.number ? 500 : 204;
                    break;
                case ReceiverMode::Kind::random_fail:
                    status =
                        std::uniform_int_distribution<std::int64_t>(0, 99)(rng_) < mode.number ? 500 : 204;
                    break;
                case ReceiverMode::Kind::hang:
                    answer_at = MonoTime::max();
                    break;
                case ReceiverMode::Kind::die_after:
                    if (seen_in_mode_ > mode.number) std::_Exit(exit_of_death);
                    break;
            }
            delivery.accepted = status < 300 && mode.kind != ReceiverMode::Kind::hang;
            bad_signatures_ += delivery.signature_ok ? 0 : 1;
            if (!ids_.insert(delivery.webhook_id).second) ++duplicates_;
            if (options_.keep_log) log_.push_back(delivery);
        }
        if (options_.on_delivery) options_.on_delivery(delivery);
        if (!answer_at) {
            respond(
                {.status = status, .content_type = "text/plain", .headers = std::move(headers), .body = {}});
            return;
        }
        {
            MutexLock lock(mutex_);
            held_.push_back({*answer_at, std::move(respond)});
        }
        changed_.notify_all();
    }

    bool verify(const net::ServerRequest& request, const std::string& body) const REQUIRES(mutex_) {
        const std::string timestamp = header_or_empty(request, "webhook-timestamp");
        const std::string signatures = header_or_empty(request, "webhook-signature");
        std::string content = header_or_empty(request, "webhook-id");
        content += '.';
        content += timestamp;
        content += '.';
        content += body;
        return std::any_of(keys_.begin(), keys_.end(), [&](const auto& key) {
            const std::string expected = "v1," + base64_encode(hmac_sha256(key, content));
            return signatures == expected || signatures.find(expected + " ") != std::string::npos ||
                   signatures.ends_with(" " + expected);
        });
    }

    void answer_slowly() {
        MutexLock lock(mutex_);
        while (!stopping_) {
            const MonoTime now = std::chrono::steady_clock::now();
            if (held_.empty()) {
                changed_.wait(lock);
            } else if (held_.front().due > now) {
                changed_.wait_until(lock, std::min(held_.front().due, now + std::chrono::seconds{1}));
            } else {
                Respond respond = std::move(held_.front().respond);
                held_.pop_front();
                lock.unlock();
                respond({.status = 204, .content_type = "text/plain", .body = {}});
                lock.lock();
            }
        }
    }

    net::ServerResponse control(const net::ServerRequest& request) {
        const auto bad = [](const std::string& text) {
            return net::ServerResponse{.status = 400, .content_type = "text/plain", .body = text + "\n"};
        };
        if (request.path == "/_receiver/stats") return stats(request.query == "log=1");
        if (request.path == "/_receiver/mode") {
            const auto mode = parse_mode(request.body);
            if (!mode) return bad(mode.error().message);
            set_mode(*mode);
            return {.status = 204, .body = {}};
        }
        if (request.path == "/_receiver/secrets") {
            const auto added = add(request.body);
            if (!added) return bad(added.error().message);
            return {.status = 204, .body = {}};
        }
        if (std::string_view alert = request.path; alert.starts_with(bodies_path))
            return {.body = last_body(alert.substr(bodies_path.size()))};
        return {.status = 404, .content_type = "text/plain", .body = "no such control\n"};
    }

    // Empty: nothing has come for it.
    std::string last_body(std::string_view alert_id) const {
        MutexLock lock(mutex_);
        const auto found =
            std::find_if(log_.rbegin(), log_.rend(), [&](const auto& d) { return d.alert_id == alert_id; });
        return found == log_.rend() ? std::string() : found->body;
    }

    net::ServerResponse stats(bool with_log) const {
        MutexLock lock(mutex_);
        JsonWriter w;
        w.begin_object().field("total", total_.load()).field("unique", ids_.size());
        w.field("duplicates", duplicates_).field("bad_signatures", bad_signatures_);
        if (with_log) {
            w.key("deliveries").begin_array();
            for (const ReceivedDelivery& d : log_) {
                w.begin_object().field("webhook_id", d.webhook_id).field("alert_id", d.alert_id);
                w.field("signature_ok", d.signature_ok).field("accepted", d.accepted);
                w.field("at_us", to_micros(d.at)).end_object();
            }
            w.end_array();
        }
        w.end_object();
        return {.body = std::move(w).str()};
    }

    const ReceiverOptions options_;
    mutable Mutex mutex_;
    CondVar changed_;
    ReceiverMode mode_ GUARDED_BY(mutex_);
    std::int64_t seen_in_mode_ GUARDED_BY(mutex_) = 0;
    std::vector<std::vector<std::uint8_t>> keys_ GUARDED_BY(mutex_);
    std::deque<Slow> held_ GUARDED_BY(mutex_);
    std::deque<ReceivedDelivery> log_ GUARDED_BY(mutex_);
    std::unordered_set<std::string> ids_ GUARDED_BY(mutex_);
    std::uint64_t duplicates_ GUARDED_BY(mutex_) = 0;
    std::uint64_t bad_signatures_ GUARDED_BY(mutex_) = 0;
    std::mt19937_64 rng_ GUARDED_BY(mutex_){1};
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::atomic<std::uint64_t> total_ = 0;
    std::unique_ptr<net::HttpServer> server_;
    std::thread slow_thread_;
};

}  // namespace

Result<ReceiverMode> parse_mode(std::string_view text) {
    using Kind = ReceiverMode::Kind;
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const std::string_view rest =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    const auto bad = [&] {
        return fail(
            fmt::format("'{}' is not a mode: ok, slow:500ms, fail:500, retry-after:5, fail-first:3, "
                        "random-fail:20, hang, die-after:10",
                        text));
    };
    if (name == "ok" && rest.empty()) return ReceiverMode{};
    if (name == "hang" && rest.empty()) return ReceiverMode{.kind = Kind::hang};
    if (name == "slow") {
        const auto delay = parse_duration(rest);
        if (!delay) return bad();
        return ReceiverMode{.kind = Kind::slow, .delay = *delay};
    }
    static constexpr std::array<std::pair<std::string_view, Kind>, 5> numbered{
        {{"fail", Kind::fail},
         {"retry-after", Kind::retry_after},
         {"fail-first", Kind::fail_first},
         {"random-fail", Kind::random_fail},
         {"die-after", Kind::die_after}}};
    for (const auto& [known, kind] : numbered) {
        if (known != name) continue;
        const ReceiverMode mode{.kind = kind, .number = parse_number<std::int64_t>(rest).value_or(-1)};
        if (mode.number < 0) return bad();
        if (kind == Kind::fail && (mode.number < 200 || mode.number > 599)) return bad();
        return mode;
    }
    return bad();
}

Result<std::unique_ptr<Receiver>> create_receiver(const ReceiverOptions& options) {
    auto receiver = std::make_unique<ReceiverImpl>(options);
    if (auto started = receiver->start(); !started) return std::unexpected(started.error());
    return receiver;
}

}  // namespace pricewire::sim
