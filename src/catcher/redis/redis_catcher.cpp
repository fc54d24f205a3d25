#include "catcher/redis/redis_catcher.hpp"

#include <string>

#include "access/redis/pool.hpp"
#include "catcher/codec.hpp"
#include "catcher/token.hpp"
#include "redis/url.hpp"

namespace pricewire::catcher {
namespace {

// <prefix>try:user:<id> and <prefix>try:token:<token> hold the address, <prefix>try:caught:<token> its requests, newest
// first; all of them live as long as it. <prefix>try:all has the tokens with their ends, so that there are never too many;
// what it drops ends by itself.

// KEYS: all. ARGV: now in ms, how many may stay. Returns the tokens that have to go.
constexpr std::string_view room_script = R"(
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
if over <= 0 then return {} end
local gone = redis.call('ZRANGE', KEYS[1], 0, over - 1)
redis.call('ZREM', KEYS[1], unpack(gone))
return gone
)";

// KEYS: user, token, caught, all. ARGV: the address, its life in ms, its token, its end in ms.
constexpr std::string_view put_script = R"(
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[3])
return 1
)";

// KEYS: token, caught. ARGV: the request, how many are kept.
constexpr std::string_view keep_script = R"(
local left = redis.call('PTTL', KEYS[1])
if left <= 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[2]) - 1)
redis.call('PEXPIRE', KEYS[2], left)
return 1
)";

std::string in_ms(Timestamp time) {
    return std::to_string(to_micros(time) / 1000);
}

class RedisCatcher final : public Catcher {
public:
    RedisCatcher(const RedisCatcherOptions& options, const redis::Address& address)
        : prefix_(options.prefix + "try:"),
          most_(std::to_string(options.max_addresses - 1)),
          room_(std::string(room_script)),
          put_(std::string(put_script)),
          keep_(std::string(keep_script)),
          pool_(options, address, "the catcher of test webhooks does not work", "it works again") {}

    CatcherAddress open(const Uuid& user_id, Timestamp now, bool& is_new) override {
        auto known = of_user(user_id, now);
        is_new = !known;
        CatcherAddress address = known.value_or(CatcherAddress{make_uuid(now), user_id, make_token(), {}});
        address.expires_at = now + address_life;
        if (is_new) make_room(now);
        const std::string user = user_key(user_id), token = token_key(address.token),
                          caught = caught_key(address.token), all = prefix_ + "all";
        const std::string text = address_text(address), end = in_ms(address.expires_at);
        const std::string life =
            std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(address_life).count());
        const std::string_view keys[] = {user, token, caught, all};
        const std::string_view arguments[] = {text, life, address.token, end};
        with([&](redis::Connection& c) { put_.run(c, keys, arguments).checked(); });
        return address;
    }

    std::optional<CatcherAddress> of_user(const Uuid& user_id, Timestamp now) override {
        return address_at(user_key(user_id), now);
    }
    std::optional<CatcherAddress> find(std::string_view token, Timestamp now) override {
        return address_at(token_key(token), now);
    }

    bool keep(const CatcherAddress& address, const CaughtRequest& request, Timestamp) override {
        bool kept = false;
        const std::string token = token_key(address.token), caught = caught_key(address.token);
        const std::string text = request_text(request), most = std::to_string(kept_requests);
        const std::string_view keys[] = {token, caught};
        const std::string_view arguments[] = {text, most};
        with([&](redis::Connection& c) {
            const redis::Reply reply = keep_.run(c, keys, arguments);
            kept = reply.checked().integer() == 1;
        });
        return kept;
    }

    std::vector<CaughtRequest> requests(const CatcherAddress& address, Timestamp) override {
        std::vector<CaughtRequest> out;
        with([&](redis::Connection& c) {
            const redis::Reply reply = c.command({"LRANGE", caught_key(address.token), "0", "-1"});
            const redis::ReplyView list = reply.checked();
            for (std::size_t i = 0; i < list.size(); ++i) {
                if (auto request = parse_request(list[i].text())) out.push_back(std::move(*request));
            }
        });
        return out;
    }

    bool close(const Uuid& user_id) override {
        const auto address = of_user(user_id, Timestamp::min());
        if (!address) return false;
        forget(*address);
        return true;
    }

private:
    std::string user_key(const Uuid& id) const { return prefix_ + "user:" + id.to_string(); }
    std::string token_key(std::string_view token) const { return prefix_ + "token:" + std::string(token); }
    std::string caught_key(std::string_view token) const { return prefix_ + "caught:" + std::string(token); }

    void with(const std::function<void(redis::Connection&)>& work) {
        if (!pool_.with(work)) throw CatcherUnavailable("Redis cannot be reached right now");
    }

    std::optional<CatcherAddress> address_at(const std::string& key, Timestamp now) {
        std::optional<CatcherAddress> out;
        with([&](redis::Connection& c) {
            const redis::Reply reply = c.command({"GET", key});
            out = parse_address(reply.checked().text());
        });
        if (out && out->expires_at <= now) out.reset();
        return out;
    }

    void make_room(Timestamp now) {
        std::vector<std::string> gone;
        const std::string all = prefix_ + "all", time = in_ms(now);
        const std::string_view keys[] = {all};
        const std::string_view arguments[] = {time, most_};
        with([&](redis::Connection& c) {
            const redis::Reply reply = room_.run(c, keys, arguments);
            const redis::ReplyView list = reply.checked();
            for (std::size_t i = 0; i < list.size(); ++i) gone.emplace_back(list[i].text());
        });
        for (const std::string& token : gone) {
            if (const auto address = find(token, Timestamp::min())) forget(*address);
        }
    }

    void forget(const CatcherAddress& address) {
        with([&](redis::Connection& c) {
            c.command({"DEL", user_key(address.user_id), token_key(address.token), caught_key(address.token)})
                .checked();
            c.command({"ZREM", prefix_ + "all", address.token}).checked();
        });
    }

    const std::string prefix_;
    const std::string most_;
    const redis::Script room_;
    const redis::Script put_;
    const redis::Script keep_;
    access::Pool pool_;
};

}  // namespace

std::unique_ptr<Catcher> create_redis_catcher(const RedisCatcherOptions& options) {
    return std::make_unique<RedisCatcher>(options, redis::address_of(options.url));
}

}  // namespace pricewire::catcher
