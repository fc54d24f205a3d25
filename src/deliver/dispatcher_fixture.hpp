#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "deliver/dispatcher.hpp"
#include "domain/user_slot.hpp"
#include "fakes/fake_http_client.hpp"
#include "fakes/fake_secret_box.hpp"
#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"

namespace pricewire::deliver {

using net::HttpError;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

// A dispatcher in a world that stands still until it is moved.
class DispatcherTest : public testing::Test {
protected:
    DispatcherTest() {
        EXPECT_TRUE(storage_.create_user(
            {{user_, "a@example.com", true, clock_.now()}, {}, secrets_.seal(secret, user_.to_string())}));
    }
    // Requests that a test leaves open end while `ended_` is still there.
    void TearDown() override { client_.reset(); }

    void start(const SenderOptions& options = SenderOptions()) {
        auto wires = std::make_shared<DispatcherWires>();
        wires->urls = options.urls;
        wires->completed = [this](CompletedAttempt c) { ended_.push_back(std::move(c)); };
        dispatcher_ = create_dispatcher(options, wires, storage_, *client_, secrets_, clock_, 42);
    }

    // Steps like the sender's thread until nothing more happens at this time.
    void settle() {
        MonoTime wake;
        int steps = 0;
        do {
            if (!ended_.empty()) steps = 0;
            for (CompletedAttempt& c : std::exchange(ended_, {})) dispatcher_->on_completed(std::move(c));
            wake = dispatcher_->step();
            ASSERT_LT(++steps, 1000) << "it spins";
        } while (!ended_.empty() || wake <= clock_.mono());
    }
    // Advances the time in small steps.
    void pass(Duration d, Duration step = milliseconds{50}) {
        for (Duration gone{}; gone < d; gone += step) {
            clock_.advance(step);
            settle();
        }
    }
    // Fires alerts and returns the tasks that the outbox would publish. "{}" in the URL becomes a new number
    // each time.
    std::vector<DeliveryTask> fire(int count, const std::string& url = "https://example.com/hook") {
        return fire_as(user_, count, url);
    }
    std::vector<DeliveryTask> fire_as(const Uuid& user, int count, const std::string& url,
                                      Duration within = std::chrono::hours{24}) {
        const FiringGroup g = storage_.add_alerts(
            count,
            {.user_id = user, .webhook_url = url, .deliver_within = within, .created_at = clock_.now()});
        return storage_.fire(std::span(&g, 1));
    }
    static std::optional<std::uint8_t> slot_of(const DeliveryTask& task) {
        return task.user_id.is_nil() ? std::nullopt : std::optional(user_slot(task.user_id));
    }
    void hint(const std::vector<DeliveryTask>& tasks) {
        std::vector<queue::QueuedTask> queued;
        for (const DeliveryTask& t : tasks)
            queued.push_back({.task = t, .receipt = ++last_receipt_, .slot = slot_of(t)});
        dispatcher_->on_tasks(queued, true);
        settle();
    }
    // Ten deliveries to an endpoint that answers 500, at which its breaker has opened for half a minute. Returns the options.
    SenderOptions start_and_open_breaker() {
        SenderOptions options;
        options.breaker = {
            .failures = 2, .pause_min = std::chrono::seconds{30}, .pause_max = std::chrono::seconds{30}};
        start(options);
        settle();
        client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
        hint(fire(10));
        pass(std::chrono::seconds{2});
        return options;
    }
    // "delivering, 0 attempts", "pending, 1 attempt: 500".
    std::string state(const Uuid& id) {
        for (const DeliveryView& d : storage_.all_deliveries()) {
            if (d.id != id) continue;
            std::string line(to_string(d.state));
            for (const Attempt& a : storage_.attempts_of(id)) {
                line += fmt::format(" {}:{}", a.number, a.status ? std::to_string(*a.status) : a.error);
            }
            return line;
        }
        return "unknown";
    }
    std::string url_of(std::size_t open) { return client_->open_request(open).url; }

    ManualClock clock_;
    fakes::FakeSecretBox secrets_;
    fakes::TestStorage storage_;
    std::vector<CompletedAttempt> ended_;
    std::unique_ptr<fakes::FakeHttpClient> client_ = std::make_unique<fakes::FakeHttpClient>();
    std::unique_ptr<Dispatcher> dispatcher_;
    const Uuid user_ = make_uuid(clock_.now());
    std::uint64_t last_receipt_ = 0;  // receipts start at 1
};

}  // namespace pricewire::deliver
