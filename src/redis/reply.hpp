#pragma once

#include <hiredis/hiredis.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "redis/error.hpp"

namespace pricewire::redis {

// A view of a reply or a part of one, valid as long as its Reply. Missing parts read as nil, so a reply of an
// unexpected shape is harmless.
class ReplyView {
public:
    explicit ReplyView(const redisReply* reply = nullptr) : reply_(reply) {}

    bool is_nil() const { return reply_ == nullptr || reply_->type == REDIS_REPLY_NIL; }
    bool is_error() const { return reply_ != nullptr && reply_->type == REDIS_REPLY_ERROR; }
    bool is_text() const {
        return reply_ != nullptr &&
               (reply_->type == REDIS_REPLY_STRING || reply_->type == REDIS_REPLY_STATUS || is_error());
    }
    std::string_view text() const { return is_text() ? std::string_view{reply_->str, reply_->len} : ""; }
    long long integer() const {
        return reply_ != nullptr && reply_->type == REDIS_REPLY_INTEGER ? reply_->integer : 0;
    }
    // Of an array; otherwise 0.
    std::size_t size() const {
        return reply_ != nullptr && reply_->type == REDIS_REPLY_ARRAY ? reply_->elements : 0;
    }
    ReplyView operator[](std::size_t i) const { return ReplyView(i < size() ? reply_->element[i] : nullptr); }

private:
    const redisReply* reply_;
};

// Owns a reply.
class Reply : public ReplyView {
public:
    explicit Reply(redisReply* reply) : ReplyView(reply), owned_(reply) {}

    // Returns itself; throws RedisError if it is an error reply.
    const Reply& checked() const {
        if (is_error())
            throw RedisError("Redis returned an error: " + std::string(text().substr(0, 200)), brief(text()));
        return *this;
    }

private:
    struct Free {
        void operator()(redisReply* reply) const { freeReplyObject(reply); }
    };
    std::unique_ptr<redisReply, Free> owned_;
};

}  // namespace pricewire::redis
