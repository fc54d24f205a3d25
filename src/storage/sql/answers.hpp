#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <span>
#include <string_view>

#include "storage/alerts.hpp"
#include "storage/sql/rows.hpp"

// Answers to requests with a key, in the transaction that creates something.
namespace pricewire::storage::sql {

// False if the key is used. One that is taken must be settled before the commit.
template <typename Connection>
bool take_key(Connection& db, const Uuid& user_id, const IdempotentRequest& request) {
    return db.change("answer_take", user_id, request.key, request.request, request.status, request.at,
                     request.at - keep_answers) > 0;
}
// Keeps the answer if something was created; else the key can be used again.
template <typename Connection>
void settle_key(Connection& db, const Uuid& user_id, std::string_view key, bool created,
                std::string_view answer) {
    if (!created) {
        db.change("answer_drop", user_id, key);
        return;
    }
    db.change("answer_keep", user_id, key, answer);
    const auto is_too_much = [](const auto& row) {
        return row.number(0) > std::int64_t{max_kept_answer_bytes};
    };
    // A part of the room is made free at once, so that this happens rarely.
    if (db.first(is_too_much, "answers_size", user_id).value_or(false))
        db.change("answers_bound", user_id, max_kept_answer_bytes / 4 * 3);
}
// The same for a request that was to create alerts; see Alerts::create_alerts().
template <typename Connection>
void settle_key(Connection& db, const Uuid& user_id, const IdempotentRequest& request,
                std::span<const CreateAlertResult> results, const Alerts::AnswerOf& answer) {
    const bool any = std::ranges::any_of(results, [](const auto& result) { return result.has_value(); });
    settle_key(db, user_id, request.key, any, any && answer ? answer(results) : request.answer);
}

// See Alerts::create_each().
inline void throw_if_all_failed(std::span<const AlertCreation> creations) {
    if (creations.empty() ||
        !std::ranges::all_of(creations, [](const auto& c) { return c.error != nullptr; }))
        return;
    std::rethrow_exception(creations.front().error);
}

// request, status, answer. An empty answer was not kept.
inline constexpr auto read_answer = [](const auto& row) {
    StoredAnswer out;
    const auto hash = row.bytes(0);
    if (hash.size() != out.request.size()) throw StorageError("database: a hash is not 32 bytes");
    std::copy_n(reinterpret_cast<const std::uint8_t*>(hash.data()), hash.size(), out.request.begin());
    out.status = int_at(row, 1);
    if (const auto answer = row.text(2); !answer.empty()) out.answer = answer;
    return out;
};

}  // namespace pricewire::storage::sql
