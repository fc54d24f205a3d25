#include "catcher/catching_client.hpp"

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mailbox.hpp"

namespace pricewire::catcher {
namespace {

// Requests that wait for the catcher; more end with an error, and are retried.
constexpr std::size_t most_waiting = 1000;

net::HttpResult answer(int status, std::string body) {
    net::HttpResult out;
    out.status = status;
    out.body = std::move(body);
    return out;
}

net::HttpResult failure(net::HttpError error, std::string text) {
    net::HttpResult out;
    out.error = error;
    out.error_text = std::move(text);
    return out;
}

class CatchingClient final : public net::HttpClient {
public:
    CatchingClient(net::HttpClient& client, Catcher& catcher, net::UrlPolicy policy, const Clock& clock,
                   std::function<void(const CatcherAddress&, const CaughtRequest&)> kept)
        : client_(client),
          catcher_(catcher),
          policy_(std::move(policy)),
          clock_(clock),
          kept_(std::move(kept)),
          thread_([this] { run(); }) {}
    ~CatchingClient() override {
        waiting_.close();
        thread_.join();
    }

    void start(net::HttpRequest request, Done done) override {
        if (!net::own_token(request.url)) return client_.start(std::move(request), std::move(done));
        auto next = std::make_shared<Waiting>(std::move(request), std::move(done));
        if (!waiting_.try_push(next))
            next->done(failure(net::HttpError::connect, "too many webhooks wait for the catcher"));
    }
    std::size_t not_begun() const override { return client_.not_begun(); }
    std::size_t max_connections() const override { return client_.max_connections(); }

private:
    struct Waiting {
        net::HttpRequest request;
        Done done;
    };

    void run() {
        std::vector<std::shared_ptr<Waiting>> inbox;
        while (waiting_.drain(inbox)) {
            for (const auto& next : inbox) {
                if (waiting_.closed()) {
                    next->done(failure(net::HttpError::cancelled, "the sender has stopped"));
                } else {
                    take(*next);
                }
            }
        }
    }

    void take(Waiting& next) {
        const Timestamp now = clock_.now();
        const MonoTime started = clock_.mono();
        try {
            const auto address = catcher_.find(*net::own_token(next.request.url), now);
            if (!address) return pass_on(next);
            const CaughtRequest request =
                caught(next.request.method, next.request.headers, next.request.body, now);
            if (!catcher_.keep(*address, request, now)) return pass_on(next);
            kept_(*address, request);
            net::HttpResult result = answer(200, R"({"caught":true})");
            result.duration = std::chrono::duration_cast<Duration>(clock_.mono() - started);
            next.done(std::move(result));
        } catch (const CatcherUnavailable& e) {
            next.done(
                failure(net::HttpError::connect, std::string("the catcher does not work: ") + e.what()));
        }
    }

    void pass_on(Waiting& next) {
        const auto url = net::parse_webhook_url(next.request.url, policy_);
        if (url) return client_.start(std::move(next.request), std::move(next.done));
        next.done(failure(net::HttpError::refused_address,
                          "this address of the catcher has ended; it lives for an hour"));
    }

    net::HttpClient& client_;
    Catcher& catcher_;
    const net::UrlPolicy policy_;
    const Clock& clock_;
    const std::function<void(const CatcherAddress&, const CaughtRequest&)> kept_;
    Mailbox<std::shared_ptr<Waiting>> waiting_{most_waiting};
    std::thread thread_;
};

}  // namespace

std::unique_ptr<net::HttpClient> create_catching_client(
    net::HttpClient& client, Catcher& catcher, net::UrlPolicy policy, const Clock& clock,
    std::function<void(const CatcherAddress&, const CaughtRequest&)> kept) {
    return std::make_unique<CatchingClient>(client, catcher, std::move(policy), clock, std::move(kept));
}

}  // namespace pricewire::catcher
