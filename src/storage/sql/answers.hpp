#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/alerts.hpp"
#include "storage/sql/rows.hpp"

// Answers to requests with a key, in the transaction that creates something.
namespace pricewire::storage::sql {

// False if the key is used. One that is taken is kept or dropped before the commit.
template <typename Connection>
bool take_key(Connection& db, const Uuid& user_id, const IdempotentRequest& request) {
    return db.change("answer_take", user_id, request.key, request.request, request.status, request.at,
                     request.at - keep_answers) > 0;
}
template <typename Connection>
void keep_answer(Connection& db, const Uuid& user_id, std::string_view key, std::string_view answer) {
    db.change("answer_keep", user_id, key, answer);
    db.change("answers_bound", user_id, max_kept_answers, max_kept_answer_bytes);
}
template <typename Connection>
void drop_key(Connection& db, const Uuid& user_id, std::string_view key) {
    db.change("answer_drop", user_id, key);
}

// request, status, answer.
inline constexpr auto read_answer = [](const auto& row) {
    StoredAnswer out;
    const auto hash = row.bytes(0);
    if (hash.size() != out.request.size()) throw StorageError("database: a hash is not 32 bytes");
    std::copy_n(reinterpret_cast<const std::uint8_t*>(hash.data()), hash.size(), out.request.begin());
    out.status = int_at(row, 1);
    out.answer = row.text(2);
    return out;
};

}  // namespace pricewire::storage::sql
