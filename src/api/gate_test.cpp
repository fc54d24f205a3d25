// Requests whose key and limit a gate answers, on a thread of its own.
#include <thread>

#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

// Answers from the test's caches, on another thread.
class ThreadedGate final : public access::Gate {
public:
    ThreadedGate(access::AuthCache& keys, access::RateLimits& limits, const Clock& clock)
        : keys_(keys), limits_(limits), clock_(clock), thread_([this] { run(); }) {}
    ~ThreadedGate() override {
        {
            MutexLock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }
    void admit(access::Ask ask, std::move_only_function<void(access::Admission)> then) override {
        {
            MutexLock lock(mutex_);
            asked_.push_back({std::move(ask), std::move(then)});
        }
        changed_.notify_one();
    }

private:
    struct Asked {
        access::Ask ask;
        std::move_only_function<void(access::Admission)> then;
    };
    void run() {
        while (true) {
            std::vector<Asked> asked;
            {
                MutexLock lock(mutex_);
                changed_.wait(lock, [&]() REQUIRES(mutex_) { return stopping_ || !asked_.empty(); });
                if (stopping_) return;
                asked.swap(asked_);
            }
            for (Asked& one : asked) one.then(answer(one.ask));
        }
    }
    access::Admission answer(const access::Ask& ask) {
        access::Admission out{keys_.get(ask.key), {}};
        if (!ask.is_of_user) {
            out.decision = limits_.take(ask.bucket, ask.limit, clock_.mono());
        } else if (out.user) {
            out.decision =
                limits_.take(access::bucket_of(out.user->id, ask.bucket), ask.limit, clock_.mono());
        }
        return out;
    }

    access::AuthCache& keys_;
    access::RateLimits& limits_;
    const Clock& clock_;
    Mutex mutex_;
    CondVar changed_;
    std::vector<Asked> asked_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

class GateTest : public ApiTest {
protected:
    GateTest() {
        make_gate_ = [this] { return std::make_unique<ThreadedGate>(*auth_cache_, *rate_limits_, clock_); };
        publish("BTC", "65000");
    }
    Answer rates(const std::string& key) { return call("GET", "/api/v1/rates", {}, {{"x-api-key", key}}); }
};

TEST_F(GateTest, AnUnknownKeyIsLookedUpOnceAndThenKnown) {
    const Account ann = register_user("ann@example.com");
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(rates(ann.api_key).status, 200);
        EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200);
        EXPECT_EQ(call_as(ann, "GET", "/api/v1/alerts").status, 200);
    }
    EXPECT_EQ(storage_.calls("user_by_key_hash"), 1);
    EXPECT_EQ(rates("sk_live_" + std::string(43, 'x')).status, 401);
    EXPECT_EQ(rates("sk_live_x").status, 401);
}

TEST_F(GateTest, EachRequestTakesOneTokenWhicheverWayItGoes) {
    options_.user_limit = {4, 10s};
    options_.rates_limit = {3, 10s};
    const Account ann = register_user("ann@example.com");
    for (int left = 3; left >= 0; --left) {
        const Answer answer = call_as(ann, "GET", "/api/v1/alerts");
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.header("RateLimit-Limit"), "4");
        EXPECT_EQ(answer.header("RateLimit-Remaining"), std::to_string(left));
    }
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/alerts").status, 429);
    for (int left = 2; left >= 0; --left)
        EXPECT_EQ(rates(ann.api_key).header("RateLimit-Remaining"), std::to_string(left));
    const Answer refused = rates(ann.api_key);
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.header("RateLimit-Limit"), "3");
    clock_.advance(10s);
    EXPECT_EQ(rates(ann.api_key).status, 200);
}

TEST_F(GateTest, InventedKeysAreLookedUpNoMoreThanTheLimitAllows) {
    options_.failed_keys_limit = {10, 1min};
    const Account ann = register_user("ann@example.com");
    EXPECT_EQ(rates(ann.api_key).status, 200);
    const int before = storage_.calls("user_by_key_hash");
    int refused = 0;
    for (int i = 0; i < 50; ++i) {
        std::string key = "sk_live_" + std::string(40, 'x') + std::to_string(100 + i);
        refused += rates(key).status == 429 ? 1 : 0;
    }
    EXPECT_EQ(refused, 40);
    EXPECT_EQ(storage_.calls("user_by_key_hash") - before, 10);
    EXPECT_EQ(rates(ann.api_key).status, 200) << "a known key does not pay for that";
}

TEST_F(GateTest, ADisabledUserIsRefusedFromTheNextRequestOn) {
    const Account ann = register_user("ann@example.com");
    EXPECT_EQ(rates(ann.api_key).status, 200);
    storage_.set_user_active(*Uuid::parse(ann.id), false);
    EXPECT_EQ(rates(ann.api_key).status, 401);
}

TEST_F(GateTest, ManyRequestsAtOnceAreAllAnswered) {
    const Account ann = register_user("ann@example.com");
    std::vector<Pending> pending;
    for (int i = 1; i <= 100; ++i) {
        pending.push_back(start("GET", "/api/v1/rates", {}, {{"x-api-key", ann.api_key}}));
        if (i % 10 == 0)
            pending.push_back(
                start("POST", "/api/v1/alerts", alert_body(std::to_string(i)), {{"x-api-key", ann.api_key}}));
    }
    for (Pending& one : pending) {
        const int status = wait(std::move(one)).status;
        EXPECT_TRUE(status == 200 || status == 201) << status;
    }
}

}  // namespace
}  // namespace pricewire::api
