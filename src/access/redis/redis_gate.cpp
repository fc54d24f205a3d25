#include "access/redis/redis_gate.hpp"

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "access/redis/redis_auth_cache.hpp"
#include "access/redis/redis_rate_limits.hpp"
#include "access/redis/scripts.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/outage.hpp"

namespace pricewire::access {

namespace {

using namespace std::chrono_literals;

constexpr Duration reconnect_every = 1s;
// Requests that are sent together, and those that may wait for that: beyond, they are answered as if Redis were down.
constexpr std::size_t most_asked = 256;
constexpr std::size_t most_queued = 10'000;

// KEYS: the cached user and the prefix of evictions, or nothing for no user; the bucket, or nothing for none. ARGV: see
// take_tokens(); then whether the bucket is one of the user's, whose key is between the last two. Returns the user, and what
// was taken.
constexpr std::string_view admit_script = R"(
local entry, id, bucket, taken = false, nil, KEYS[3], false
if KEYS[1] ~= '' then entry, id = get_entry(KEYS[1], KEYS[2]) end
if ARGV[4] == '1' then bucket = entry and (KEYS[3] .. id .. ARGV[5]) or '' end
if bucket ~= '' then taken = take_tokens(bucket, ARGV[1], ARGV[2], ARGV[3], 'lease') end
return {entry, taken}
)";

class RedisGate final : public Gate {
public:
    RedisGate(const RedisCacheOptions& options, const redis::Address& address, RedisAuthCache& keys,
              RedisRateLimits& limits)
        : address_(address),
          timeouts_{.connect = options.connect_timeout, .command = options.command_timeout},
          script_(std::string(get_entry) + std::string(take_tokens) + std::string(admit_script)),
          keys_(keys),
          limits_(limits),
          outage_("Redis at " + address.text(), "each process knows its own keys and limits alone",
                  "keys and limits are shared again") {
        connect();
        thread_ = std::thread([this] { run(); });
    }
    ~RedisGate() override {
        {
            MutexLock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

    void admit(Ask ask, std::move_only_function<void(Admission)> then) override {
        Question q{.ask = std::move(ask), .then = std::move(then)};
        q.local_generation = keys_.local_generation();
        q.known.user = keys_.local(q.ask.key);
        if (!q.ask.is_of_user) {
            q.bucket = q.ask.bucket;
        } else if (q.known.user) {
            q.bucket = bucket_of(q.known.user->id, q.ask.bucket);
        }
        q.asked = std::chrono::steady_clock::now();
        if (!q.bucket.empty()) {
            q.plan = limits_.leases().take(q.bucket, q.ask.limit, q.asked);
            q.known.decision = q.plan.decision;
        }
        const bool is_refused = q.known.decision && !q.known.decision->allowed;
        if (is_refused || (q.known.user && q.known.decision)) return q.then(std::move(q.known));
        if (!try_queue(q)) answer_alone(q);
    }

private:
    struct Question {
        Ask ask;
        std::move_only_function<void(Admission)> then;
        Admission known = {};     // without asking
        std::string bucket = {};  // empty: that of a user who is not known
        Leases::Plan plan = {};
        MonoTime asked = {};
        std::uint64_t local_generation = 0;
    };

    // Not while there is no connection: then nobody waits for one.
    bool try_queue(Question& q) {
        {
            MutexLock lock(mutex_);
            if (!is_connected_ || stopping_ || waiting_.size() >= most_queued) return false;
            waiting_.push_back(std::move(q));
        }
        changed_.notify_one();
        return true;
    }

    void run() {
        Duration until_retry = reconnect_every;
        while (true) {
            std::vector<Question> questions;
            {
                MutexLock lock(mutex_);
                const auto due = [&]() REQUIRES(mutex_) { return stopping_ || !waiting_.empty(); };
                if (is_connected_) {
                    changed_.wait(lock, due);
                } else {
                    changed_.wait_for(lock, until_retry, due);
                }
                if (stopping_) return;
                questions = take_waiting();
            }
            if (connection_) {
                ask_redis(questions);
                // A connection that has broken is opened again at once, but after those that still wait were answered.
                until_retry = {};
                continue;
            }
            for (Question& q : questions) answer_alone(q);
            if (questions.empty()) {
                connect();
                until_retry = reconnect_every;
            }
        }
    }

    std::vector<Question> take_waiting() REQUIRES(mutex_) {
        const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), most_asked));
        std::vector<Question> out(std::make_move_iterator(waiting_.begin()),
                                  std::make_move_iterator(waiting_.begin() + count));
        waiting_.erase(waiting_.begin(), waiting_.begin() + count);
        return out;
    }

    void connect() {
        try {
            connection_ = redis::Connection::open(address_, timeouts_);
            connection_->command({"SCRIPT", "LOAD", script_.text()}).checked();
        } catch (const redis::RedisError& e) {
            connection_.reset();
            outage_.begin(e.what());
            return;
        }
        outage_.end();
        MutexLock lock(mutex_);
        is_connected_ = true;
    }
    void lost(std::string_view reason) {
        connection_.reset();
        if (lost_lines_.take(std::chrono::steady_clock::now())) {
            log::warn("closed a connection to Redis after an error; requests were admitted without Redis",
                      {{"reason", std::string(reason)}});
        }
        MutexLock lock(mutex_);
        is_connected_ = false;
    }

    void ask_redis(std::vector<Question>& questions) {
        std::size_t answered = 0;
        try {
            keys_.make_evictions(*connection_);
            for (const Question& q : questions) append(q);
            const MonoTime deadline = connection_->deadline();
            connection_->send(deadline);
            std::vector<redis::Reply> replies;
            for (std::size_t i = 0; i < questions.size(); ++i) replies.push_back(connection_->read(deadline));
            for (; answered < questions.size(); ++answered) {
                redis::Reply& reply = replies[answered];
                // Its scripts were removed.
                if (reply.is_error() && reply.text().starts_with("NOSCRIPT"))
                    reply = ask_again(questions[answered]);
                answer(questions[answered], reply.checked());
            }
        } catch (const redis::RedisError& e) {
            lost(e.what());
            for (; answered < questions.size(); ++answered) answer_alone(questions[answered]);
        }
    }

    // The words of its command.
    template <typename Send>
    auto with_words(const Question& q, std::string_view command, std::string_view script, Send send) {
        const std::string key = q.known.user ? "" : keys_.entry_key(q.ask.key);
        const std::string count = std::to_string(q.ask.limit.count);
        const std::string period = std::to_string(q.ask.limit.period.count());
        const std::string tokens = std::to_string(q.plan.tokens);
        const bool is_of_unknown = q.bucket.empty();
        const std::string bucket = q.known.decision ? ""
                                   : is_of_unknown  ? limits_.key_of("user:")
                                                    : limits_.key_of(q.bucket);
        const std::string after = ":" + q.ask.bucket;
        return send({command, script, "3", key, keys_.evicted_key(), bucket, count, period, tokens,
                     is_of_unknown ? "1" : "0", after});
    }
    void append(const Question& q) {
        with_words(q, "EVALSHA", script_.name(),
                   [&](std::initializer_list<std::string_view> words) { connection_->append(words); });
    }
    redis::Reply ask_again(const Question& q) {
        return with_words(q, "EVAL", script_.text(), [&](std::initializer_list<std::string_view> words) {
            return connection_->command(words);
        });
    }

    void answer(Question& q, const redis::Reply& reply) {
        Admission out = q.known;
        const std::optional<TakenTokens> taken =
            reply[1].size() > 0 ? std::optional(taken_tokens(reply[1])) : std::nullopt;
        if (!out.user) out.user = keys_.keep(q.ask.key, reply[0].text(), q.local_generation);
        if (q.bucket.empty() && out.user) q.bucket = bucket_of(out.user->id, q.ask.bucket);
        if (taken && !q.bucket.empty())
            out.decision =
                limits_.leases().granted(q.bucket, q.ask.limit, q.plan, taken->tokens, taken->debt, q.asked);
        q.then(std::move(out));
    }
    void answer_alone(Question& q) {
        Admission out = q.known;
        if (!out.decision && !q.bucket.empty()) {
            limits_.leases().failed(q.bucket, q.plan);
            out.decision = limits_.take_alone(q.bucket, q.ask.limit);
        }
        q.then(std::move(out));
    }

    const redis::Address address_;
    const redis::Timeouts timeouts_;
    const redis::Script script_;
    RedisAuthCache& keys_;
    RedisRateLimits& limits_;
    Outage outage_;
    std::unique_ptr<redis::Connection> connection_;  // the thread's
    log::AtMostEvery lost_lines_{std::chrono::minutes{1}};
    Mutex mutex_;
    CondVar changed_;
    std::deque<Question> waiting_ GUARDED_BY(mutex_);
    bool is_connected_ GUARDED_BY(mutex_) = false;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Gate> create_redis_gate(const RedisCacheOptions& options, RedisAuthCache& keys,
                                        RedisRateLimits& limits) {
    return std::make_unique<RedisGate>(options, redis::address_of(options.url), keys, limits);
}

}  // namespace pricewire::access
