#pragma once

#include <utility>
#include <vector>

#include "storage/sql/calls.hpp"
#include "storage/sql/change.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage::sql {

// What the parts of a Store run their queries with.
//
// Db offers read(f); read_behind(f), which may read from a replica; statement(durability, f) for one writing statement; and
// transaction(durability, f). Each of them calls f with a Connection:
//   change(query, values...)       runs it; how many rows it changed
//   change_each(query, rows, values, rest...)  the same for each row with the tuple values(row), then rest
//   first(read, query, values...)  the first row, if any
//   all(read, query, values...)    all rows
//   notify(changes)                raises events after the commit; within a transaction
template <typename Db>
class StoreBase : public Storage, protected Calls {
public:
    using Connection = typename Db::Connection;

protected:
    template <typename... Options>
    explicit StoreBase(const StorageEvents& events, const Options&... options)
        : Calls(events), db_(options...) {}

    // Every method of the interface runs within one of these, or write().
    template <typename F>
    auto read(const char* method, F&& f) {
        return call(method, [&] { return db_.read(f); });
    }
    // For what need not be the newest: see Bars.
    template <typename F>
    auto read_behind(const char* method, F&& f) {
        return call(method, [&] { return db_.read_behind(f); });
    }
    template <typename F>
    auto statement(const char* method, Durability durability, F&& f) {
        return write(method, [&] { return db_.statement(durability, f); });
    }
    template <typename F>
    auto transaction(const char* method, Durability durability, F&& f) {
        return write(method, [&] { return db_.transaction(durability, f); });
    }

    template <typename T>
    static std::vector<T> present(std::vector<std::optional<T>> rows) {
        std::vector<T> out;
        out.reserve(rows.size());
        for (auto& row : rows) {
            if (row) out.push_back(std::move(*row));
        }
        return out;
    }

    template <typename Read>
    static auto with_id(Read read) {
        return [read](const auto& row) { return std::pair(row.id(0), read(row)); };
    }
    // A page of a listing in descending order of ids. Skipped rows do not count, so that a page that is not
    // full is the last one.
    template <typename Fetch>
    static auto page(std::size_t limit, Uuid before, Fetch fetch) {
        std::size_t asked = limit;
        auto rows = fetch(before, asked);
        std::vector<typename decltype(rows.front().second)::value_type> out;
        while (true) {
            for (auto& [id, record] : rows) {
                before = id;
                if (record && out.size() < limit) out.push_back(std::move(*record));
            }
            if (rows.size() < asked || out.size() == limit) return out;
            // Not a query for each skipped row.
            asked = std::max(limit, min_refill);
            rows = fetch(before, asked);
        }
    }

    static constexpr std::size_t min_refill = 100;  // rows

    Db db_;
};

}  // namespace pricewire::storage::sql
