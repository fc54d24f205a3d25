#include "past/asker.hpp"

#include <thread>
#include <utility>

#include "net/event_loop.hpp"
#include "past/asker_core.hpp"

namespace pricewire::past {
namespace {

class AskerImpl final : public Asker {
public:
    AskerImpl(std::vector<AskedVenue> venues, std::unique_ptr<net::HttpClient> http, const Clock& clock)
        : clock_(clock), http_(std::move(http)), loop_(net::create_event_loop()), core_(std::move(venues)) {
        thread_ = std::thread([this] { loop_->run(); });
    }
    ~AskerImpl() override {
        loop_->post([this] {
            core_.stop();
            loop_->stop();
        });
        thread_.join();
        http_.reset();  // its last answers still go to the loop
    }

    void candles(Ask ask, CandlesDone done) override {
        loop_->post([this, ask = std::move(ask), done = std::move(done)]() mutable {
            core_.candles(std::move(ask), std::move(done), clock_.moment());
            go_on();
        });
    }
    void trades(Ask ask, TradesDone done) override {
        loop_->post([this, ask = std::move(ask), done = std::move(done)]() mutable {
            core_.trades(std::move(ask), std::move(done), clock_.moment());
            go_on();
        });
    }
    void post(std::move_only_function<void()> task) override { loop_->post(std::move(task)); }
    bool is_left_out(SourceName source) const override { return core_.is_left_out(source, clock_.mono()); }
    Duration wait(SourceName source) const override { return core_.wait(source, clock_.mono()); }
    std::span<const AskedVenue> venues() const override { return core_.venues(); }

private:
    void go_on() {
        for (AskerCore::Request& request : core_.due(clock_.moment())) {
            const std::uint64_t id = request.id;
            http_->start({.url = std::move(request.url),
                          .timeout = request.timeout,
                          .max_response_bytes = request.max_answer},
                         [this, id](net::HttpResult result) {
                             loop_->post([this, id, result = std::move(result)] {
                                 core_.answered(id, result, clock_.moment());
                                 go_on();
                             });
                         });
        }
        if (timer_) loop_->cancel(*timer_);
        timer_.reset();
        if (const auto wake = core_.wake()) {
            const auto wait = std::chrono::ceil<Duration>(*wake - clock_.mono());
            timer_ = loop_->after(std::max(wait, Duration::zero()), [this] {
                timer_.reset();
                go_on();
            });
        }
    }

    const Clock& clock_;
    std::unique_ptr<net::HttpClient> http_;
    std::unique_ptr<net::EventLoop> loop_;
    AskerCore core_;  // this and the following belong to the loop's thread
    std::optional<net::EventLoop::TimerId> timer_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Asker> start_asker(std::vector<AskedVenue> venues, std::unique_ptr<net::HttpClient> http,
                                   const Clock& clock) {
    return std::make_unique<AskerImpl>(std::move(venues), std::move(http), clock);
}

}  // namespace pricewire::past
