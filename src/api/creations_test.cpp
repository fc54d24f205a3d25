// Alerts of requests that come meanwhile are created together, each with an answer of its own.
#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class CreationsTest : public ApiTest {
protected:
    CreationsTest() {
        options_.resolvers = 1;
        restart();
    }
    void restart() {
        api_ = nullptr;
        // Known keys, so that each creation goes straight to the thread that wait_until_queued() asks, too.
        for (const Account& account : {ann_, bob_})
            EXPECT_EQ(call_as(account, "GET", "/api/v1/alerts").status, 200);
    }
    Pending create(const Account& account, const std::string& target) {
        return start("POST", "/api/v1/alerts", alert_body(target), {{"x-api-key", account.api_key}});
    }
    // Holds up the next commit of creations until release().
    void block() {
        storage_.before_creating = [this] {
            if (std::exchange(blocks_, false)) {
                entered_.set_value();
                released_.get_future().wait();
            }
        };
    }
    void wait_until_blocked() { entered_.get_future().wait(); }
    // One thread takes requests to create alerts, each user's in order: once it has refused these, the earlier ones are
    // queued.
    void wait_until_queued() {
        for (const Account& account : {ann_, bob_}) {
            const Answer refused =
                call("POST", "/api/v1/alerts", alert_body("none"), {{"x-api-key", account.api_key}});
            EXPECT_EQ(refused.status / 100, 4);
        }
    }
    void release() { released_.set_value(); }
    int commits() { return storage_.calls("create_each"); }

    Account ann_ = register_user("ann@example.com");
    Account bob_ = register_user("bob@example.com");
    bool blocks_ = true;
    std::promise<void> entered_, released_;
};

TEST_F(CreationsTest, RequestsThatComeDuringACommitShareTheNextOne) {
    block();
    auto first = create(ann_, "1");
    wait_until_blocked();
    std::vector<Pending> meanwhile;
    for (const char* target : {"2", "2", "3"}) meanwhile.push_back(create(ann_, target));
    for (const char* target : {"1", "2"}) meanwhile.push_back(create(bob_, target));
    wait_until_queued();
    // Whatever else the storage is asked is answered meanwhile.
    EXPECT_EQ(call_as(bob_, "GET", "/api/v1/alerts").status, 200);
    release();
    EXPECT_EQ(wait(std::move(first)).status, 201);
    int created = 0, refused = 0;
    for (Pending& one : meanwhile) {
        const Answer answer = wait(std::move(one));
        created += answer.status == 201 ? 1 : 0;
        refused += answer.status == 409 ? 1 : 0;
        if (answer.status == 201) {
            EXPECT_EQ(answer.header("Location"), "/api/v1/alerts/" + member(answer.body, "id"));
        }
    }
    EXPECT_EQ(created, 4);
    EXPECT_EQ(refused, 1) << "one is a duplicate";
    EXPECT_LT(commits(), 6);
    EXPECT_EQ(ids(call_as(ann_, "GET", "/api/v1/alerts")).size(), 3U);
    EXPECT_EQ(ids(call_as(bob_, "GET", "/api/v1/alerts")).size(), 2U);
}

TEST_F(CreationsTest, AUserHasAQuarterOfTheQueueAndOthersTheRest) {
    options_.worker_queue = 8;
    restart();
    block();
    auto first = create(ann_, "1");
    wait_until_blocked();
    std::vector<Pending> anns;
    for (int i = 2; i < 20; ++i) {
        anns.push_back(create(ann_, std::to_string(i)));
        // One at a time, so that none is refused on the way to the queue.
        wait_until_queued();
    }
    auto bobs = create(bob_, "1");
    wait_until_queued();
    release();
    EXPECT_EQ(wait(std::move(first)).status, 201);
    int created = 0, busy = 0;
    for (Pending& one : anns) {
        const Answer answer = wait(std::move(one));
        created += answer.status == 201 ? 1 : 0;
        busy += answer.status == 503 ? 1 : 0;
    }
    EXPECT_EQ(created, 2) << "a quarter of the queue";
    EXPECT_EQ(busy, 16);
    EXPECT_EQ(wait(std::move(bobs)).status, 201);
}

TEST_F(CreationsTest, OneThatHasWaitedTooLongIsNotCreated) {
    block();
    auto first = create(ann_, "1");
    wait_until_blocked();
    auto late = create(ann_, "2");
    wait_until_queued();
    clock_.advance(6s);
    release();
    EXPECT_EQ(wait(std::move(first)).status, 201);
    const Answer answer = wait(std::move(late));
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("Retry-After"), "1");
    EXPECT_EQ(ids(call_as(ann_, "GET", "/api/v1/alerts")).size(), 1U);
}

TEST_F(CreationsTest, AStorageThatFailsAnswersEachOfThem) {
    block();
    auto first = create(ann_, "1");
    wait_until_blocked();
    auto second = create(bob_, "2");
    wait_until_queued();
    storage_.fail_calls_of("create_each");
    release();
    EXPECT_EQ(wait(std::move(first)).status, 503);
    EXPECT_EQ(wait(std::move(second)).status, 503);
    storage_.heal();
}

}  // namespace
}  // namespace pricewire::api
