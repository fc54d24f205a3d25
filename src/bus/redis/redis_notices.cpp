#include "bus/redis/redis_notices.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "base/mutex.hpp"
#include "base/reconnect.hpp"
#include "base/text.hpp"
#include "bus/redis/keys.hpp"
#include "bus/redis/notice_codec.hpp"
#include "bus/redis/waits.hpp"
#include "redis/connection.hpp"
#include "redis/url.hpp"

namespace pricewire::bus {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view field = "n";
constexpr std::string_view missed_field = "m";  // of an entry with the time since when some were dropped
// Dropped notices are about changes committed a moment before.
constexpr Duration loss_overlap = 1s;
constexpr Duration away_after = 5s;
// A minute of notices from a busy sender; what does not fit is dropped.
constexpr std::size_t most_notices_waiting = 200'000;
constexpr std::size_t notices_an_entry = 100;
constexpr std::size_t entries_at_once = 100;

class NoticePublisher {
public:
    NoticePublisher(const RedisNoticesOptions& options, const std::string& key, const redis::Address& address,
                    Outage& outage, const Clock& clock)
        : cap_(std::to_string(options.stream_cap)),
          key_(key),
          address_(address),
          clock_(clock),
          reconnect_(reconnect_policy, outage) {
        thread_ = std::thread([this] { run(); });
    }
    ~NoticePublisher() {
        mailbox_.close();
        thread_.join();
    }
    NoticePublisher(const NoticePublisher&) = delete;
    NoticePublisher& operator=(const NoticePublisher&) = delete;

    void publish(std::span<const DeliveryNotice> notices) {
        for (const DeliveryNotice& notice : notices) {
            if (mailbox_.try_push(notice)) continue;
            overflowed_.store(true);
            return;
        }
    }

private:
    void run() {
        std::vector<DeliveryNotice> inbox;
        while (true) {
            const bool got = mailbox_.drain(inbox, lost_since_ ? std::optional(retry_at_) : std::nullopt);
            if (!got && mailbox_.closed()) return;
            if (overflowed_.exchange(false)) lose();
            // While Redis is unavailable notices are dropped: a late hint is useless, and subscribers are
            // notified since when they have missed some.
            if (std::chrono::steady_clock::now() < retry_at_ && !mailbox_.closed()) {
                lose();
                continue;
            }
            const bool had_connection = connection_ != nullptr;
            // A connection that worked until now is reopened once before notices are dropped.
            if (send(inbox) || (had_connection && send(inbox))) continue;
            lose();
        }
    }

    // Records that current notices, and those of a moment ago, were dropped.
    void lose() {
        if (!lost_since_) lost_since_ = clock_.now() - loss_overlap;
    }

    bool send(std::span<const DeliveryNotice> notices) {
        try {
            if (!connection_) connection_ = redis::Connection::open(address_, stream_timeouts);
            if (lost_since_) {
                connection_
                    ->command({"XADD", key_, "MAXLEN", "~", cap_, "*", missed_field,
                               std::to_string(to_micros(*lost_since_))})
                    .checked();
                lost_since_.reset();
            }
            while (!notices.empty()) {
                std::size_t entries = 0;
                for (; !notices.empty() && entries < entries_at_once; ++entries) {
                    const auto some = notices.first(std::min(notices.size(), notices_an_entry));
                    value_.clear();
                    append_notices(value_, some);
                    connection_->append({"XADD", key_, "MAXLEN", "~", cap_, "*", field, value_});
                    notices = notices.subspan(some.size());
                }
                const MonoTime deadline = connection_->deadline();
                connection_->send(deadline);
                for (; entries > 0; --entries) connection_->read(deadline).checked();
            }
            reconnect_.worked();
            return true;
        } catch (const redis::RedisError& e) {
            connection_.reset();
            retry_at_ = std::chrono::steady_clock::now() + reconnect_.failed(e.what());
            return false;
        }
    }

    const std::string cap_;
    const std::string& key_;
    const redis::Address& address_;
    const Clock& clock_;
    Mailbox<DeliveryNotice> mailbox_{most_notices_waiting};
    std::atomic<bool> overflowed_{false};

    // Used by the thread only.
    std::unique_ptr<redis::Connection> connection_;
    Reconnect reconnect_;
    MonoTime retry_at_{};
    std::optional<Timestamp> lost_since_;  // not yet published
    std::string value_;
    std::thread thread_;
};

class NoticeListener {
public:
    NoticeListener(const std::string& key, const redis::Address& address, Outage& outage, const Clock& clock,
                   NoticeSubscriber subscriber)
        : key_(key),
          address_(address),
          clock_(clock),
          subscriber_(std::move(subscriber)),
          reconnect_(reconnect_policy, outage) {
        heard_at_ = clock_.now();
        thread_ = std::thread([this] { run(); });
    }
    ~NoticeListener() {
        stop_.set();
        thread_.join();
    }
    NoticeListener(const NoticeListener&) = delete;
    NoticeListener& operator=(const NoticeListener&) = delete;

private:
    void run() {
        reconnect_.run<redis::RedisError>(
            stop_,
            [this] {
                if (!connection_) begin();
                read();
                return Duration::zero();
            },
            [this] { connection_.reset(); });
    }

    // Notices from before the connection are not read: the database has the same information.
    void begin() {
        auto connection = redis::Connection::open(address_, stream_timeouts);
        const redis::Reply newest = connection->command({"XREVRANGE", key_, "+", "-", "COUNT", "1"});
        newest.checked();
        const std::string_view last = newest[0][0].text();
        place_ = last.empty() ? "0-0" : std::string(last);
        connection_ = std::move(connection);
        // Also on the first connection: nothing before it was heard.
        subscriber_.missed(heard_at_);
    }

    void read() {
        const Timestamp asked = clock_.now();
        // After a pause of this process the stream may have been trimmed past its position.
        if (asked - heard_at_ > away_after) subscriber_.missed(heard_at_);
        const redis::Reply reply = connection_->command(
            {"XREAD", "COUNT", "100", "BLOCK", block_ms, "STREAMS", key_, place_}, read_timeout);
        reply.checked();
        const redis::ReplyView entries = reply[0][1];
        for (std::size_t i = 0; i < entries.size(); ++i) {
            place_ = entries[i][0].text();
            const std::string_view value = entries[i][1][1].text();
            if (entries[i][1][0].text() == missed_field) {
                // If it is not a time, everything may have been missed.
                subscriber_.missed(from_micros(parse_number<std::int64_t>(value).value_or(0)));
                continue;
            }
            const auto notices = parse_notices(value);
            if (!notices) {
                if (!std::exchange(warned_of_nonsense_, true)) {
                    log::warn(
                        "skipped an unreadable delivery notice; does another version, or another program, "
                        "write to this key?",
                        {{"key", key_}});
                }
                continue;
            }
            subscriber_.notices(*notices);
        }
        heard_at_ = asked;
    }

    const std::string& key_;
    const redis::Address& address_;
    const Clock& clock_;
    const NoticeSubscriber subscriber_;
    StopSignal stop_;

    // Used by the thread only.
    std::unique_ptr<redis::Connection> connection_;
    Reconnect reconnect_;
    std::string place_;
    Timestamp heard_at_;  // everything before was received
    bool warned_of_nonsense_ = false;
    std::thread thread_;
};

class RedisNotices : public DeliveryNotices {
public:
    RedisNotices(RedisNoticesOptions options, const Clock& clock)
        : options_(std::move(options)),
          key_(options_.prefix + "deliveries"),
          address_(redis::address_of(options_.url)),
          outage_("Redis at " + address_.text(), "events of the live stream are late",
                  "events of the live stream are immediate again"),
          clock_(clock) {}

    void publish(std::span<const DeliveryNotice> notices) override {
        if (notices.empty()) return;
        std::call_once(publishing_, [&] {
            publisher_ = std::make_unique<NoticePublisher>(options_, key_, address_, outage_, clock_);
        });
        publisher_->publish(notices);
    }
    void subscribe(NoticeSubscriber subscriber) override {
        MutexLock lock(mutex_);
        listener_.reset();
        listener_ = std::make_unique<NoticeListener>(key_, address_, outage_, clock_, std::move(subscriber));
    }
    void unsubscribe() override {
        MutexLock lock(mutex_);
        listener_.reset();
    }

private:
    const RedisNoticesOptions options_;
    const std::string key_;
    const redis::Address address_;
    Outage outage_;
    const Clock& clock_;
    std::once_flag publishing_;
    std::unique_ptr<NoticePublisher> publisher_;
    Mutex mutex_;
    std::unique_ptr<NoticeListener> listener_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<DeliveryNotices> create_redis_notices(RedisNoticesOptions options, const Clock& clock) {
    return std::make_unique<RedisNotices>(std::move(options), clock);
}

}  // namespace pricewire::bus
