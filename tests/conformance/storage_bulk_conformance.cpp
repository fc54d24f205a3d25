// The contract of every Storage: creating and deleting many alerts, and requests that are repeated.
#include "storage_terms_fixture.hpp"

namespace pricewire::conformance {
namespace {

using storage::CreateAlertError;
using storage::CreateAlertResult;
using storage::IdempotentRequest;

class StorageBulkConformance : public StorageTermsFixture {
protected:
    IdempotentRequest request(const std::string& key, const std::string& answer = "made") const {
        return {key, sha256("POST /alerts"), now_, 201, answer};
    }
    static std::string results_of(std::span<const CreateAlertResult> results) {
        std::string out;
        for (const CreateAlertResult& result : results) {
            out += result                                              ? "+"
                   : result.error() == CreateAlertError::duplicate     ? "d"
                   : result.error() == CreateAlertError::limit_reached ? "l"
                   : result.error() == CreateAlertError::key_used      ? "k"
                                                                       : "e";
        }
        return out;
    }
    std::string create(const std::vector<Alert>& alerts, std::size_t limit = 100,
                       const IdempotentRequest* with = nullptr) {
        return results_of(storage_->create_alerts(alerts, limit, with, results_of));
    }
};

TEST_P(StorageBulkConformance, EachOfManyAlertsHasItsOwnResult) {
    add_alert("1");
    const std::vector<Alert> alerts{new_alert("3"), new_alert("1"),         new_ruled(repeating()),
                                    new_alert("3"), new_ruled(repeating()), new_alert("2")};
    EXPECT_EQ(create(alerts), "+d+dd+");
    EXPECT_EQ(active().size(), 4U);
    EXPECT_EQ(changes(), (std::vector{shown(Kind::created, storage_->alerts(user_, {}).back().id),
                                      shown(Kind::created, alerts[0].id), shown(Kind::created, alerts[2].id),
                                      shown(Kind::created, alerts[5].id)}));
    EXPECT_EQ(create({}), "");
}

TEST_P(StorageBulkConformance, TheFirstOnesFitIntoTheLimit) {
    EXPECT_EQ(create({new_alert("9"), new_alert("8"), new_alert("7"), new_alert("6")}, 2), "++ll");
    EXPECT_EQ(active().size(), 2U);
    EXPECT_EQ(create({new_alert("5")}, 2), "l");
    EXPECT_EQ(create({new_alert("5")}, 3), "+");
}

TEST_P(StorageBulkConformance, CreatesAThousandAlertsTogether) {
    std::vector<Alert> alerts;
    for (int i = 1; i <= 1000; ++i)
        alerts.push_back(i % 2 == 0 ? new_alert(std::to_string(i)) : new_ruled(repeating(std::to_string(i))));
    EXPECT_EQ(create(alerts, 1000), std::string(1000, '+'));
    EXPECT_EQ(active().size(), 1000U);
}

// Several requests at once

TEST_P(StorageBulkConformance, AlertsOfSeveralUsersAreCreatedTogetherEachWithItsOwnResult) {
    const Uuid bob = add_user("bob@example.com");
    const auto of_bob = [&](const std::string& target) {
        Alert alert = new_alert(target);
        alert.user_id = bob;
        return alert;
    };
    std::vector<storage::AlertCreation> each{{new_alert("1"), 2}, {of_bob("1"), 1},
                                             {new_alert("1"), 2}, {of_bob("2"), 1},
                                             {new_alert("2"), 2}, {new_ruled(repeating()), 3}};
    storage_->create_each(each);
    std::vector<CreateAlertResult> results;
    for (const auto& creation : each) {
        EXPECT_FALSE(creation.error);
        results.push_back(creation.result);
    }
    EXPECT_EQ(results_of(results), "++dl++");
    EXPECT_EQ(active().size(), 4U);
    EXPECT_EQ(changes(),
              (std::vector{shown(Kind::created, each[0].alert.id), shown(Kind::created, each[1].alert.id),
                           shown(Kind::created, each[4].alert.id), shown(Kind::created, each[5].alert.id)}));
    EXPECT_FALSE(storage_->create_alert(new_alert("9"), 3)) << "all were counted";
    EXPECT_TRUE(storage_->create_alert(new_alert("9"), 4));
}

TEST_P(StorageBulkConformance, CreationsOfManyThreadsDoNotWaitForEachOtherForever) {
    std::vector<std::thread> threads;
    std::atomic<int> created = 0;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int round = 0; round < 10; ++round) {
                std::vector<storage::AlertCreation> each;
                for (int i = 1; i <= 20; ++i)
                    each.push_back({new_alert(std::to_string(t * 1000 + round * 20 + i)), 1000});
                storage_->create_each(each);
                for (const auto& creation : each) created += !creation.error && creation.result ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(created.load(), 800);
    EXPECT_EQ(active().size(), 800U);
}

// Keys

TEST_P(StorageBulkConformance, ARepeatedRequestFindsItsAnswerAndCreatesNothing) {
    EXPECT_FALSE(storage_->stored_answer(user_, "k1", now_));
    const IdempotentRequest first = request("k1", "“made”");
    ASSERT_TRUE(storage_->create_alert(new_alert("1"), 10, &first));
    const auto kept = storage_->stored_answer(user_, "k1", now_ + 1h);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->request, first.request);
    EXPECT_EQ(kept->status, 201);
    EXPECT_EQ(kept->answer, "“made”");
    EXPECT_EQ(storage_->create_alert(new_alert("2"), 10, &first).error(), CreateAlertError::key_used);
    EXPECT_EQ(create({new_alert("2"), new_alert("3")}, 10, &first), "kk");
    EXPECT_EQ(active().size(), 1U);
    const Uuid other = add_user("other@example.com");
    EXPECT_FALSE(storage_->stored_answer(other, "k1", now_));
}

TEST_P(StorageBulkConformance, ARequestThatCreatesNothingStoresNothing) {
    add_alert("1");
    const IdempotentRequest first = request("k1");
    EXPECT_EQ(storage_->create_alert(new_alert("1"), 10, &first).error(), CreateAlertError::duplicate);
    EXPECT_EQ(create({new_alert("1")}, 10, &first), "d");
    EXPECT_FALSE(storage_->stored_answer(user_, "k1", now_));
    EXPECT_TRUE(storage_->create_alert(new_alert("2"), 10, &first));
    EXPECT_TRUE(storage_->stored_answer(user_, "k1", now_));
}

TEST_P(StorageBulkConformance, TheAnswerToManyIsMadeOfTheirResults) {
    add_alert("1");
    const IdempotentRequest first = request("k1", "unused");
    EXPECT_EQ(create({new_alert("1"), new_alert("2")}, 10, &first), "d+");
    EXPECT_EQ(storage_->stored_answer(user_, "k1", now_).value().answer, "d+");
    const IdempotentRequest second = request("k2", "the request's own");
    EXPECT_EQ(results_of(storage_->create_alerts(std::vector{new_alert("3")}, 10, &second)), "+");
    EXPECT_EQ(storage_->stored_answer(user_, "k2", now_).value().answer, "the request's own");
}

TEST_P(StorageBulkConformance, AKeyCanBeUsedAgainAfterADay) {
    IdempotentRequest first = request("k1");
    ASSERT_TRUE(storage_->create_alert(new_alert("1"), 10, &first));
    EXPECT_TRUE(storage_->stored_answer(user_, "k1", now_ + storage::keep_answers - 1us));
    EXPECT_FALSE(storage_->stored_answer(user_, "k1", now_ + storage::keep_answers));
    first.at = now_ + storage::keep_answers;
    first.answer = "again";
    EXPECT_TRUE(storage_->create_alert(new_alert("2"), 10, &first));
    EXPECT_EQ(storage_->stored_answer(user_, "k1", first.at).value().answer, "again");
}

TEST_P(StorageBulkConformance, ConcurrentRequestsWithOneKeyCreateOnce) {
    std::atomic<int> created = 0;
    const IdempotentRequest same = request("k1");
    at_once(8, [&](int t) {
        const auto result = storage_->create_alert(new_alert(std::to_string(t + 1)), 100, &same);
        if (result) {
            ++created;
        } else {
            EXPECT_EQ(result.error(), CreateAlertError::key_used);
        }
    });
    EXPECT_EQ(created, 1);
    EXPECT_EQ(active().size(), 1U);
}

TEST_P(StorageBulkConformance, NoKeyIsForgottenForTheSizeOfAnswers) {
    const std::string large(storage::max_kept_answer_bytes / 2, 'x');
    for (int i = 1; i <= 4; ++i) {
        IdempotentRequest r = request("k" + std::to_string(i), large);
        r.at = now_ + i * 1s;
        ASSERT_TRUE(storage_->create_alert(new_alert(std::to_string(i)), 10, &r));
    }
    const auto kept = [&](const char* key) { return storage_->stored_answer(user_, key, now_).value(); };
    EXPECT_FALSE(kept("k1").answer);
    EXPECT_FALSE(kept("k2").answer);
    EXPECT_EQ(kept("k1").request, request("k1").request) << "another request is still refused";
    EXPECT_EQ(kept("k4").answer, large);
    const IdempotentRequest again = request("k1");
    EXPECT_EQ(storage_->create_alert(new_alert("5"), 10, &again).error(), CreateAlertError::key_used);
}

TEST_P(StorageBulkConformance, TellsWhenThereIsRoomForAnotherKey) {
    for (int i = 1; i <= 3; ++i) {
        IdempotentRequest r = request("k" + std::to_string(i));
        r.at = now_ + i * 1s;
        ASSERT_TRUE(storage_->create_alert(new_alert(std::to_string(i)), 10, &r));
    }
    EXPECT_EQ(storage_->key_room_at(user_, now_ + 3s, 4), std::nullopt);
    EXPECT_EQ(storage_->key_room_at(user_, now_ + 3s, 3), now_ + 1s + storage::keep_answers);
    EXPECT_EQ(storage_->key_room_at(user_, now_ + 3s, 2), now_ + 2s + storage::keep_answers);
    EXPECT_EQ(storage_->key_room_at(user_, now_ + 1s + storage::keep_answers, 3), std::nullopt);
    EXPECT_EQ(storage_->key_room_at(add_user("other@example.com"), now_, 1), std::nullopt);
}

TEST_P(StorageBulkConformance, PruningRemovesOldAnswers) {
    const IdempotentRequest old = request("k1");  // years ago
    ASSERT_TRUE(storage_->create_alert(new_alert("1"), 10, &old));
    EXPECT_EQ(storage_->prune(now_, 100), 1U);
    EXPECT_FALSE(storage_->stored_answer(user_, "k1", now_));
}

TEST_P(StorageBulkConformance, ADeletedUsersAnswersAreForgotten) {
    const IdempotentRequest first = request("k1");
    ASSERT_TRUE(storage_->create_alert(new_alert("1"), 10, &first));
    ASSERT_TRUE(storage_->delete_user(user_, now_));
    EXPECT_FALSE(storage_->stored_answer(user_, "k1", now_));
}

TEST_P(StorageBulkConformance, ARepeatedTestIsSentOnce) {
    const Alert alert = add_alert();
    const IdempotentRequest first = request("k1");
    const auto add_test = [&] {
        return storage_->add_test_delivery(user_, alert.id, make_uuid(now_), number("42"), now_, &first);
    };
    EXPECT_TRUE(add_test());
    EXPECT_EQ(add_test().error(), storage::TestError::key_used);
    EXPECT_EQ(deliveries_of(alert.id).size(), 1U);
    EXPECT_EQ(storage_->stored_answer(user_, "k1", now_).value().answer, "made");
    const IdempotentRequest second = request("k2");
    EXPECT_EQ(
        storage_->add_test_delivery(user_, make_uuid(now_), make_uuid(now_), number("42"), now_, &second)
            .error(),
        storage::TestError::not_found);
    EXPECT_FALSE(storage_->stored_answer(user_, "k2", now_));
}

// Deleting by ticker

TEST_P(StorageBulkConformance, DeletesAllAlertsOfATicker) {
    const Alert fired = add_alert("1");
    fire({fired.id});
    const Alert plain = add_alert("2");
    const Alert with_terms = add_ruled(with_eth("3"));
    const Alert other = add(new_ruled(above("4", "ETH")));
    const Uuid someone = add_user("other@example.com");
    Alert theirs = new_alert("5");
    theirs.user_id = someone;
    add(theirs);
    const std::size_t from = heard();
    EXPECT_EQ(storage_->delete_alerts_of(user_, "BTC", true), 3U);
    EXPECT_EQ(storage_->alerts(user_, {}).size(), 4U) << "it was only asked";
    EXPECT_EQ(storage_->delete_alerts_of(user_, "BTC", false), 3U);
    EXPECT_EQ(storage_->delete_alerts_of(user_, "BTC", false), 0U);
    ASSERT_EQ(storage_->alerts(user_, {}).size(), 1U);
    EXPECT_EQ(storage_->alerts(user_, {})[0].id, other.id);
    EXPECT_EQ(storage_->alerts(someone, {}).size(), 1U);
    EXPECT_EQ(shown_since(from),
              (std::vector{shown(Kind::deleted, plain.id), shown(Kind::deleted, with_terms.id)}));
    EXPECT_EQ(storage_->alert_tickers(user_), std::vector<Ticker>{"ETH"});
    EXPECT_TRUE(storage_->create_alert(new_alert("6"), 2)) << "the count is right";
    EXPECT_FALSE(storage_->create_alert(new_alert("7"), 2));
    EXPECT_EQ(claim_all(now_).size(), 1U) << "what has fired is still sent";
}

TEST_P(StorageBulkConformance, DeletesThousandsInSteps) {
    std::vector<Alert> alerts;
    for (int i = 1; i <= 5'500; ++i) alerts.push_back(new_alert(std::to_string(i)));
    for (std::size_t from = 0; from < alerts.size(); from += 500)
        storage_->create_alerts(std::span(alerts).subspan(from, 500), 10'000);
    const Timestamp ahead = system_clock().now() + 1h;
    EXPECT_EQ(storage_->delete_alerts_of(user_, "BTC", false, ahead), 5'500U);
    EXPECT_TRUE(active().empty());
    // Those of the second step are deleted when it begins, which is some time after the first.
    const auto deleted_since = [&](Timestamp since) {
        return storage_->deleted_alerts(user_, since, 10'000).size();
    };
    EXPECT_EQ(deleted_since(ahead), 5'500U);
    Timestamp from = ahead, to = ahead + 1h;
    while (to - from > Duration{1}) {
        const Timestamp middle = from + (to - from) / 2;
        (deleted_since(middle) > 0 ? from : to) = middle;
    }
    EXPECT_EQ(deleted_since(from), 500U);
    EXPECT_TRUE(storage_->create_alert(new_alert("1"), 1));
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageBulkConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
